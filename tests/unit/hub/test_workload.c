/* The hub's client of the workload API against a daemon in this process, and a developer's start.
 */
#include "tests/unit/test.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/base/file.h"
#include "common/crypto/aead.h"
#include "common/crypto/hmac.h"
#include "common/http/server.h"
#include "common/iothub/sas.h"
#include "common/json/json.h"
#include "common/loop/pool.h"
#include "hub/workload/workload.h"
#include "tests/unit/common/pki.h"

static const uint8_t key[] = "a key that never leaves";

static struct world {
    char folder[40];
    char uri[90];
    struct edge_loop *loop;
    struct edge_pool *pool;
    struct edge_http_server *server;
    struct pki ca, leaf;
    struct hub_self self;
    struct hub_workload *workload;
    unsigned signs;
    int status; /* of every answer, when it is not 0 */
    char seen[256];
    char common_name[64];
    /* what calls brought */
    void (*call)(void);
    int rc;
    struct edge_err err;
    struct hub_certificate certificate;
    struct hub_vault *vault;
    struct edge_buf wrapped_in, wrapped;
    char *pem;
    unsigned waiting;
    char token[1024];
    int64_t until_s;
} w;

/* ---- the environment ---- */

static const char *environment[16][2];

static const char *get(const char *name)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(environment) && environment[i][0]; i++) {
        if (strcmp(environment[i][0], name) == 0)
            return environment[i][1];
    }
    return NULL;
}

static void set(const char *name, const char *value)
{
    size_t i = 0;

    while (environment[i][0] && strcmp(environment[i][0], name) != 0)
        i++;
    environment[i][0] = name;
    environment[i][1] = value;
}

static void set_module(void)
{
    memset(environment, 0, sizeof environment);
    set("IOTEDGE_IOTHUBHOSTNAME", "h.azure-devices.net");
    set("EdgeDeviceHostName", "gate.local");
    set("IOTEDGE_DEVICEID", "edge1");
    set("IOTEDGE_MODULEID", "$edgeHub");
    set("IOTEDGE_MODULEGENERATIONID", "637");
    set("IOTEDGE_WORKLOADURI", *w.uri ? w.uri : "unix:///run/w");
    set("IOTEDGE_APIVERSION", "2019-10-22");
}

#define CONNECTION_STRING                                                                          \
    "HostName=h.azure-devices.net;DeviceId=edge1;ModuleId=$edgeHub;SharedAccessKey=a2V5"

static void set_developer(const char *connection_string)
{
    memset(environment, 0, sizeof environment);
    set("IotHubConnectionString", connection_string);
    set("EDGEDEVICEHOSTNAME", "gate.local");
    set("EdgeHubDevServerCertificateFile", "/nowhere/c.pem");
    set("EdgeHubDevServerPrivateKeyFile", "/nowhere/k.pem");
    set("EdgeHubDevTrustBundleFile", "/nowhere/t.pem");
}

static void test_the_environment_of_a_module(void **state)
{
    struct hub_self self = {0};
    struct edge_err err = {0};
    (void) state;

    set_module();
    assert_int_equal(hub_self_read(get, &self, &err), 0);
    assert_string_equal(self.hub_name, "h.azure-devices.net");
    assert_string_equal(self.upstream, "h.azure-devices.net");
    assert_string_equal(self.hostname, "gate.local");
    assert_string_equal(self.who.device, "edge1");
    assert_string_equal(self.who.module, "$edgeHub");
    assert_string_equal(self.generation_id, "637");
    assert_string_equal(self.api_version, "2019-10-22");
    assert_null(self.key);
    hub_self_fini(&self);
    set("IOTEDGE_GATEWAYHOSTNAME", "parent.local");
    set("IOTEDGE_APIVERSION", NULL);
    set("EdgeDeviceHostName", NULL);
    set("EDGEDEVICEHOSTNAME", "upper.local");
    assert_int_equal(hub_self_read(get, &self, &err), 0);
    assert_string_equal(self.upstream, "parent.local");
    assert_string_equal(self.hub_name, "h.azure-devices.net");
    assert_string_equal(self.hostname, "upper.local");
    assert_string_equal(self.api_version, "2020-07-07");
    hub_self_fini(&self);
}

static void test_what_is_missing_or_wrong_is_named(void **state)
{
    static const struct {
        const char *name, *value;
    } wrong[] = {
        {"IOTEDGE_IOTHUBHOSTNAME", NULL},
        {"IOTEDGE_IOTHUBHOSTNAME", "h/../x"},
        {"EdgeDeviceHostName", ""},
        {"IOTEDGE_DEVICEID", NULL},
        {"IOTEDGE_DEVICEID", "a/b"},
        {"IOTEDGE_MODULEID", NULL},
        {"IOTEDGE_MODULEGENERATIONID", ""},
        {"IOTEDGE_WORKLOADURI", NULL},
        {"IOTEDGE_WORKLOADURI", "http://workload"},
    };
    struct hub_self self = {0};
    struct edge_err err = {0};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(wrong); i++) {
        set_module();
        set(wrong[i].name, wrong[i].value);
        assert_int_equal(hub_self_read(get, &self, &err), EDGE_EINVALID);
        assert_non_null(strstr(err.text, wrong[i].name));
        assert_null(self.hub_name);
    }
}

static void test_a_developer_gives_a_connection_string(void **state)
{
    struct hub_self self = {0};
    struct edge_err err = {0};
    (void) state;

    set_developer(CONNECTION_STRING ";GatewayHostName=parent");
    assert_int_equal(hub_self_read(get, &self, &err), 0);
    assert_string_equal(self.hub_name, "h.azure-devices.net");
    assert_string_equal(self.upstream, "parent");
    assert_string_equal(self.who.device, "edge1");
    assert_string_equal(self.key, "a2V5");
    assert_string_equal(self.trust_file, "/nowhere/t.pem");
    assert_null(self.workload_uri);
    hub_self_fini(&self);
    set("EdgeHubDevServerPrivateKeyFile", NULL);
    assert_int_equal(hub_self_read(get, &self, &err), EDGE_EINVALID);
    assert_non_null(strstr(err.text, "EdgeHubDevServerPrivateKeyFile"));
    set_developer("HostName=h;DeviceId=d;SharedAccessKey=a2V5");
    assert_int_equal(hub_self_read(get, &self, &err), EDGE_EINVALID);
    assert_non_null(strstr(err.text, "$edgeHub"));
    assert_null(strstr(err.text, "a2V5"));
}

/* ---- edge-securityd ---- */

static void reply(struct edge_exchange *x, const char *member, const void *data, size_t len)
{
    EDGE_CLEANUP(edge_free) char *text = edge_base64(data, len);
    EDGE_CLEANUP(edge_free) char *answer = edge_format("{\"%s\":\"%s\"}", member, text);

    edge_exchange_reply(x, 200, "application/json", answer, strlen(answer));
}

static void take(const struct edge_json *request, const char *member, struct edge_buf *ret)
{
    const char *text = edge_json_str(edge_json_get(request, member), "");

    assert_true(*text);
    assert_int_equal(edge_base64_decode(text, strlen(text), ret), 0);
}

/* Bound to the path, which names module and generation, and to the initialization vector. */
static void answer_crypt(struct edge_exchange *x, const struct edge_json *request, bool open)
{
    static const uint8_t zeros[EDGE_AEAD_KEY];
    const char *path = edge_exchange_path(x);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf in = EDGE_BUF_INIT(4096);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf aad = EDGE_BUF_INIT(4096);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(4096);
    struct edge_bytes given, bound;
    int rc;

    take(request, open ? "ciphertext" : "plaintext", &in);
    take(request, "initializationVector", &aad);
    edge_ignore(edge_buf_append(&aad, path, (size_t) (strrchr(path, '/') - path)));
    given = (struct edge_bytes){(const uint8_t *) in.data, in.len};
    bound = (struct edge_bytes){(const uint8_t *) aad.data, aad.len};
    rc = open ? edge_aead_open(zeros, bound, given, &out)
              : edge_aead_seal(zeros, bound, given, &out);
    if (rc < 0)
        edge_exchange_reply(x, 400, "application/json", "{\"message\":\"no\"}", 16);
    else
        reply(x, open ? "plaintext" : "ciphertext", out.data, out.len);
}

static void answer_sign(struct edge_exchange *x, const struct edge_json *request)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf data = EDGE_BUF_INIT(4096);
    uint8_t mac[EDGE_HMAC_SIZE];

    w.signs++;
    take(request, "data", &data);
    assert_int_equal(
        edge_hmac_sha256((struct edge_bytes){key, sizeof key - 1}, data.data, data.len, mac), 0);
    reply(x, "digest", mac, sizeof mac);
}

static void answer_certificate(struct edge_exchange *x, const struct edge_json *request)
{
    struct edge_json *answer = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *text = NULL;

    (void) snprintf(w.common_name, sizeof w.common_name, "%s",
                    edge_json_str(edge_json_get(request, "commonName"), ""));
    edge_ignore(edge_json_set_str(answer, "certificate", w.leaf.pem));
    edge_ignore(
        edge_json_set_str(edge_json_need_object(answer, "privateKey"), "bytes", w.leaf.key_pem));
    text = edge_json_text(answer);
    edge_json_free(answer);
    edge_exchange_reply(x, 201, "application/json", text, strlen(text));
}

static void handle(struct edge_exchange *x, void *arg)
{
    struct edge_bytes body = edge_exchange_body(x);
    EDGE_CLEANUP(edge_json_free) struct edge_json *request = NULL;
    const char *path = edge_exchange_path(x);
    (void) arg;

    (void) snprintf(w.seen, sizeof w.seen, "%s %s?%s", edge_exchange_method(x), path,
                    edge_exchange_query(x, "api-version"));
    if (body.len > 0)
        assert_int_equal(edge_json_parse((const char *) body.data, body.len, &request, NULL), 0);
    if (w.status)
        edge_exchange_reply(x, w.status, "application/json", "{\"message\":\"not now\"}", 21);
    else if (strstr(path, "/sign"))
        answer_sign(x, request);
    else if (strstr(path, "/certificate/server"))
        answer_certificate(x, request);
    else if (strstr(path, "crypt"))
        answer_crypt(x, request, strstr(path, "decrypt") != NULL);
    else if (strcmp(path, "/trust-bundle") == 0)
        edge_exchange_reply(x, 200, "application/json", "{\"certificate\":\"PEM\"}", 21);
    else
        edge_exchange_reply(x, 404, NULL, NULL, 0);
}

/* ---- the house ---- */

static int set_up_with(void (*env)(void))
{
    struct edge_http_server_options options = {.handle = handle};
    struct edge_err err = {0};

    w = (struct world){.folder = "/tmp/test-workload-XXXXXX"};
    edge_buf_init(&w.wrapped, 4096);
    edge_buf_init(&w.wrapped_in, 4096);
    if (!mkdtemp(w.folder))
        return -1;
    (void) snprintf(w.uri, sizeof w.uri, "unix://%s/s", w.folder);
    options.uri = w.uri;
    w.ca = pki_ca("ca", NULL);
    w.leaf = pki_server(&w.ca);
    env();
    assert_int_equal(hub_self_read(get, &w.self, &err), 0);
    assert_int_equal(edge_loop_create(&w.loop), 0);
    assert_int_equal(edge_pool_create(w.loop, "call", 1, &w.pool), 0);
    assert_int_equal(edge_http_server_open(w.loop, &options, &w.server, &err), 0);
    assert_int_equal(hub_workload_open(w.loop, &w.self, &w.workload, &err), 0);
    return 0;
}

static int set_up(void **state)
{
    (void) state;
    return set_up_with(set_module);
}

static void write_developer(void)
{
    static char path[3][80];
    static const char *const names[] = {"EdgeHubDevServerCertificateFile",
                                        "EdgeHubDevServerPrivateKeyFile",
                                        "EdgeHubDevTrustBundleFile"};
    const char *const texts[] = {w.leaf.pem, w.leaf.key_pem, w.ca.pem};

    set_developer(CONNECTION_STRING);
    for (size_t i = 0; i < 3; i++) {
        (void) snprintf(path[i], sizeof path[i], "%s/%zu.pem", w.folder, i);
        assert_int_equal(edge_file_write(path[i], texts[i], strlen(texts[i]), 0600, NULL), 0);
        set(names[i], path[i]);
    }
}

static int set_up_developer(void **state)
{
    (void) state;
    return set_up_with(write_developer);
}

static int tear_down(void **state)
{
    (void) state;
    hub_vault_close(w.vault);
    hub_workload_close(w.workload);
    edge_http_server_close(w.server);
    edge_pool_destroy(w.pool);
    edge_loop_destroy(w.loop);
    hub_certificate_fini(&w.certificate);
    hub_self_fini(&w.self);
    edge_buf_fini(&w.wrapped);
    edge_buf_fini(&w.wrapped_in);
    free(w.pem);
    pki_free(&w.ca);
    pki_free(&w.leaf);
    return edge_remove_tree(w.folder, NULL);
}

static void work(void *arg)
{
    (void) arg;
    w.call();
}

static void stop(void *arg)
{
    (void) arg;
    edge_loop_stop(w.loop);
}

/* The daemon is on the loop, the call on a worker. */
static int do_call(void (*call)(void))
{
    w.call = call;
    w.err = (struct edge_err){0};
    edge_pool_submit(w.pool, work, stop, NULL);
    edge_loop_run(w.loop);
    return w.rc;
}

/* ---- certificate and trust ---- */

static void get_certificate(void)
{
    hub_certificate_fini(&w.certificate);
    w.rc = hub_workload_certificate(w.workload, &w.certificate, &w.err);
}

static void get_trust(void)
{
    free(w.pem);
    w.pem = NULL;
    w.rc = hub_workload_trust(w.workload, &w.pem, &w.err);
}

static void check_leaf(void)
{
    struct edge_cert_info info;

    assert_int_equal(edge_cert_read(w.leaf.pem, &info, NULL), 0);
    assert_string_equal(w.certificate.chain_pem, w.leaf.pem);
    assert_string_equal(w.certificate.key_pem, w.leaf.key_pem);
    assert_int_equal(w.certificate.expires_s, info.not_after_s);
}

static void test_certificate_and_trust_come_from_the_daemon(void **state)
{
    (void) state;

    assert_int_equal(do_call(get_certificate), 0);
    assert_string_equal(w.seen, "POST /modules/$edgeHub/genid/637/certificate/server?2019-10-22");
    assert_string_equal(w.common_name, "gate.local");
    check_leaf();
    assert_int_equal(do_call(get_trust), 0);
    assert_string_equal(w.pem, "PEM");
    assert_string_equal(w.seen, "GET /trust-bundle?2019-10-22");
    w.status = 503;
    assert_int_equal(do_call(get_certificate), EDGE_EUNAVAILABLE);
    assert_string_equal(w.err.text, "the hub's server certificate: edge-securityd: not now");
}

static void test_a_key_of_another_certificate_is_refused(void **state)
{
    (void) state;

    edge_key_pem_free(w.leaf.key_pem);
    w.leaf.key_pem = edge_key_pem(w.ca.key);
    assert_int_equal(do_call(get_certificate), EDGE_EINVALID);
    assert_null(w.certificate.key_pem);
}

static void renewed(int rc, struct hub_certificate *certificate, const struct edge_err *err,
                    void *arg)
{
    (void) arg;
    w.rc = rc;
    w.err = *err;
    w.certificate = *certificate;
    *certificate = (struct hub_certificate){0};
    edge_loop_stop(w.loop);
}

static void test_a_certificate_is_renewed_on_the_loop(void **state)
{
    (void) state;

    hub_workload_renew(w.workload, renewed, NULL);
    edge_loop_run(w.loop);
    assert_int_equal(w.rc, 0);
    check_leaf();
}

static void test_files_serve_a_developer(void **state)
{
    (void) state;

    assert_int_equal(do_call(get_certificate), 0);
    check_leaf();
    assert_int_equal(do_call(get_trust), 0);
    assert_string_equal(w.pem, w.ca.pem);
    assert_string_equal(w.seen, "");
}

/* ---- tokens ---- */

static void got_token(int rc, const char *token, int64_t until_s, const struct edge_err *err,
                      void *arg)
{
    (void) arg;
    w.rc = rc;
    w.err = *err;
    w.until_s = until_s;
    (void) snprintf(w.token, sizeof w.token, "%s", token ? token : "");
    if (--w.waiting == 0)
        edge_loop_stop(w.loop);
}

static void ask_tokens(unsigned count)
{
    w.waiting = count;
    for (unsigned i = 0; i < count; i++)
        hub_workload_token(w.workload, got_token, NULL);
    assert_int_equal(w.waiting, count); /* never from within the call */
    edge_loop_run(w.loop);
}

static void check_token(struct edge_bytes signer)
{
    int64_t now = edge_wall_ns() / 1000000000;
    struct edge_sas sas;

    assert_int_equal(w.rc, 0);
    assert_int_equal(edge_sas_parse(w.token, strlen(w.token), &sas, NULL), 0);
    assert_true(edge_sas_signed_by(&sas, signer));
    assert_string_equal(sas.resource, "h.azure-devices.net/devices/edge1/modules/%24edgeHub");
    assert_int_equal(sas.se, w.until_s);
    assert_true(sas.se >= now + 3500 && sas.se <= now + 3600);
    edge_sas_fini(&sas);
}

static void test_one_signature_serves_all_who_ask(void **state)
{
    (void) state;

    ask_tokens(50);
    check_token((struct edge_bytes){key, sizeof key - 1});
    assert_string_equal(w.seen, "POST /modules/$edgeHub/genid/637/sign?2019-10-22");
    ask_tokens(3);
    check_token((struct edge_bytes){key, sizeof key - 1});
    assert_int_equal(w.signs, 1);
}

static void test_after_a_failure_it_is_asked_again(void **state)
{
    (void) state;

    w.status = 500;
    ask_tokens(2);
    assert_int_equal(w.rc, EDGE_EREMOTE);
    assert_string_equal(w.err.text, "cannot sign a token of our own: edge-securityd: not now");
    w.status = 0;
    ask_tokens(1);
    check_token((struct edge_bytes){key, sizeof key - 1});
}

static void test_nobody_is_answered_after_close(void **state)
{
    (void) state;

    w.waiting = 2;
    hub_workload_token(w.workload, got_token, NULL);
    hub_workload_renew(w.workload, renewed, NULL);
    w.workload = hub_workload_close(w.workload);
    edge_loop_post(w.loop, stop, NULL);
    edge_loop_run(w.loop);
    assert_int_equal(w.waiting, 2);
    assert_null(w.certificate.chain_pem);
}

static void test_who_has_gone_is_not_answered(void **state)
{
    int other;
    (void) state;

    hub_workload_token(w.workload, got_token, &other);
    hub_workload_renew(w.workload, renewed, &other);
    hub_workload_forget(w.workload, &other);
    ask_tokens(1);
    check_token((struct edge_bytes){key, sizeof key - 1});
    assert_null(w.certificate.chain_pem);
}

static void test_a_developers_key_signs_here(void **state)
{
    (void) state;

    ask_tokens(2);
    check_token((struct edge_bytes){(const uint8_t *) "key", 3});
    assert_int_equal(w.signs, 0);
}

/* ---- the vault ---- */

static void open_vault(void)
{
    w.vault = hub_vault_close(w.vault);
    edge_buf_fini(&w.wrapped);
    w.rc = hub_vault_open(
        w.workload, (struct edge_bytes){(const uint8_t *) w.wrapped_in.data, w.wrapped_in.len},
        &w.wrapped, &w.vault, &w.err);
}

static int unseal(const char *context, const struct edge_buf *sealed, struct edge_buf *plain)
{
    return hub_vault_unseal(
        w.vault, context,
        (struct edge_bytes){(const uint8_t *) (sealed->data ? sealed->data : ""), sealed->len},
        plain);
}

static void new_vault(void)
{
    assert_int_equal(do_call(open_vault), 0);
    assert_true(w.wrapped.len > 0);
    edge_buf_fini(&w.wrapped_in);
    assert_int_equal(edge_buf_append(&w.wrapped_in, w.wrapped.data, w.wrapped.len), 0);
}

static void check_vault(void)
{
    static const struct edge_bytes secret = {(const uint8_t *) "a secret", 8};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf sealed = EDGE_BUF_INIT(4096);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf again = EDGE_BUF_INIT(4096);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf plain = EDGE_BUF_INIT(4096);

    new_vault();
    assert_int_equal(hub_vault_seal(w.vault, "scope/d", secret, &sealed), 0);
    assert_int_equal(hub_vault_seal(w.vault, "scope/d", secret, &again), 0);
    assert_int_equal(sealed.len, again.len);
    assert_memory_not_equal(sealed.data, again.data, sealed.len);
    assert_null(memmem(sealed.data, sealed.len, secret.data, secret.len));
    assert_int_equal(do_call(open_vault), 0); /* the next start */
    assert_int_equal(w.wrapped.len, w.wrapped_in.len);
    assert_memory_equal(w.wrapped.data, w.wrapped_in.data, w.wrapped.len);
    assert_int_equal(unseal("scope/d", &sealed, &plain), 0);
    assert_int_equal(plain.len, 8);
    assert_memory_equal(plain.data, secret.data, 8);
    assert_int_equal(unseal("scope/e", &sealed, &plain), EDGE_EDIGEST);
    sealed.data[40] ^= 1;
    assert_int_equal(unseal("scope/d", &sealed, &plain), EDGE_EDIGEST);
    sealed.len = 20;
    assert_int_equal(unseal("scope/d", &sealed, &plain), EDGE_EDIGEST);
}

static void test_what_is_sealed_opens_after_a_restart(void **state)
{
    (void) state;

    check_vault();
}

static void test_a_developers_vault_opens_after_a_restart(void **state)
{
    (void) state;

    check_vault();
    assert_string_equal(w.seen, "");
}

/* A module made anew has another generation; edge-securityd away is no reason to lose a thing. */
static void test_a_vault_of_another_identity_is_lost(void **state)
{
    static char other[] = "638";
    char *generation = w.self.generation_id;
    (void) state;

    new_vault();
    w.status = 503;
    assert_int_equal(do_call(open_vault), EDGE_EUNAVAILABLE);
    w.status = 403;
    assert_int_equal(do_call(open_vault), EDGE_EUNAVAILABLE);
    w.status = 0;
    w.self.generation_id = other;
    assert_int_equal(do_call(open_vault), EDGE_EAUTH);
    w.self.generation_id = generation;
    assert_int_equal(do_call(open_vault), 0);
    w.wrapped_in.len = 5;
    assert_int_equal(do_call(open_vault), EDGE_EAUTH);
    assert_null(w.vault);
}

static void test_a_developers_vault_needs_the_same_key(void **state)
{
    (void) state;

    new_vault();
    w.self.key[0] = 'b';
    assert_int_equal(do_call(open_vault), EDGE_EAUTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_environment_of_a_module),
        cmocka_unit_test(test_what_is_missing_or_wrong_is_named),
        cmocka_unit_test(test_a_developer_gives_a_connection_string),
#define IN_HOUSE(test)  cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define DEVELOPER(test) cmocka_unit_test_setup_teardown(test, set_up_developer, tear_down)
        IN_HOUSE(test_certificate_and_trust_come_from_the_daemon),
        IN_HOUSE(test_a_key_of_another_certificate_is_refused),
        IN_HOUSE(test_a_certificate_is_renewed_on_the_loop),
        IN_HOUSE(test_one_signature_serves_all_who_ask),
        IN_HOUSE(test_after_a_failure_it_is_asked_again),
        IN_HOUSE(test_nobody_is_answered_after_close),
        IN_HOUSE(test_who_has_gone_is_not_answered),
        IN_HOUSE(test_what_is_sealed_opens_after_a_restart),
        IN_HOUSE(test_a_vault_of_another_identity_is_lost),
        DEVELOPER(test_files_serve_a_developer),
        DEVELOPER(test_a_developers_key_signs_here),
        DEVELOPER(test_a_developers_vault_opens_after_a_restart),
        DEVELOPER(test_a_developers_vault_needs_the_same_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
