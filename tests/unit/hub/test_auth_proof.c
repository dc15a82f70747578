/* What IoT Hub says of an identity, and which claims hold against it. */
#include "tests/unit/test.h"

#include <ctype.h>
#include <stdio.h>

#include "common/base/encode.h"
#include "common/iothub/sas.h"
#include "hub/auth/proof.h"
#include "tests/unit/common/pki.h"

enum { NOW = 1700000000 };

static const struct hub_house house = {.hub_name = "Hub.azure-devices.net",
                                       .hostname = "gate.local"};
static const uint8_t first[] = "the first key";
static const uint8_t second[] = "the second key";
static const uint8_t other[] = "another key";

static struct edge_bytes text_key(const uint8_t *key)
{
    return (struct edge_bytes){key, strlen((const char *) key)};
}

static void set_key(struct hub_key *key, const uint8_t *text)
{
    key->len = (uint8_t) strlen((const char *) text);
    memcpy(key->bytes, text, key->len);
}

static struct hub_entry entry_of(const char *device, const char *module, enum hub_entry_kind kind)
{
    struct hub_entry entry = {.kind = kind, .enabled = true};

    (void) snprintf(entry.who.device, sizeof entry.who.device, "%s", device);
    (void) snprintf(entry.who.module, sizeof entry.who.module, "%s", module);
    if (kind == HUB_BY_KEY) {
        set_key(&entry.key[0], first);
        set_key(&entry.key[1], second);
    }
    return entry;
}

static struct world {
    struct hub_proof proof;
    struct edge_err why;
} w;

static enum hub_verdict prove_token(const char *token, const struct hub_entry *entry,
                                    const struct hub_entry *device)
{
    const struct hub_claim claim = {.who = entry->who, .token = token};

    w.proof = (struct hub_proof){0};
    w.why = (struct edge_err){0};
    return hub_prove(&house, entry, device, &claim, NOW, &w.proof, &w.why);
}

static enum hub_verdict prove(const char *resource, int64_t se, const uint8_t *key,
                              const struct hub_entry *entry, const struct hub_entry *device)
{
    EDGE_CLEANUP(edge_free) char *token = edge_sas_make(resource, se, text_key(key), NULL);

    return prove_token(token, entry, device);
}

static void expect_why(const char *part)
{
    if (!strstr(w.why.text, part))
        fail_msg("\"%s\" does not say \"%s\"", w.why.text, part);
}

/* ---- tokens ---- */

static void test_either_key_of_a_device_opens(void **state)
{
    const struct hub_entry d = entry_of("d1", "", HUB_BY_KEY);
    (void) state;

    assert_int_equal(prove("Hub.azure-devices.net/devices/d1", NOW + 60, first, &d, NULL),
                     HUB_PROVEN);
    assert_int_equal(w.proof.until_s, NOW + 60 + 300);
    assert_int_equal(prove("Hub.azure-devices.net/devices/d1", NOW + 60, second, &d, NULL),
                     HUB_PROVEN);
    assert_int_equal(prove("Hub.azure-devices.net/devices/d1", NOW + 60, other, &d, NULL),
                     HUB_DOUBTFUL);
    expect_why("signature");
}

static void test_who_a_token_is_for(void **state)
{
    static const struct {
        const char *resource;
        enum hub_verdict verdict;
    } device[] = {
        {"gate.local/devices/d%1", HUB_PROVEN},
        {"HUB.AZURE-DEVICES.NET/devices/D%1", HUB_PROVEN},
        {"hub.azure-devices.net/devices/d%251", HUB_PROVEN}, /* encoded twice */
        {"gate.local/devices/d%1/", HUB_WRONG},
        {"gate.local/devices/d%1/modules/m", HUB_WRONG},
        {"gate.local/devices/d%1/modules", HUB_WRONG},
        {"gate.local/devices/d%1/modules/m/x", HUB_WRONG},
        {"gate.local/devices/d2", HUB_WRONG},
        {"gate.local/devices", HUB_WRONG},
        {"gate.local", HUB_WRONG},
        {"gate.local/Devices/d%1", HUB_WRONG},
        {"gate.local.evil/devices/d%1", HUB_WRONG},
        {"evil/devices/d%1", HUB_WRONG},
    };
    const struct hub_entry d = entry_of("d%1", "", HUB_BY_KEY);
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(device); i++) {
        enum hub_verdict verdict = prove(device[i].resource, NOW + 60, first, &d, NULL);

        if (verdict != device[i].verdict)
            fail_msg("%s: %d", device[i].resource, verdict);
        if (verdict == HUB_WRONG)
            expect_why("another resource");
    }
}

static void test_a_module_comes_by_its_own_key_or_its_devices(void **state)
{
    const struct hub_entry m = entry_of("d1", "$m", HUB_BY_KEY);
    struct hub_entry d = entry_of("d1", "", HUB_BY_KEY);
    (void) state;

    set_key(&d.key[0], other);
    assert_int_equal(prove("gate.local/devices/d1/modules/%24m", NOW, first, &m, &d), HUB_PROVEN);
    assert_int_equal(prove("gate.local/devices/d1/modules/$m", NOW, second, &m, NULL), HUB_PROVEN);
    assert_int_equal(prove("gate.local/devices/d1", NOW, other, &m, &d), HUB_PROVEN);
    assert_int_equal(prove("gate.local/devices/d1/modules/$m", NOW, other, &m, &d), HUB_PROVEN);
    assert_int_equal(prove("gate.local/devices/d1", NOW, other, &m, NULL), HUB_DOUBTFUL);
    assert_int_equal(prove("gate.local/devices/d1/modules/n", NOW, first, &m, &d), HUB_WRONG);
    d.kind = HUB_BY_CA;
    assert_int_equal(prove("gate.local/devices/d1", NOW, other, &m, &d), HUB_DOUBTFUL);
}

static void test_a_token_serves_five_minutes_longer(void **state)
{
    const struct hub_entry d = entry_of("d1", "", HUB_BY_KEY);
    (void) state;

    assert_int_equal(prove("gate.local/devices/d1", NOW - 120, first, &d, NULL), HUB_PROVEN);
    assert_int_equal(prove("gate.local/devices/d1", NOW - 300, first, &d, NULL), HUB_PROVEN);
    assert_int_equal(prove("gate.local/devices/d1", NOW - 301, first, &d, NULL), HUB_WRONG);
    expect_why("expired");
    assert_int_equal(prove("gate.local/devices/d1", 0, first, &d, NULL), HUB_WRONG);
}

static void test_what_is_no_token(void **state)
{
    const struct hub_entry d = entry_of("d1", "", HUB_BY_KEY);
    EDGE_CLEANUP(edge_free)
    char *token = edge_sas_make("gate.local/devices/d1", NOW, text_key(first), NULL);
    size_t len = strlen(token);
    (void) state;

    assert_int_equal(prove_token(token, &d, NULL), HUB_PROVEN);
    token[strlen("SharedAccessSignature")] = '\n'; /* any one white space */
    assert_int_equal(prove_token(token, &d, NULL), HUB_PROVEN);
    for (size_t cut = 1; cut < len - 1; cut++) {
        EDGE_CLEANUP(edge_free) char *part = strndup(token, len - cut);

        assert_int_not_equal(prove_token(part, &d, NULL), HUB_PROVEN);
        assert_null(strstr(w.why.text, "sig="));
    }
    assert_int_equal(prove_token("password", &d, NULL), HUB_WRONG);
    assert_int_equal(prove_token("", &d, NULL), HUB_WRONG);
    assert_int_equal(prove_token(NULL, &d, NULL), HUB_WRONG);
    expect_why("neither a token nor a certificate");
}

static void test_an_empty_key_signs_nothing(void **state)
{
    struct hub_entry d = entry_of("d1", "", HUB_BY_KEY);
    (void) state;

    memset(d.key, 0, sizeof d.key);
    assert_int_equal(prove("gate.local/devices/d1", NOW, (const uint8_t *) "", &d, NULL),
                     HUB_DOUBTFUL);
}

static void test_who_is_disabled_or_unknown(void **state)
{
    struct hub_entry d = entry_of("d1", "", HUB_BY_KEY);
    struct hub_entry m = entry_of("d1", "m", HUB_BY_KEY);
    const struct hub_claim claim = {.who = d.who, .token = "SharedAccessSignature x"};
    (void) state;

    d.enabled = false;
    assert_int_equal(prove("gate.local/devices/d1", NOW, first, &d, NULL), HUB_DOUBTFUL);
    expect_why("disabled");
    assert_int_equal(prove("gate.local/devices/d1/modules/m", NOW, first, &m, &d), HUB_DOUBTFUL);
    expect_why("disabled");
    d = entry_of("d1", "", HUB_BY_NOTHING);
    assert_int_equal(prove("gate.local/devices/d1", NOW, first, &d, NULL), HUB_DOUBTFUL);
    expect_why("does not use tokens");
    /* Nonsense is not worth a question to the cloud. */
    assert_int_equal(hub_prove(&house, NULL, NULL, &claim, NOW, &w.proof, &w.why), HUB_WRONG);
}

/* ---- certificates ---- */

static struct pki ca, middle, leaf, stranger, elsewhere;

static int make_pki(void **state)
{
    (void) state;
    ca = pki_ca("root", NULL);
    middle = pki_ca("middle", &ca);
    leaf = pki_client("d1", &middle);
    elsewhere = pki_ca("elsewhere", NULL);
    stranger = pki_client("d1", &elsewhere);
    return 0;
}

static int free_pki(void **state)
{
    (void) state;
    pki_free(&ca);
    pki_free(&middle);
    pki_free(&leaf);
    pki_free(&elsewhere);
    pki_free(&stranger);
    return 0;
}

static enum hub_verdict prove_chain(char *chain, const char *trust, const struct hub_entry *entry)
{
    struct edge_tls_peer peer = {.chain_pem = chain};
    const struct hub_claim claim = {.who = entry->who, .token = "", .certificate = &peer};
    struct hub_house with_trust = house;

    with_trust.trust_pem = trust;
    w.proof = (struct hub_proof){0};
    w.why = (struct edge_err){0};
    return hub_prove(&with_trust, entry, NULL, &claim, time(NULL), &w.proof, &w.why);
}

static void test_a_certificate_by_its_thumbprint(void **state)
{
    struct hub_entry d = entry_of("d1", "", HUB_BY_THUMBPRINT);
    struct edge_cert_info info;
    (void) state;

    assert_int_equal(edge_cert_read(stranger.pem, &info, NULL), 0);
    memcpy(d.thumbprint[0], info.sha1, sizeof info.sha1);
    assert_int_equal(prove_chain(stranger.pem, NULL, &d), HUB_PROVEN);
    assert_int_equal(w.proof.until_s, info.not_after_s);
    *d.thumbprint[0] = '\0';
    for (size_t i = 0; i < sizeof info.sha256; i++)
        d.thumbprint[1][i] = (char) tolower(info.sha256[i]);
    assert_int_equal(prove_chain(stranger.pem, NULL, &d), HUB_PROVEN);
    assert_int_equal(prove_chain(leaf.pem, ca.pem, &d), HUB_DOUBTFUL);
    expect_why("thumbprint");
    memset(d.thumbprint, 0, sizeof d.thumbprint);
    assert_int_equal(prove_chain(stranger.pem, NULL, &d), HUB_DOUBTFUL);
}

static void test_a_certificate_by_its_ca(void **state)
{
    const struct hub_entry d = entry_of("d1", "", HUB_BY_CA);
    const struct hub_entry d2 = entry_of("d2", "", HUB_BY_CA);
    const struct hub_entry upper = entry_of("D1", "", HUB_BY_CA);
    EDGE_CLEANUP(edge_free) char *chain = edge_format("%s%s", leaf.pem, middle.pem);
    EDGE_CLEANUP(edge_free) char *both = edge_format("%s%s", elsewhere.pem, ca.pem);
    (void) state;

    assert_int_equal(prove_chain(chain, ca.pem, &d), HUB_PROVEN);
    assert_int_equal(prove_chain(chain, both, &d), HUB_PROVEN);
    assert_int_equal(prove_chain(leaf.pem, middle.pem, &d), HUB_PROVEN);
    assert_int_equal(prove_chain(leaf.pem, ca.pem, &d), HUB_DOUBTFUL); /* a link is missing */
    assert_int_equal(prove_chain(stranger.pem, ca.pem, &d), HUB_DOUBTFUL);
    assert_int_equal(prove_chain(chain, NULL, &d), HUB_DOUBTFUL);
    assert_int_equal(prove_chain(chain, ca.pem, &d2), HUB_DOUBTFUL);
    expect_why("another name");
    assert_int_equal(prove_chain(chain, ca.pem, &upper), HUB_DOUBTFUL);
}

static void test_a_ca_is_no_device(void **state)
{
    const struct hub_entry d = entry_of("middle", "", HUB_BY_CA);
    (void) state;

    assert_int_equal(prove_chain(middle.pem, ca.pem, &d), HUB_DOUBTFUL);
    expect_why("CA");
}

static void test_what_a_certificate_is_not_for(void **state)
{
    const struct hub_entry keyed = entry_of("d1", "", HUB_BY_KEY);
    const struct hub_entry m = entry_of("d1", "m", HUB_BY_CA);
    struct hub_entry d = entry_of("d1", "", HUB_BY_CA);
    struct pki old = pki_issue((struct edge_cert_order){.use = EDGE_CERT_CLIENT,
                                                        .cn = "d1",
                                                        .not_before_s = time(NULL) - 2 * PKI_DAY,
                                                        .not_after_s = time(NULL) - PKI_DAY},
                               &middle);
    (void) state;

    assert_int_equal(prove_chain(leaf.pem, middle.pem, &keyed), HUB_DOUBTFUL);
    assert_int_equal(prove_chain(leaf.pem, middle.pem, &m), HUB_WRONG);
    expect_why("modules");
    assert_int_equal(prove_chain(old.pem, middle.pem, &d), HUB_WRONG);
    expect_why("not valid now");
    d.enabled = false;
    assert_int_equal(prove_chain(leaf.pem, middle.pem, &d), HUB_DOUBTFUL);
    pki_free(&old);
}

/* ---- again ---- */

static void test_a_proof_holds_while_its_key_stays(void **state)
{
    struct hub_entry d = entry_of("d1", "", HUB_BY_KEY);
    const struct hub_entry m = entry_of("d1", "m", HUB_BY_KEY);
    (void) state;

    assert_int_equal(prove("gate.local/devices/d1", NOW + 60, first, &d, NULL), HUB_PROVEN);
    assert_true(hub_proof_holds(&w.proof, &d, NULL, NOW));
    assert_true(hub_proof_holds(&w.proof, &d, NULL, NOW + 360));
    assert_false(hub_proof_holds(&w.proof, &d, NULL, NOW + 361));
    set_key(&d.key[1], first); /* moved to the second place */
    set_key(&d.key[0], other);
    assert_true(hub_proof_holds(&w.proof, &d, NULL, NOW));
    set_key(&d.key[1], second);
    assert_false(hub_proof_holds(&w.proof, &d, NULL, NOW));
    assert_false(hub_proof_holds(&w.proof, NULL, NULL, NOW));
    d = entry_of("d1", "", HUB_BY_KEY);
    d.enabled = false;
    assert_false(hub_proof_holds(&w.proof, &d, NULL, NOW));
    assert_false(hub_proof_holds(&w.proof, &m, &d, NOW));
    d.enabled = true;
    set_key(&d.key[0], other);
    assert_int_equal(prove("gate.local/devices/d1", NOW, other, &m, &d), HUB_PROVEN);
    assert_true(hub_proof_holds(&w.proof, &m, &d, NOW));
    set_key(&d.key[0], first);
    assert_false(hub_proof_holds(&w.proof, &m, &d, NOW));
}

static void test_a_certificate_holds_while_its_thumbprint_stays(void **state)
{
    struct hub_entry d = entry_of("d1", "", HUB_BY_THUMBPRINT);
    struct edge_cert_info info;
    (void) state;

    assert_int_equal(edge_cert_read(leaf.pem, &info, NULL), 0);
    memcpy(d.thumbprint[0], info.sha256, sizeof info.sha256);
    assert_int_equal(prove_chain(leaf.pem, NULL, &d), HUB_PROVEN);
    assert_true(hub_proof_holds(&w.proof, &d, NULL, time(NULL)));
    assert_false(hub_proof_holds(&w.proof, &d, NULL, info.not_after_s + 1));
    memset(d.thumbprint[0], '0', 64);
    assert_false(hub_proof_holds(&w.proof, &d, NULL, time(NULL)));
}

/* ---- entries ---- */

static struct hub_entry read_entry(const char *json)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *root = NULL;
    struct hub_entry entry;

    assert_int_equal(edge_json_parse(json, strlen(json), &root, NULL), 0);
    assert_int_equal(hub_entry_read(root, &entry, NULL), 0);
    return entry;
}

static void expect_same_again(const struct hub_entry *entry)
{
    EDGE_CLEANUP(edge_free) char *text = hub_entry_text(entry);
    struct hub_entry again = read_entry(text);

    assert_true(hub_entry_equal(entry, &again));
}

static void test_what_iot_hub_says_of_an_identity(void **state)
{
    struct hub_entry e = read_entry(
        "{\"deviceId\":\"d1\",\"generationId\":\"637\",\"status\":\"enabled\","
        "\"capabilities\":{\"iotEdge\":true},\"deviceScope\":\"ms-azure-iot-edge://e-1\","
        "\"authentication\":{\"type\":\"sas\",\"symmetricKey\":{\"primaryKey\":\"a2V5\","
        "\"secondaryKey\":\"bm90aGVy\"},\"x509Thumbprint\":{\"primaryThumbprint\":null}}}");
    (void) state;

    assert_string_equal(e.who.device, "d1");
    assert_string_equal(e.who.module, "");
    assert_string_equal(e.generation, "637");
    assert_true(e.enabled && e.kind == HUB_BY_KEY && e.key[0].len == 3 && e.key[1].len == 6);
    assert_memory_equal(e.key[0].bytes, "key", 3);
    expect_same_again(&e);
    e = read_entry(
        "{\"deviceId\":\"d1\",\"moduleId\":\"$m\",\"authentication\":{\"type\":\"none\"}}");
    assert_string_equal(e.who.module, "$m");
    assert_true(e.enabled && e.kind == HUB_BY_NOTHING);
    expect_same_again(&e);
    e = read_entry(
        "{\"deviceId\":\"d1\",\"status\":\"disabled\",\"authentication\":"
        "{\"type\":\"selfSigned\",\"x509Thumbprint\":{\"primaryThumbprint\":"
        "\"0123456789ABCDEF0123456789abcdef01234567\",\"secondaryThumbprint\":\"12\"}}}");
    assert_false(e.enabled);
    assert_int_equal(e.kind, HUB_BY_THUMBPRINT);
    assert_string_equal(e.thumbprint[0], "0123456789ABCDEF0123456789abcdef01234567");
    assert_string_equal(e.thumbprint[1], "");
    expect_same_again(&e);
    e = read_entry("{\"deviceId\":\"d1\",\"authentication\":{\"type\":\"certificateAuthority\"}}");
    assert_int_equal(e.kind, HUB_BY_CA);
    expect_same_again(&e);
}

static void test_what_cannot_be_understood_proves_nothing(void **state)
{
    struct hub_entry e =
        read_entry("{\"deviceId\":\"d1\",\"authentication\":{\"type\":\"magic\"}}");
    (void) state;

    assert_int_equal(e.kind, HUB_BY_NOTHING);
    e = read_entry("{\"deviceId\":\"d1\",\"status\":\"asleep\"}");
    assert_int_equal(e.kind, HUB_BY_NOTHING);
    assert_false(e.enabled);
    e = read_entry("{\"deviceId\":\"d1\",\"authentication\":{\"type\":\"sas\",\"symmetricKey\":"
                   "{\"primaryKey\":\"no base64\",\"secondaryKey\":7}}}");
    assert_true(e.key[0].len == 0 && e.key[1].len == 0);
}

static unsigned count;
static void count_entry(const struct hub_entry *entry, void *arg)
{
    (void) entry;
    (void) arg;
    count++;
}

static int read_scope(const char *json, char **link)
{
    struct edge_err err = {0};

    count = 0;
    *link = NULL;
    return hub_scope_read(json, strlen(json), count_entry, NULL, link, &err);
}

static void test_a_page_of_the_scope(void **state)
{
    char *link;
    (void) state;

    assert_int_equal(read_scope("{\"devices\":[{\"deviceId\":\"a\"},{\"deviceId\":\"b/c\"},7],"
                                "\"modules\":[{\"deviceId\":\"a\",\"moduleId\":\"m\"}],"
                                "\"continuationLink\":\"/next\"}",
                                &link),
                     0);
    assert_int_equal(count, 2);
    assert_string_equal(link, "/next");
    free(link);
    assert_int_equal(read_scope("{\"devices\":[],\"continuationLink\":\"\"}", &link), 0);
    assert_null(link);
    assert_int_equal(count, 0);
    assert_int_equal(read_scope("{}", &link), EDGE_EINVALID);
    assert_int_equal(read_scope("[]", &link), EDGE_EINVALID);
    assert_int_equal(read_scope("{\"devices\":[],\"modules\":{}}", &link), EDGE_EINVALID);
    assert_int_equal(read_scope("{\"devices\":[", &link), EDGE_EINVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_either_key_of_a_device_opens),
        cmocka_unit_test(test_who_a_token_is_for),
        cmocka_unit_test(test_a_module_comes_by_its_own_key_or_its_devices),
        cmocka_unit_test(test_a_token_serves_five_minutes_longer),
        cmocka_unit_test(test_what_is_no_token),
        cmocka_unit_test(test_an_empty_key_signs_nothing),
        cmocka_unit_test(test_who_is_disabled_or_unknown),
        cmocka_unit_test(test_a_certificate_by_its_thumbprint),
        cmocka_unit_test(test_a_certificate_by_its_ca),
        cmocka_unit_test(test_a_ca_is_no_device),
        cmocka_unit_test(test_what_a_certificate_is_not_for),
        cmocka_unit_test(test_a_proof_holds_while_its_key_stays),
        cmocka_unit_test(test_a_certificate_holds_while_its_thumbprint_stays),
        cmocka_unit_test(test_what_iot_hub_says_of_an_identity),
        cmocka_unit_test(test_what_cannot_be_understood_proves_nothing),
        cmocka_unit_test(test_a_page_of_the_scope),
    };

    return cmocka_run_group_tests(tests, make_pki, free_pki);
}
