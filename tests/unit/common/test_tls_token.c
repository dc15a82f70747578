/* Keys that stay in a PKCS#11 token: a software one in a folder of its own. */
#include "tests/unit/test.h"

#include <unistd.h>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/tls/tls.h"
#include "tests/unit/common/pki.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"

static char dir[] = "/tmp/edge-test-token-XXXXXX";

static void sh(const char *command)
{
    EDGE_CLEANUP(edge_free) char *quiet = edge_format("(%s) >%s/out 2>&1", command, dir);

    if (system(quiet) != 0)
        fail_msg("%s", command);
}

static int setup(void **state)
{
    EDGE_CLEANUP(edge_free) char *conf = NULL;
    EDGE_CLEANUP(edge_free) char *path = NULL;
    EDGE_CLEANUP(edge_free) char *tokens = NULL;
    (void) state;

    if (!mkdtemp(dir))
        return -1;
    tokens = edge_format("%s/tokens", dir);
    path = edge_format("%s/softhsm2.conf", dir);
    conf = edge_format("directories.tokendir = %s\nobjectstore.backend = file\n", tokens);
    assert_int_equal(edge_mkdirs(tokens, 0700, NULL), 0);
    assert_int_equal(edge_file_write(path, conf, strlen(conf), 0600, NULL), 0);
    setenv("SOFTHSM2_CONF", path, 1);
    sh("softhsm2-util --init-token --free --label edge --pin 1234 --so-pin 5678");
    sh("pkcs11-tool --module " MODULE " --token-label edge --login --pin 1234 --keypairgen "
       "--key-type EC:prime256v1 --label ec --id 01");
    sh("pkcs11-tool --module " MODULE " --token-label edge --login --pin 1234 --keypairgen "
       "--key-type rsa:2048 --label rsa --id 02");
    return 0;
}

static int teardown(void **state)
{
    (void) state;
    return edge_remove_tree(dir, NULL);
}

#define URI(name)                                                                                  \
    "pkcs11:token=edge;object=" name ";type=private?module-path=" MODULE "&pin-value=1234"

static void test_a_key_in_a_token_signs_and_serves(void **state)
{
    static const char *const uris[] = {URI("ec"), URI("rsa")};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(uris); i++) {
        struct edge_cert_order order = {.use = EDGE_CERT_CA,
                                        .cn = "Token CA",
                                        .pathlen = -1,
                                        .not_before_s = time(NULL) - PKI_DAY,
                                        .not_after_s = time(NULL) + PKI_DAY};
        struct edge_tls_server_options options = {.key_pem = uris[i]};
        struct edge_tls_server *server = NULL;
        struct edge_err err = {0};
        struct pki token = {0};
        struct pki leaf;

        if (edge_key_load(uris[i], &token.key, &err) < 0)
            fail_msg("%s", err.text);
        assert_null(edge_key_pem(token.key)); /* it stays where it is */
        order.key = token.key;
        if (edge_cert_issue(&order, NULL, NULL, &token.pem, &err) < 0)
            fail_msg("%s", err.text);
        assert_true(edge_cert_fits(token.pem, token.key));
        leaf = pki_client("device", &token);
        assert_int_equal(edge_cert_verify(leaf.pem, token.pem, EDGE_CERT_CLIENT, time(NULL), &err),
                         0);
        options.chain_pem = token.pem;
        if (edge_tls_server_create(&options, &server, &err) < 0)
            fail_msg("%s", err.text);
        edge_tls_server_destroy(server);
        pki_free(&leaf);
        pki_free(&token);
    }
}

/* libp11 is talkative, and what it would say goes into the journal. */
static void test_what_is_not_there_is_said_without_the_pin(void **state)
{
    static const char *const uris[] = {
        "pkcs11:token=edge;object=ec;type=private?pin-value=9999&module-path=" MODULE,
        URI("nothing"),
        "pkcs11:token=nowhere;object=ec?pin-value=1234",
        "pkcs11:token=edge;object=ec?pin-value=1234&module-path=/nowhere.so",
    };
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/stderr", dir);
    struct edge_buf said = EDGE_BUF_INIT(65536);
    int saved = dup(STDERR_FILENO);
    (void) state;

    assert_non_null(freopen(path, "w", stderr));
    for (size_t i = 0; i < EDGE_ARRAY_LEN(uris); i++) {
        struct edge_key *key = NULL;
        struct edge_err err = {0};

        assert_true(edge_key_load(uris[i], &key, &err) < 0);
        assert_null(key);
        assert_true(*err.text);
        (void) fprintf(stderr, "%s\n", err.text);
    }
    (void) fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_int_equal(edge_file_read(path, &said, NULL), 0);
    assert_true(said.len > 0);
    assert_null(strstr(said.data, "1234"));
    assert_null(strstr(said.data, "9999"));
    edge_buf_fini(&said);
}

static void test_a_module_that_cannot_be_named_is_told_as_such(void **state)
{
    static const char uri[] = "pkcs11:token=edge?pin-value=1234&module-path=/a%zz";
    struct edge_key *key = NULL;
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(edge_key_load(uri, &key, &err), EDGE_EINVALID);
    assert_non_null(strstr(err.text, "module-path"));
    assert_null(strstr(err.text, "1234"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_there_is_said_without_the_pin),
        cmocka_unit_test(test_a_module_that_cannot_be_named_is_told_as_such),
        cmocka_unit_test(test_a_key_in_a_token_signs_and_serves),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
