#include "tests/unit/test.h"

#include "common/base/err.h"
#include "common/crypto/aead.h"

/* AES-256-GCM with a key of zeros, a nonce of zeros, and 16 zeros: test case 14 of McGrew and
 * Viega.
 */
static void test_the_cipher_is_aes_256_gcm(void **state)
{
    static const uint8_t expected[] = {0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e,
                                       0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18,
                                       0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0,
                                       0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19};
    static const uint8_t zeros[32];
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(64);
    (void) state;

    assert_int_equal(
        edge_aead_seal(zeros, (struct edge_bytes){zeros, 0}, (struct edge_bytes){zeros, 16}, &out),
        0);
    assert_int_equal(out.len, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
}

static void test_what_was_changed_does_not_open(void **state)
{
    static const uint8_t key[EDGE_AEAD_KEY] = {7};
    static const struct edge_bytes aad = {(const uint8_t *) "who", 3};
    static const struct edge_bytes other = {(const uint8_t *) "you", 3};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf sealed = EDGE_BUF_INIT(64);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf plain = EDGE_BUF_INIT(64);
    struct edge_bytes all;
    (void) state;

    assert_int_equal(
        edge_aead_seal(key, aad, (struct edge_bytes){(const uint8_t *) "text", 4}, &sealed), 0);
    all = (struct edge_bytes){(const uint8_t *) sealed.data, sealed.len};
    assert_int_equal(edge_aead_open(key, other, all, &plain), EDGE_EINVALID);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 1;
        assert_int_equal(edge_aead_open(key, aad, all, &plain), EDGE_EINVALID);
        sealed.data[i] ^= 1;
        assert_int_equal(edge_aead_open(key, aad, (struct edge_bytes){all.data, i}, &plain),
                         EDGE_EINVALID);
    }
    assert_int_equal(plain.len, 0);
    assert_int_equal(edge_aead_open(key, aad, all, &plain), 0);
    assert_int_equal(plain.len, 4);
    assert_memory_equal(plain.data, "text", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_cipher_is_aes_256_gcm),
        cmocka_unit_test(test_what_was_changed_does_not_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
