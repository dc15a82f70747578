/* The endpoints. Each request carries its module's name along, so that the work on the pool needs
 * nothing of the socket, which may be closed meanwhile. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/security/workload/internal.h"
#include "agent/security/workload/peer.h"
#include "common/base/clock.h"
#include "common/base/encode.h"

enum { SIGN_MAX = 64 * 1024, SEAL_MAX = 768 * 1024, IV_MAX = 1024, RESULT_MAX = 800 * 1024 };

static struct sec_workload *workload_of(const struct sec_request *r)
{
    return r->server;
}

static int64_t now_s(void)
{
    return edge_wall_ns() / 1000000000;
}

static void reply_text(struct sec_request *r, int status, const char *member, const char *text)
{
    struct edge_json *body = edge_json_new_object();

    if (!body || edge_json_set_str(body, member, text) < 0) {
        edge_json_free(body);
        sec_refuse_text(r, HTTP_ERROR, "out of memory");
        return;
    }
    sec_reply(r, status, body);
}

static void reply_bytes(struct sec_request *r, const char *member, const void *data, size_t len)
{
    char *text = edge_base64(data, len);

    if (text)
        reply_text(r, HTTP_OK, member, text);
    else
        sec_refuse_text(r, HTTP_ERROR, "out of memory");
    (void) edge_wipe(text);
}

static struct edge_bytes bytes_of(const struct edge_buf *buf)
{
    return (struct edge_bytes){(const uint8_t *) (buf->data ? buf->data : ""), buf->len};
}

static void wipe(struct edge_buf *buf)
{
    if (buf->data)
        explicit_bzero(buf->data, buf->len);
    edge_buf_fini(buf);
}

/* ---- signatures ---- */

/* The key is that of the identity we know; a module that we do not know yet can only sign as who it
 * says it is. */
static void work_sign(struct sec_request *r)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf data = EDGE_BUF_INIT(SIGN_MAX);
    const struct sec_workload *w = workload_of(r);
    const char *module = r->parts[1];
    struct sec_identity id;
    bool known = sec_self_known(w->options.self, module, &id);
    uint8_t mac[EDGE_HMAC_SIZE];
    struct edge_err err = {0};
    int rc;

    if (!sec_need_bytes(r, "data", &data))
        return;
    rc = sec_keys_sign(w->options.keys, module, known ? id.generation : r->parts[3],
                       bytes_of(&data), mac, &err);
    if (rc < 0)
        sec_refuse(r, rc, &err);
    else
        reply_bytes(r, "digest", mac, sizeof mac);
}

/* ---- bytes at rest ---- */

typedef int crypt_fn(struct sec_keys *keys, const struct sec_seal *seal, struct edge_bytes in,
                     struct edge_buf *out, struct edge_err *err);

static void crypt_with(struct sec_request *r, crypt_fn *fn, const char *from, const char *to)
{
    struct edge_buf in = EDGE_BUF_INIT(SEAL_MAX);
    struct edge_buf out = EDGE_BUF_INIT(RESULT_MAX);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf iv = EDGE_BUF_INIT(IV_MAX);
    struct edge_err err = {0};
    int rc = 1;

    if (sec_need_bytes(r, from, &in) && sec_need_bytes(r, "initializationVector", &iv)) {
        const struct sec_seal seal = {r->parts[1], r->parts[3], bytes_of(&iv)};

        rc = fn(workload_of(r)->options.keys, &seal, bytes_of(&in), &out, &err);
    }
    if (rc < 0)
        sec_refuse(r, rc, &err);
    else if (rc == 0)
        reply_bytes(r, to, out.data ? out.data : "", out.len);
    wipe(&in);
    wipe(&out);
}

static void work_encrypt(struct sec_request *r)
{
    crypt_with(r, sec_keys_encrypt, "plaintext", "ciphertext");
}

static void work_decrypt(struct sec_request *r)
{
    crypt_with(r, sec_keys_decrypt, "ciphertext", "plaintext");
}

/* ---- certificates ---- */

static void reply_issued(struct sec_request *r, const struct sec_issued *issued)
{
    struct edge_json *body = edge_json_new_object();
    struct edge_json *key = body ? edge_json_need_object(body, "privateKey") : NULL;
    char end[EDGE_TIME_TEXT];

    edge_time_format(issued->not_after_s * 1000000000, end);
    if (!key || edge_json_set_str(key, "type", "key") < 0 ||
        edge_json_set_str(key, "bytes", issued->key_pem) < 0 ||
        edge_json_set_str(body, "certificate", issued->chain_pem) < 0 ||
        edge_json_set_str(body, "expiration", end) < 0) {
        edge_json_free(body);
        sec_refuse_text(r, HTTP_ERROR, "out of memory");
        return;
    }
    sec_reply(r, HTTP_CREATED, body);
}

/* An end that cannot be read, or has passed, is as good as none. */
static int64_t wanted_end(const struct sec_request *r)
{
    const char *text = edge_json_str(edge_json_get(r->body, "expiration"), "");
    int64_t ns;

    return edge_time_parse(text, &ns) == 0 ? ns / 1000000000 : 0;
}

static void issue(struct sec_request *r, const struct sec_order *order)
{
    struct sec_issued issued = {0};
    struct edge_err err = {0};
    int rc = sec_certs_issue(workload_of(r)->options.certs, order, now_s(), &issued, &err);

    if (rc < 0)
        sec_refuse_text(r, HTTP_ERROR, *err.text ? err.text : edge_strerror(rc));
    else
        reply_issued(r, &issued);
    sec_issued_fini(&issued);
}

static void work_identity_cert(struct sec_request *r)
{
    struct sec_self_names names;
    const char *module = r->parts[1];
    EDGE_CLEANUP(edge_free) char *uri = NULL;
    EDGE_CLEANUP(edge_free) char *cn = edge_format("%.64s", module);

    if (!sec_self_names(workload_of(r)->options.self, &names)) {
        sec_refuse_text(r, HTTP_UNAVAILABLE, "this device is not provisioned yet");
        return;
    }
    uri = edge_format("azureiot://%s/devices/%s/modules/%s", names.hub, names.device, module);
    if (!uri || !cn) {
        sec_refuse_text(r, HTTP_ERROR, "out of memory");
        return;
    }
    issue(r, &(struct sec_order){
                 .cn = cn, .uri = (const char *const[]){uri, NULL}, .until_s = wanted_end(r)});
}

static void work_server_cert(struct sec_request *r)
{
    const char *cn = sec_need_text(r, "commonName");
    const char *module = r->parts[1];

    if (!cn)
        return;
    module += *module == '$';
    issue(r, &(struct sec_order){.cn = cn,
                                 .dns = (const char *const[]){cn, module, NULL},
                                 .until_s = wanted_end(r),
                                 .server = 1});
}

static void work_trust_bundle(struct sec_request *r)
{
    EDGE_CLEANUP(edge_free) char *pem = NULL;
    struct edge_err err = {0};
    int rc = sec_certs_bundle(workload_of(r)->options.certs, now_s(), &pem, &err);

    if (rc < 0)
        sec_refuse_text(r, HTTP_ERROR, *err.text ? err.text : edge_strerror(rc));
    else
        reply_text(r, HTTP_OK, "certificate", pem);
}

static void work_manifest_bundle(struct sec_request *r)
{
    reply_text(r, HTTP_OK, "certificate", "");
}

/* ---- the list ---- */

static int list_one(struct edge_json *modules, const char *module)
{
    struct edge_json *one = edge_json_new_object();
    struct edge_json *config = one ? edge_json_need_object(one, "config") : NULL;
    struct edge_json *status = one ? edge_json_need_object(one, "status") : NULL;
    struct edge_json *runtime = status ? edge_json_need_object(status, "runtimeStatus") : NULL;

    if (!config || !runtime || edge_json_set_str(one, "id", "id") < 0 ||
        edge_json_set_str(one, "name", module + (*module == '$')) < 0 ||
        edge_json_set_str(one, "type", "docker") < 0 ||
        !edge_json_need_object(config, "settings") || !edge_json_need_array(config, "env") ||
        edge_json_set_str(runtime, "status", "running") < 0) {
        edge_json_free(one);
        return -ENOMEM;
    }
    return edge_json_append(modules, one);
}

static struct edge_json *list(const struct sec_workload *w)
{
    struct edge_json *body = edge_json_new_object();
    struct edge_json *modules = body ? edge_json_need_array(body, "modules") : NULL;
    int rc = modules ? 0 : -ENOMEM;

    for (const struct sec_socket *s = w->sockets; rc == 0 && s; s = s->next)
        rc = list_one(modules, s->module);
    return rc == 0 ? body : edge_json_free(body);
}

static void reply_list(struct sec_request *r)
{
    sec_reply(r, HTTP_OK, list(workload_of(r)));
}

/* ---- routes ---- */

const struct sec_route sec_workload_routes[] = {
    {{"modules"}, "GET", NULL, false, NULL, reply_list},
    {{"trust-bundle"}, "GET", NULL, false, work_trust_bundle, NULL},
    {{"manifest-trust-bundle"}, "GET", NULL, false, work_manifest_bundle, NULL},
    {{"modules", "*", "genid", "*", "sign"}, "POST", NULL, true, work_sign, NULL},
    {{"modules", "*", "genid", "*", "encrypt"}, "POST", NULL, true, work_encrypt, NULL},
    {{"modules", "*", "genid", "*", "decrypt"}, "POST", NULL, true, work_decrypt, NULL},
    {{"modules", "*", "certificate", "identity"}, "POST", NULL, true, work_identity_cert, NULL},
    {{"modules", "*", "genid", "*", "certificate", "server"},
     "POST",
     NULL,
     true,
     work_server_cert,
     NULL},
};

const size_t sec_workload_nroutes = EDGE_ARRAY_LEN(sec_workload_routes);

static bool let_in(const struct sec_socket *s, struct edge_exchange *x)
{
    const struct sec_workload_options *o = &s->workload->options;
    pid_t pid;
    uid_t uid;
    gid_t gid;

    if (!edge_exchange_peer(x, &pid, &uid, &gid))
        return false;
    return s->cgroup ? sec_peer_in_cgroup(pid, s->cgroup) : o->is_agent(pid, uid, o->arg);
}

static struct edge_pool *admit(struct sec_request *r, struct edge_exchange *x)
{
    struct sec_socket *s = r->server;

    if (!let_in(s, x) || (r->parts[1] && strcmp(r->parts[1], s->module) != 0)) {
        sec_api_fail(x, HTTP_FORBIDDEN, "forbidden");
        return NULL;
    }
    r->server = s->workload;
    return s->workload->options.pool;
}

void sec_workload_handle(struct edge_exchange *x, void *socket)
{
    static const struct sec_api api = {sec_workload_routes, EDGE_ARRAY_LEN(sec_workload_routes),
                                       true, admit};

    sec_api_handle(&api, x, socket);
}
