/* Certificates made, read and verified, and checked by the openssl program as a second opinion. */
#include "tests/unit/test.h"

#include <unistd.h>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "tests/unit/common/pki.h"

static struct pki ca;
static struct pki other_ca;

static int setup(void **state)
{
    (void) state;
    ca = pki_ca("Test Root", NULL);
    other_ca = pki_ca("Other Root", NULL);
    return 0;
}

static int teardown(void **state)
{
    (void) state;
    pki_free(&ca);
    pki_free(&other_ca);
    return 0;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("`%s` is not in `%s`", part, text);
}

/* What the program openssl prints, its exit code first. */
static char *openssl(const char *args, const char *pem)
{
    static char text[32 * 1024];
    char path[] = "/tmp/edge-test-cert-XXXXXX";
    int fd = mkstemp(path);
    char command[400];
    FILE *out;
    size_t len;

    assert_true(fd >= 0);
    assert_int_equal(edge_write_all(fd, pem, strlen(pem)), 0);
    close(fd);
    (void) snprintf(command, sizeof command, "openssl %s %s 2>&1; echo exit=$?", args, path);
    out = popen(command, "r");
    assert_non_null(out);
    len = fread(text, 1, sizeof text - 1, out);
    text[len] = '\0';
    (void) pclose(out);
    (void) unlink(path);
    return text;
}

static void test_a_server_certificate_says_what_was_ordered(void **state)
{
    static const char *const dns[] = {"edge.local", "10.0.0.7", "::1", NULL};
    static const char *const uri[] = {"azureiot://hub/devices/d", NULL};
    struct edge_cert_order order = {
        .use = EDGE_CERT_SERVER, .cn = "edge.local", .dns = dns, .uri = uri};
    struct pki id = pki_issue(order, &ca);
    struct edge_cert_info info;
    char *text;
    (void) state;

    text = openssl("x509 -noout -text -in", id.pem);
    assert_has(text, "exit=0");
    assert_has(text, "Version: 3");
    assert_has(text, "Issuer: CN = Test Root");
    assert_has(text, "Subject: CN = edge.local");
    assert_has(text, "DNS:edge.local, IP Address:10.0.0.7, IP Address:0:0:0:0:0:0:0:1, "
                     "URI:azureiot://hub/devices/d");
    assert_has(text, "TLS Web Server Authentication");
    assert_null(strstr(text, "TLS Web Client Authentication"));
    assert_has(text, "CA:FALSE");
    assert_has(text, "ecdsa-with-SHA256");
    assert_has(text, "X509v3 Authority Key Identifier");
    assert_int_equal(edge_cert_read(id.pem, &info, NULL), 0);
    assert_string_equal(info.cn, "edge.local");
    assert_false(info.is_ca);
    assert_int_equal(info.count, 1);
    assert_true(info.not_after_s > time(NULL) + 29 * PKI_DAY);
    assert_true(info.not_before_s < time(NULL));
    text = openssl("x509 -noout -fingerprint -sha1 -in", id.pem);
    for (const char *c = info.sha1; *c; c++) {
        text = strchr(text, *c);
        assert_non_null(text); /* in this order, with colons between */
    }
    assert_true(edge_cert_fits(id.pem, id.key));
    assert_false(edge_cert_fits(id.pem, ca.key));
    pki_free(&id);
}

static void test_a_ca_has_its_path_length_and_no_more_life_than_its_issuer(void **state)
{
    struct edge_cert_order order = {.use = EDGE_CERT_CA,
                                    .cn = "Sub",
                                    .pathlen = 1,
                                    .not_after_s = time(NULL) + 3000 * (int64_t) PKI_DAY};
    struct pki sub = pki_issue(order, &ca);
    struct edge_cert_info info;
    struct edge_cert_info issuer;
    (void) state;

    assert_has(openssl("x509 -noout -text -in", sub.pem), "CA:TRUE, pathlen:1");
    assert_int_equal(edge_cert_read(sub.pem, &info, NULL), 0);
    assert_int_equal(edge_cert_read(ca.pem, &issuer, NULL), 0);
    assert_true(info.is_ca);
    assert_int_equal(info.not_after_s, issuer.not_after_s);
    pki_free(&sub);
}

static void test_orders_that_cannot_be_filled_are_refused(void **state)
{
    static const char *const bad[] = {"a b", NULL};
    static const char *const umlaut[] = {"\xc3\xbc.example", NULL};
    struct pki leaf = pki_client("leaf", &ca);
    struct pki old = pki_issue((struct edge_cert_order){.use = EDGE_CERT_CA,
                                                        .cn = "Old",
                                                        .pathlen = -1,
                                                        .not_before_s = 1000,
                                                        .not_after_s = 2000},
                               NULL);
    struct edge_cert_order order = {.use = EDGE_CERT_CLIENT,
                                    .cn = "x",
                                    .not_before_s = time(NULL),
                                    .not_after_s = time(NULL) + PKI_DAY,
                                    .key = leaf.key};
    struct edge_err err = {0};
    char long_name[66];
    char *pem = NULL;
    (void) state;

    assert_int_equal(edge_cert_issue(&order, leaf.pem, leaf.key, &pem, &err), EDGE_EINVALID);
    assert_has(err.text, "not one of a CA");
    assert_int_equal(edge_cert_issue(&order, ca.pem, leaf.key, &pem, &err), EDGE_EINVALID);
    assert_has(err.text, "does not fit");
    assert_int_equal(edge_cert_issue(&order, old.pem, old.key, &pem, &err), EDGE_EINVALID);
    assert_has(err.text, "expired");
    assert_int_equal(edge_cert_issue(&order, "nonsense", ca.key, &pem, &err), EDGE_EINVALID);
    order.dns = bad;
    assert_int_equal(edge_cert_issue(&order, ca.pem, ca.key, &pem, &err), EDGE_EINVALID);
    assert_has(err.text, "\"a b\" cannot be an alternative name");
    order.dns = umlaut;
    assert_int_equal(edge_cert_issue(&order, ca.pem, ca.key, &pem, &err), EDGE_EINVALID);
    assert_has(err.text, "cannot be an alternative name");
    order.dns = NULL;
    order.cn = "";
    assert_int_equal(edge_cert_issue(&order, ca.pem, ca.key, &pem, &err), EDGE_EINVALID);
    memset(long_name, 'n', 65);
    long_name[65] = '\0';
    order.cn = long_name;
    assert_int_equal(edge_cert_issue(&order, ca.pem, ca.key, &pem, &err), EDGE_EINVALID);
    long_name[64] = '\0';
    assert_int_equal(edge_cert_issue(&order, ca.pem, ca.key, &pem, &err), 0);
    free(pem);
    pem = NULL;
    order.not_after_s = order.not_before_s;
    assert_int_equal(edge_cert_issue(&order, ca.pem, ca.key, &pem, &err), EDGE_EINVALID);
    assert_null(pem);
    pki_free(&leaf);
    pki_free(&old);
}

struct verdict {
    const char *name;
    const char *chain;
    const char *cas;
    enum edge_cert_use use;
    int64_t now_s;
    const char *why; /* NULL: trusted */
};

static void judge(const struct verdict *v)
{
    struct edge_err err = {0};
    int rc = edge_cert_verify(v->chain, v->cas, v->use, v->now_s, &err);

    if (!v->why && rc != 0)
        fail_msg("%s: refused: %s", v->name, err.text);
    if (v->why && (rc != EDGE_EAUTH || !strstr(err.text, v->why)))
        fail_msg("%s: %d `%s`, not `%s`", v->name, rc, err.text, v->why);
}

static void test_what_is_trusted_and_what_is_not(void **state)
{
    int64_t now = time(NULL);
    struct pki sub = pki_ca("Sub", &ca);
    struct pki server = pki_server(&sub);
    struct pki client = pki_client("device", &ca);
    struct pki lone = pki_client("device", NULL);
    EDGE_CLEANUP(edge_free) char *chain = edge_format("%s%s", server.pem, sub.pem);
    EDGE_CLEANUP(edge_free) char *both = edge_format("%s%s", other_ca.pem, ca.pem);
    const struct verdict verdicts[] = {
        {"client", client.pem, ca.pem, EDGE_CERT_CLIENT, now, NULL},
        {"one of two CAs", client.pem, both, EDGE_CERT_CLIENT, now, NULL},
        {"through an intermediate", chain, ca.pem, EDGE_CERT_SERVER, now, NULL},
        {"an intermediate as root", server.pem, sub.pem, EDGE_CERT_SERVER, now, NULL},
        {"a CA as CA", sub.pem, ca.pem, EDGE_CERT_CA, now, NULL},
        {"without its intermediate", server.pem, ca.pem, EDGE_CERT_SERVER, now, "issuer"},
        {"wrong CA", client.pem, other_ca.pem, EDGE_CERT_CLIENT, now, "issuer"},
        {"wrong use", client.pem, ca.pem, EDGE_CERT_SERVER, now, "purpose"},
        {"wrong use", chain, ca.pem, EDGE_CERT_CLIENT, now, "purpose"},
        {"expired", client.pem, ca.pem, EDGE_CERT_CLIENT, now + 31 * PKI_DAY, "expired"},
        {"not yet valid", client.pem, ca.pem, EDGE_CERT_CLIENT, now - 2 * PKI_DAY, "not yet"},
        {"a CA as leaf", sub.pem, ca.pem, EDGE_CERT_CLIENT, now, "a CA cannot serve"},
        {"a leaf as CA", client.pem, ca.pem, EDGE_CERT_CA, now, "not one of a CA"},
        {"self-signed", lone.pem, ca.pem, EDGE_CERT_CLIENT, now, "not trusted"},
        {"no chain", "", ca.pem, EDGE_CERT_CLIENT, now, "the certificate shown"},
        {"no CA", client.pem, "", EDGE_CERT_CLIENT, now, "to trust"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(verdicts); i++)
        judge(&verdicts[i]);
    pki_free(&sub);
    pki_free(&server);
    pki_free(&client);
    pki_free(&lone);
}

static void test_a_leaf_cannot_sign_and_path_lengths_count(void **state)
{
    struct pki last =
        pki_issue((struct edge_cert_order){.use = EDGE_CERT_CA, .cn = "Last", .pathlen = 0}, &ca);
    struct pki beyond = pki_ca("Beyond", &last);
    struct pki leaf = pki_client("device", &beyond);
    EDGE_CLEANUP(edge_free) char *chain = edge_format("%s%s%s", leaf.pem, beyond.pem, last.pem);
    struct verdict too_deep = {"path length",    chain,      ca.pem,
                               EDGE_CERT_CLIENT, time(NULL), "path length"};
    (void) state;

    judge(&too_deep);
    pki_free(&last);
    pki_free(&beyond);
    pki_free(&leaf);
}

static void test_text_that_is_no_certificate_is_refused(void **state)
{
    EDGE_CLEANUP(edge_free) char *torn = edge_strdup(ca.pem);
    EDGE_CLEANUP(edge_free) char *second = NULL;
    struct edge_cert_info info;
    struct edge_err err;
    (void) state;

    torn[strlen(torn) / 2] = '!';
    second = edge_format("%s%s", other_ca.pem, torn);
    assert_int_equal(edge_cert_read("", &info, &err), EDGE_EINVALID);
    assert_int_equal(edge_cert_read("hello", &info, &err), EDGE_EINVALID);
    assert_int_equal(edge_cert_read(torn, &info, &err), EDGE_EINVALID);
    assert_int_equal(edge_cert_read(second, &info, &err), EDGE_EINVALID);
    assert_int_equal(edge_cert_read(ca.key_pem, &info, &err), EDGE_EINVALID);
}

static void test_keys_come_in_every_usual_form(void **state)
{
    static const char *const forms[] = {
        "ecparam -name prime256v1 -genkey -noout -out /dev/stdout;:", "genrsa -traditional 2048;:",
        "genpkey -algorithm ED25519;:"};
    struct edge_key *key = NULL;
    struct edge_err err = {0};
    char *text;
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(forms); i++) {
        struct edge_cert_order order = {.use = EDGE_CERT_CA, .cn = "x", .pathlen = -1};
        char *pem = NULL;
        char *again;

        text = openssl(forms[i], "");
        assert_int_equal(edge_key_load(strstr(text, "-----BEGIN"), &key, &err), 0);
        again = edge_key_pem(key);
        assert_has(again, "-----BEGIN PRIVATE KEY-----");
        edge_key_pem_free(again);
        order.key = key;
        order.not_after_s = time(NULL) + PKI_DAY;
        assert_int_equal(edge_cert_issue(&order, NULL, NULL, &pem, &err), 0);
        assert_true(edge_cert_fits(pem, key));
        free(pem);
        key = edge_key_free(key);
    }
    text = openssl("genpkey -algorithm ED25519 -aes256 -pass pass:secret;:", "");
    assert_has(text, "ENCRYPTED");
    assert_int_equal(edge_key_load(strstr(text, "-----BEGIN"), &key, &err), EDGE_EINVALID);
    assert_int_equal(edge_key_load("", &key, &err), EDGE_EINVALID);
    assert_int_equal(edge_key_load(ca.pem, &key, &err), EDGE_EINVALID);
    assert_null(key);
    assert_int_equal(edge_key_generate(EDGE_KEY_RSA_2048, &key, &err), 0);
    edge_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_server_certificate_says_what_was_ordered),
        cmocka_unit_test(test_a_ca_has_its_path_length_and_no_more_life_than_its_issuer),
        cmocka_unit_test(test_orders_that_cannot_be_filled_are_refused),
        cmocka_unit_test(test_what_is_trusted_and_what_is_not),
        cmocka_unit_test(test_a_leaf_cannot_sign_and_path_lengths_count),
        cmocka_unit_test(test_text_that_is_no_certificate_is_refused),
        cmocka_unit_test(test_keys_come_in_every_usual_form),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
