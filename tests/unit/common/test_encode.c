#include "tests/unit/test.h"

#include "common/base/encode.h"
#include "common/base/err.h"
#include "common/crypto/hmac.h"

static void test_base64_of_rfc_4648(void **state)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(pairs); i++) {
        EDGE_CLEANUP(edge_free) char *text = edge_base64(pairs[i][0], strlen(pairs[i][0]));
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf back = EDGE_BUF_INIT(16);

        assert_string_equal(text, pairs[i][1]);
        assert_int_equal(edge_base64_decode(text, strlen(text), &back), 0);
        assert_int_equal(back.len, strlen(pairs[i][0]));
        if (back.len > 0)
            assert_memory_equal(back.data, pairs[i][0], back.len);
    }
}

static void test_base64_is_read_strictly(void **state)
{
    static const char *const bad[] = {"Z",    "Zg",       "Zg=",   "Zg===",  "Zh==", "Zm9=",
                                      "=Zm9", "Zg==Zg==", "Zm 9v", "Zm9v\n", "Z-_v", "===="};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(16);

        if (edge_base64_decode(bad[i], strlen(bad[i]), &out) != EDGE_EINVALID)
            fail_msg("took %s", bad[i]);
    }
}

static void test_percent_encoding_there_and_back(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(100);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf back = EDGE_BUF_INIT(100);
    (void) state;

    assert_int_equal(edge_percent_encode(&out, "a/b $%\xc3\xa4-_.~", 12), 0);
    assert_string_equal(out.data, "a%2Fb%20%24%25%C3%A4-_.~");
    assert_int_equal(edge_percent_decode(&back, out.data, out.len), 0);
    assert_string_equal(back.data, "a/b $%\xc3\xa4-_.~");
}

static void test_percent_decoding_refuses_what_is_cut_or_nul(void **state)
{
    static const char *const bad[] = {"%", "%2", "a%zz", "%0", "x%00y", "%2g"};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(16);

        assert_int_equal(edge_percent_decode(&out, bad[i], strlen(bad[i])), EDGE_EINVALID);
    }
}

static void test_hmac_of_rfc_4231(void **state)
{
    static const uint8_t wanted[EDGE_HMAC_SIZE] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e,
                                                   0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
                                                   0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83,
                                                   0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    const struct edge_bytes key = {(const uint8_t *) "Jefe", 4};
    uint8_t mac[EDGE_HMAC_SIZE];
    (void) state;

    assert_int_equal(edge_hmac_sha256(key, "what do ya want for nothing?", 28, mac), 0);
    assert_true(edge_same_secret(mac, wanted, sizeof mac));
    mac[31] ^= 1;
    assert_false(edge_same_secret(mac, wanted, sizeof mac));
}

static void test_uuids_are_random_and_of_version_4(void **state)
{
    char a[EDGE_UUID_SIZE];
    char b[EDGE_UUID_SIZE];
    (void) state;

    assert_int_equal(edge_uuid(a), 0);
    assert_int_equal(edge_uuid(b), 0);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_of_rfc_4648),
        cmocka_unit_test(test_base64_is_read_strictly),
        cmocka_unit_test(test_percent_encoding_there_and_back),
        cmocka_unit_test(test_percent_decoding_refuses_what_is_cut_or_nul),
        cmocka_unit_test(test_hmac_of_rfc_4231),
        cmocka_unit_test(test_uuids_are_random_and_of_version_4),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
