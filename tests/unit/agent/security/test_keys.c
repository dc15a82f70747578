#include "tests/unit/test.h"

#include <sys/stat.h>

#include "agent/security/keys/keys.h"
#include "common/base/encode.h"
#include "tests/unit/agent/security/temp.h"

static const uint8_t master[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                   16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

static struct edge_bytes text(const char *t)
{
    return (struct edge_bytes){(const uint8_t *) t, strlen(t)};
}

static struct sec_keys *open_keys(const char *dir)
{
    struct sec_keys *keys = NULL;
    struct edge_err err = {0};

    if (sec_keys_open(dir, NULL, &keys, &err) < 0)
        fail_msg("%s", err.text);
    return keys;
}

/* Made by: python3 -c 'hmac.digest(bytes(range(32)), b"mod:gen:primary", "sha256")', and so on. */
static void test_module_keys_are_those_of_iot_edge(void **state)
{
    EDGE_CLEANUP(sec_keys_close) struct sec_keys *keys = NULL;
    EDGE_CLEANUP(edge_free) char *dir = edge_format("%s/vector", temp_folder);
    EDGE_CLEANUP(edge_free) char *file = edge_format("%s/master-identity", dir);
    EDGE_CLEANUP(edge_free) char *primary = NULL;
    EDGE_CLEANUP(edge_free) char *secondary = NULL;
    EDGE_CLEANUP(edge_free) char *signature = NULL;
    uint8_t mac[EDGE_HMAC_SIZE];
    (void) state;

    assert_int_equal(edge_mkdirs(dir, 0700, NULL), 0);
    assert_int_equal(edge_file_write(file, master, sizeof master, 0600, NULL), 0);
    keys = open_keys(dir);
    assert_int_equal(sec_keys_module(keys, "mod", "gen", SEC_PRIMARY, mac, NULL), 0);
    primary = edge_base64(mac, sizeof mac);
    assert_int_equal(sec_keys_module(keys, "mod", "gen", SEC_SECONDARY, mac, NULL), 0);
    secondary = edge_base64(mac, sizeof mac);
    assert_int_equal(sec_keys_sign(keys, "mod", "gen", text("data"), mac, NULL), 0);
    signature = edge_base64(mac, sizeof mac);
    assert_string_equal(primary, "oTkGzM/pLu+Y4X/slJz0M/MsVT3+wHDX9svbAXidAJk=");
    assert_string_equal(secondary, "wSP3fylVNmjCGRuSAjhkvnHwYHVSj/rukrDZ0hwLt3Y=");
    assert_string_equal(signature, "8NQLLzx95DSVUA3nuIhFKex+ufgxuAZu3fxcNPqty7o=");
}

static void test_keys_stay_and_are_for_us_alone(void **state)
{
    EDGE_CLEANUP(edge_free) char *dir = edge_format("%s/stay", temp_folder);
    EDGE_CLEANUP(edge_free) char *file = edge_format("%s/master-identity", dir);
    EDGE_CLEANUP(sec_keys_close) struct sec_keys *first = open_keys(dir);
    EDGE_CLEANUP(sec_keys_close) struct sec_keys *second = open_keys(dir);
    struct sec_keys *third = NULL;
    struct edge_err err = {0};
    uint8_t a[EDGE_HMAC_SIZE];
    uint8_t b[EDGE_HMAC_SIZE];
    struct stat st;
    (void) state;

    assert_int_equal(sec_keys_module(first, "m", "g", SEC_PRIMARY, a, NULL), 0);
    assert_int_equal(sec_keys_module(second, "m", "g", SEC_PRIMARY, b, NULL), 0);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    assert_int_equal(chmod(file, 0644), 0);
    assert_int_equal(sec_keys_open(dir, NULL, &third, &err), EDGE_EAUTH);
    assert_non_null(strstr(err.text, "chmod 0600"));
}

static void test_a_damaged_key_is_not_replaced(void **state)
{
    EDGE_CLEANUP(edge_free) char *dir = edge_format("%s/damaged", temp_folder);
    EDGE_CLEANUP(edge_free) char *file = edge_format("%s/master-encryption", dir);
    static const char *const contents[] = {"", "short", "this one is far longer than a key may be"};
    (void) state;

    assert_int_equal(edge_mkdirs(dir, 0700, NULL), 0);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(contents); i++) {
        struct sec_keys *keys = NULL;
        struct edge_err err = {0};

        assert_int_equal(edge_file_write(file, contents[i], strlen(contents[i]), 0600, NULL), 0);
        assert_int_equal(sec_keys_open(dir, NULL, &keys, &err), EDGE_ESTORE);
        assert_non_null(strstr(err.text, "master-encryption is damaged"));
    }
}

static int crypt_text(struct sec_keys *keys, const char *iv, struct edge_bytes in,
                      struct edge_buf *out, bool open)
{
    const struct sec_seal seal = {"mod", "gen", text(iv)};

    return open ? sec_keys_decrypt(keys, &seal, in, out, NULL)
                : sec_keys_encrypt(keys, &seal, in, out, NULL);
}

static struct edge_bytes of(const struct edge_buf *buf)
{
    return (struct edge_bytes){(const uint8_t *) buf->data, buf->len};
}

static void test_what_is_sealed_opens_only_as_it_was_sealed(void **state)
{
    EDGE_CLEANUP(edge_free) char *dir = edge_format("%s/seal", temp_folder);
    EDGE_CLEANUP(sec_keys_close) struct sec_keys *keys = open_keys(dir);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf sealed = EDGE_BUF_INIT(4096);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf again = EDGE_BUF_INIT(4096);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf plain = EDGE_BUF_INIT(4096);
    const struct sec_seal other = {"mo", "dgen", text("iv")};
    (void) state;

    assert_int_equal(crypt_text(keys, "iv", text("hello"), &sealed, false), 0);
    assert_int_equal(crypt_text(keys, "iv", text("hello"), &again, false), 0);
    assert_int_equal(sealed.len, 1 + 32 + 5 + 16);
    assert_memory_not_equal(sealed.data + 33, again.data + 33, 5);
    assert_int_equal(crypt_text(keys, "iv", of(&sealed), &plain, true), 0);
    assert_int_equal(plain.len, 5);
    assert_memory_equal(plain.data, "hello", 5);
    assert_int_equal(crypt_text(keys, "iw", of(&sealed), &plain, true), EDGE_EINVALID);
    assert_int_equal(sec_keys_decrypt(keys, &other, of(&sealed), &plain, NULL), EDGE_EINVALID);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] = (char) (sealed.data[i] ^ 1);
        assert_int_equal(crypt_text(keys, "iv", of(&sealed), &plain, true), EDGE_EINVALID);
        sealed.data[i] = (char) (sealed.data[i] ^ 1);
    }
    for (size_t len = 0; len < sealed.len; len++) {
        struct edge_bytes cut = {(const uint8_t *) sealed.data, len};

        assert_int_equal(crypt_text(keys, "iv", cut, &plain, true), EDGE_EINVALID);
    }
}

static void test_nothing_at_all_can_be_sealed(void **state)
{
    EDGE_CLEANUP(edge_free) char *dir = edge_format("%s/empty", temp_folder);
    EDGE_CLEANUP(sec_keys_close) struct sec_keys *keys = open_keys(dir);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf sealed = EDGE_BUF_INIT(4096);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf plain = EDGE_BUF_INIT(4096);
    (void) state;

    assert_int_equal(crypt_text(keys, "", text(""), &sealed, false), 0);
    assert_int_equal(crypt_text(keys, "", of(&sealed), &plain, true), 0);
    assert_int_equal(plain.len, 0);
}

static void test_a_key_in_a_text_is_base64(void **state)
{
    struct sec_secret *secret = NULL;
    struct edge_err err = {0};
    uint8_t mac[EDGE_HMAC_SIZE];
    EDGE_CLEANUP(edge_free) char *signature = NULL;
    (void) state;

    assert_int_equal(sec_secret_of_text("not base64!", &secret, &err), EDGE_EINVALID);
    assert_null(strstr(err.text, "not base64!"));
    assert_int_equal(sec_secret_of_text("", &secret, &err), EDGE_EINVALID);
    assert_int_equal(sec_secret_of_text("a2V5", &secret, &err), 0);
    assert_int_equal(
        sec_secret_hmac(secret, "The quick brown fox jumps over the lazy dog", 43, mac, NULL), 0);
    signature = edge_base64(mac, sizeof mac);
    assert_string_equal(signature, "97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg=");
    sec_secret_free(secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_module_keys_are_those_of_iot_edge),
        cmocka_unit_test(test_keys_stay_and_are_for_us_alone),
        cmocka_unit_test(test_a_damaged_key_is_not_replaced),
        cmocka_unit_test(test_what_is_sealed_opens_only_as_it_was_sealed),
        cmocka_unit_test(test_nothing_at_all_can_be_sealed),
        cmocka_unit_test(test_a_key_in_a_text_is_base64),
    };

    return cmocka_run_group_tests(tests, make_temp, remove_temp);
}
