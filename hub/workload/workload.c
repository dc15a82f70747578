/* Certificate, trust, signatures: from edge-securityd, or from files and a key of a developer's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/base/file.h"
#include "common/iothub/sas.h"
#include "common/tls/cert.h"
#include "hub/workload/internal.h"

enum { THREADS = 2, TOKEN_S = 3600, CERTIFICATE_S = 90 * 86400, PEM_MAX = 1 << 20, KEY_MAX = 128 };

static int64_t now_s(void)
{
    return edge_wall_ns() / 1000000000;
}

struct edge_workload workload_api(const struct hub_workload *w)
{
    return (struct edge_workload){.socket = w->socket,
                                  .module = w->self->who.module,
                                  .generation = w->self->generation_id,
                                  .version = w->self->api_version,
                                  .cancel = w->cancel};
}

int workload_key(const struct hub_workload *w, struct edge_buf *ret)
{
    edge_buf_init(ret, KEY_MAX);
    return edge_base64_decode(w->self->key, strlen(w->self->key), ret);
}

/* ---- signatures ---- */

static int sign_here(const struct hub_workload *w, int64_t se, char **ret)
{
    struct edge_buf key;
    int rc = workload_key(w, &key);

    if (rc == 0) {
        *ret = edge_sas_make(w->resource, se, workload_bytes(&key), NULL);
        rc = *ret ? 0 : -ENOMEM;
    }
    edge_buf_wipe(&key);
    return rc;
}

int workload_sign(const struct hub_workload *w, char **ret, int64_t *ret_until_s,
                  struct edge_err *err)
{
    const struct edge_workload api = workload_api(w);
    int64_t se = now_s() + TOKEN_S;
    int rc =
        w->socket ? edge_workload_token(&api, w->resource, se, ret, err) : sign_here(w, se, ret);

    if (rc < 0)
        return edge_wrap(err, rc, "cannot sign a token of our own");
    *ret_until_s = se;
    return 0;
}

/* ---- certificate ---- */

static int read_pem(const char *path, char **ret, struct edge_err *err)
{
    struct edge_buf text = EDGE_BUF_INIT(PEM_MAX);
    int rc = edge_file_read(path, &text, err);

    if (rc == 0) {
        *ret = edge_buf_take(&text);
        rc = *ret ? 0 : -ENOMEM;
    }
    edge_buf_wipe(&text);
    return rc;
}

static struct edge_json *order(const struct hub_workload *w)
{
    struct edge_json *body = edge_json_new_object();
    char end[EDGE_TIME_TEXT];

    edge_time_format((now_s() + CERTIFICATE_S) * 1000000000, end);
    if (!body || edge_json_set_str(body, "commonName", w->self->hostname) < 0 ||
        edge_json_set_str(body, "expiration", end) < 0)
        return edge_json_free(body);
    return body;
}

static int ask_certificate(const struct hub_workload *w, struct hub_certificate *ret,
                           struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = order(w);
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;
    const struct edge_workload api = workload_api(w);
    int rc = edge_workload_post(&api, "certificate/server", body, &answer, err);

    if (rc == 0)
        rc = edge_daemon_take(answer, "certificate", &ret->chain_pem, err);
    if (rc == 0)
        rc = edge_daemon_take(edge_json_get(answer, "privateKey"), "bytes", &ret->key_pem, err);
    return rc;
}

static int check_pair(struct hub_certificate *pair, struct edge_err *err)
{
    EDGE_CLEANUP(edge_key_free) struct edge_key *key = NULL;
    struct edge_cert_info info;
    int rc = edge_cert_read(pair->chain_pem, &info, err);

    if (rc == 0)
        rc = edge_key_load(pair->key_pem, &key, err);
    if (rc == 0 && !edge_cert_fits(pair->chain_pem, key))
        rc = edge_fail(err, EDGE_EINVALID, "the private key belongs to another certificate");
    if (rc == 0)
        pair->expires_s = info.not_after_s;
    return rc;
}

int hub_workload_certificate(struct hub_workload *w, struct hub_certificate *ret,
                             struct edge_err *err)
{
    struct hub_certificate pair = {0};
    int rc;

    if (w->socket) {
        rc = ask_certificate(w, &pair, err);
    } else {
        rc = read_pem(w->self->certificate_file, &pair.chain_pem, err);
        if (rc == 0)
            rc = read_pem(w->self->key_file, &pair.key_pem, err);
    }
    if (rc == 0)
        rc = check_pair(&pair, err);
    if (rc < 0) {
        hub_certificate_fini(&pair);
        return edge_wrap(err, rc, "the hub's server certificate");
    }
    *ret = pair;
    return 0;
}

void hub_certificate_fini(struct hub_certificate *pair)
{
    free(pair->chain_pem);
    edge_key_pem_free(pair->key_pem);
    *pair = (struct hub_certificate){0};
}

int hub_workload_trust(struct hub_workload *w, char **ret_pem, struct edge_err *err)
{
    const struct edge_workload api = workload_api(w);
    int rc = w->socket ? edge_workload_trust_bundle(&api, ret_pem, err)
                       : read_pem(w->self->trust_file, ret_pem, err);

    return rc < 0 ? edge_wrap(err, rc, "the trust bundle") : 0;
}

/* ---- life ---- */

int hub_workload_open(struct edge_loop *loop, const struct hub_self *self,
                      struct hub_workload **ret, struct edge_err *err)
{
    struct hub_workload *w = calloc(1, sizeof *w);
    int rc = -ENOMEM;

    if (!w)
        return edge_fail(err, rc, "no memory");
    w->loop = loop;
    w->self = self;
    w->socket = self->workload_uri ? self->workload_uri + strlen("unix://") : NULL;
    w->resource = edge_identity_resource(&self->who, self->hub_name);
    w->cancel = edge_cancel_create();
    if (w->resource && w->cancel)
        rc = edge_pool_create(loop, "hub-workload", THREADS, &w->pool);
    if (rc == 0)
        rc = workload_async_init(w);
    if (rc < 0) {
        hub_workload_close(w);
        return edge_fail(err, rc, "cannot start the workload client: %s", edge_strerror(rc));
    }
    *ret = w;
    return 0;
}

struct hub_workload *hub_workload_close(struct hub_workload *w)
{
    if (!w)
        return NULL;
    if (w->cancel)
        edge_cancel_fire(w->cancel);
    edge_pool_destroy(w->pool);
    workload_async_fini(w);
    edge_cancel_unref(w->cancel);
    (void) edge_wipe(w->token);
    free(w->resource);
    free(w);
    return NULL;
}
