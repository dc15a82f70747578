/* Keys in a PKCS#11 token: SoftHSM2, with a token folder of this test's own. */
#include "tests/unit/test.h"

#include <errno.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <sys/stat.h>

#include "agent/security/keys/keys.h"
#include "common/base/encode.h"
#include "common/base/spawn.h"
#include "tests/unit/agent/security/temp.h"

#define PIN "4321"

static const char *const modules[] = {
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
};
static const char *module_path;

static void run(const char *const *argv)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf said = EDGE_BUF_INIT(4096);
    const struct edge_spawn spawn = {.argv = argv, .timeout_ms = 20000};
    int status = -1;

    assert_int_equal(edge_spawn_run(&spawn, &said, &said, &status, NULL), 0);
    if (status != 0)
        fail_msg("%s: %d: %s", argv[0], status, said.data);
}

static int make_token(void **state)
{
    EDGE_CLEANUP(edge_free) char *conf = NULL;
    struct stat st;
    const char *const argv[] = {"softhsm2-util", "--init-token", "--free", "--label", "edge",
                                "--so-pin",      "9999",         "--pin",  PIN,       NULL};

    if (make_temp(state) < 0)
        return -1;
    conf = edge_format("directories.tokendir = %s\nlog.level = ERROR\n", temp_folder);
    if (edge_file_write(temp_path("softhsm2.conf"), conf, strlen(conf), 0600, NULL) < 0)
        return -1;
    (void) setenv("SOFTHSM2_CONF", temp_path("softhsm2.conf"), 1);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(modules); i++) {
        if (stat(modules[i], &st) == 0)
            module_path = modules[i];
    }
    assert_non_null(module_path);
    run(argv);
    return 0;
}

static char *uri(const char *pin, const char *more)
{
    return edge_format("pkcs11:token=edge%s?module-path=%s&pin-value=%s", more, module_path, pin);
}

static void test_master_keys_are_made_in_the_token_and_stay_there(void **state)
{
    EDGE_CLEANUP(edge_free) char *token = uri(PIN, "");
    EDGE_CLEANUP(edge_free) char *dir = edge_format("%s/keys", temp_folder);
    EDGE_CLEANUP(edge_free) char *file = edge_format("%s/master-identity", dir);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf sealed = EDGE_BUF_INIT(4096);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf plain = EDGE_BUF_INIT(4096);
    const struct sec_seal seal = {"mod", "gen", {(const uint8_t *) "iv", 2}};
    uint8_t macs[2][EDGE_HMAC_SIZE];
    struct stat st;
    (void) state;

    for (int i = 0; i < 2; i++) { /* the second time they are found */
        EDGE_CLEANUP(sec_keys_close) struct sec_keys *keys = NULL;
        struct edge_err err = {0};

        if (sec_keys_open(dir, token, &keys, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(sec_keys_module(keys, "mod", "gen", SEC_PRIMARY, macs[i], &err), 0);
        if (i == 0)
            assert_int_equal(
                sec_keys_encrypt(keys, &seal, (struct edge_bytes){macs[0], 32}, &sealed, &err), 0);
        else
            assert_int_equal(
                sec_keys_decrypt(keys, &seal,
                                 (struct edge_bytes){(const uint8_t *) sealed.data, sealed.len},
                                 &plain, &err),
                0);
    }
    assert_memory_equal(macs[0], macs[1], EDGE_HMAC_SIZE);
    assert_int_equal(plain.len, 32);
    assert_memory_equal(plain.data, macs[0], 32);
    assert_int_equal(stat(file, &st), -1);
}

/* As an operator's tool would put it there. */
static void put_key(const char *label, const char *value)
{
    CK_FUNCTION_LIST *ck = p11_kit_module_load(module_path, 0);
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE key[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_SIGN, &yes, sizeof yes},
        {CKA_LABEL, (void *) (uintptr_t) label, strlen(label)},
        {CKA_VALUE, (void *) (uintptr_t) value, strlen(value)},
    };
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE object;
    CK_SLOT_ID slots[8];
    CK_ULONG n = 8;

    assert_non_null(ck);
    assert_int_equal(p11_kit_module_initialize(ck), CKR_OK);
    assert_int_equal(ck->C_GetSlotList(CK_TRUE, slots, &n), CKR_OK);
    assert_int_equal(
        ck->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
        CKR_OK);
    assert_int_equal(ck->C_Login(session, CKU_USER, (unsigned char *) PIN, strlen(PIN)), CKR_OK);
    assert_int_equal(ck->C_CreateObject(session, key, EDGE_ARRAY_LEN(key), &object), CKR_OK);
    assert_int_equal(p11_kit_module_finalize(ck), CKR_OK);
    p11_kit_module_release(ck);
}

/* Made by Python: hmac.digest(key, text, "sha256"). */
static void test_a_key_in_the_token_signs_as_its_bytes_would(void **state)
{
    static const uint8_t expected[] = {0xbb, 0x81, 0x0b, 0xc0, 0xc6, 0xbc, 0x85, 0x64,
                                       0x21, 0x90, 0x5f, 0x47, 0x3e, 0x3a, 0x14, 0x16,
                                       0x83, 0x72, 0x79, 0x2c, 0xb7, 0xd1, 0x68, 0x0b,
                                       0x33, 0x0d, 0x31, 0x6a, 0xe6, 0x55, 0x5b, 0x79};
    EDGE_CLEANUP(edge_free) char *object = uri(PIN, ";object=device");
    EDGE_CLEANUP(edge_free) char *missing = uri(PIN, ";object=nothing");
    EDGE_CLEANUP(sec_secret_free) struct sec_secret *secret = NULL;
    struct sec_secret *none = NULL;
    struct edge_err err = {0};
    uint8_t mac[EDGE_HMAC_SIZE];
    (void) state;

    put_key("device", "a key of thirty-two characters!!");
    if (sec_secret_of_text(object, &secret, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(sec_secret_hmac(secret, "what do ya want for nothing?", 28, mac, &err), 0);
    assert_memory_equal(mac, expected, sizeof mac);
    assert_int_equal(sec_secret_of_text(missing, &none, &err), -ENOENT);
    assert_null(none);
}

static void test_a_token_that_cannot_be_used_is_told_and_its_pin_is_not(void **state)
{
    EDGE_CLEANUP(edge_free) char *pin = uri("7654321", "");
    EDGE_CLEANUP(edge_free)
    char *label = edge_format("pkcs11:token=other?module-path=%s&pin-value=" PIN, module_path);
    EDGE_CLEANUP(edge_free)
    char *source = edge_format("pkcs11:token=edge?module-path=%s&pin-source=%s", module_path,
                               temp_path("nowhere"));
    struct sec_secret *secret = NULL;
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(sec_secret_of_token(pin, "x", &secret, &err), EDGE_EAUTH);
    assert_null(strstr(err.text, "7654321"));
    assert_int_equal(sec_secret_of_token(label, "x", &secret, &err), EDGE_EUNAVAILABLE);
    assert_int_equal(sec_secret_of_token(source, "x", &secret, &err), -ENOENT);
    assert_int_equal(
        sec_secret_of_token("pkcs11:token=edge?module-path=/nowhere.so", "x", &secret, &err),
        EDGE_EUNAVAILABLE);
    assert_int_equal(sec_secret_of_token("pkcs11:%zz", "x", &secret, &err), EDGE_EINVALID);
    assert_null(secret);
}

static void test_the_pin_may_stand_in_a_file(void **state)
{
    EDGE_CLEANUP(edge_free) char *file = edge_format("%s/pin", temp_folder);
    EDGE_CLEANUP(edge_free)
    char *token =
        edge_format("pkcs11:token=edge?module-path=%s&pin-source=file:%s", module_path, file);
    EDGE_CLEANUP(sec_secret_free) struct sec_secret *secret = NULL;
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(edge_file_write(file, PIN "\n", strlen(PIN) + 1, 0600, NULL), 0);
    if (sec_secret_of_token(token, "by-file", &secret, &err) < 0)
        fail_msg("%s", err.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_master_keys_are_made_in_the_token_and_stay_there),
        cmocka_unit_test(test_a_key_in_the_token_signs_as_its_bytes_would),
        cmocka_unit_test(test_a_token_that_cannot_be_used_is_told_and_its_pin_is_not),
        cmocka_unit_test(test_the_pin_may_stand_in_a_file),
    };

    return cmocka_run_group_tests(tests, make_token, remove_temp);
}
