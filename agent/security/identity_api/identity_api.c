#include "agent/security/identity_api/identity_api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/security/api/api.h"

enum { MAX_CLIENTS = 16, MAX_BODY = 64 * 1024 };

struct sec_identity_api {
    struct sec_identity_api_options options;
    struct edge_http_server *server;
};

static const struct sec_identity_api_options *options_of(const struct sec_request *r)
{
    return &((const struct sec_identity_api *) r->server)->options;
}

/* ---- the device, on the loop ---- */

static struct edge_json *device_json(const struct sec_identity_api_options *o)
{
    struct edge_json *body = edge_json_new_object();
    struct sec_self_names names;

    if (!body || !sec_self_names(o->self, &names) ||
        edge_json_set_str(body, "hubName", names.hub) < 0 ||
        edge_json_set_str(body, "deviceId", names.device) < 0 ||
        edge_json_set_str(body, "hostname", o->hostname) < 0 ||
        edge_json_set_str(body, "authType", names.x509 ? "x509" : "sas") < 0 ||
        edge_json_set_str(body, "generationId", names.generation) < 0)
        return edge_json_free(body);
    return body;
}

static void reply_device(struct sec_request *r)
{
    const struct sec_identity_api_options *o = options_of(r);
    const char *reason = o->reason(o->arg);

    if (reason)
        sec_refuse_text(r, HTTP_UNAVAILABLE, reason);
    else
        sec_reply(r, HTTP_OK, device_json(o));
}

static void reply_reprovision(struct sec_request *r)
{
    const struct sec_identity_api_options *o = options_of(r);

    o->reprovision(true, o->arg);
    sec_reply(r, HTTP_NO_CONTENT, NULL);
}

static void reply_workload(struct sec_request *r)
{
    const char *cgroup = sec_need_text(r, "cgroup");
    EDGE_CLEANUP(edge_free) char *dir = NULL;
    struct edge_err err = {0};
    struct edge_json *body;
    int rc;

    if (!cgroup)
        return;
    rc = sec_workload_add(options_of(r)->workload, r->parts[1], cgroup, &dir, &err);
    if (rc < 0) {
        sec_refuse(r, rc, &err);
        return;
    }
    body = edge_json_new_object();
    if (body)
        edge_ignore(edge_json_set_str(body, "directory", dir));
    sec_reply(r, HTTP_OK, body);
}

static void reply_workload_gone(struct sec_request *r)
{
    struct edge_err err = {0};
    int rc = sec_workload_remove(options_of(r)->workload, r->parts[1], &err);

    if (rc < 0)
        sec_refuse(r, rc, &err);
    else
        sec_reply(r, HTTP_NO_CONTENT, NULL);
}

/* ---- identities, on the writer ---- */

static struct edge_json *identity_json(const struct sec_identity *id)
{
    struct edge_json *body = edge_json_new_object();

    if (!body || edge_json_set_str(body, "moduleId", id->module) < 0 ||
        edge_json_set_str(body, "managedBy", id->managed_by) < 0 ||
        edge_json_set_str(body, "generationId", id->generation) < 0 ||
        edge_json_set_str(body, "authType", "sas") < 0)
        return edge_json_free(body);
    return body;
}

static void on_refusal(void *arg)
{
    const struct sec_identity_api_options *o = arg;

    o->reprovision(false, o->arg);
}

/* A cloud that does not know the device any more may have given it another hub. */
static void refuse(struct sec_request *r, int rc, const struct edge_err *err)
{
    const struct sec_identity_api_options *o = options_of(r);

    if (rc == EDGE_EAUTH)
        edge_loop_post(o->loop, on_refusal, (void *) (uintptr_t) o);
    sec_refuse(r, rc, err);
}

static void work_list(struct sec_request *r)
{
    struct sec_identity *ids = calloc(SEC_CACHE_MAX, sizeof *ids);
    struct edge_json *body = edge_json_new_object();
    struct edge_json *list = body ? edge_json_need_array(body, "identities") : NULL;
    struct edge_err err = {0};
    size_t len = 0;
    int rc = ids && list ? sec_self_list(options_of(r)->self, ids, &len, &err) : -ENOMEM;

    for (size_t i = 0; rc >= 0 && i < len; i++)
        rc = edge_json_append(list, identity_json(&ids[i]));
    free(ids);
    if (rc >= 0) {
        sec_reply(r, HTTP_OK, body);
        return;
    }
    edge_json_free(body);
    refuse(r, rc, &err);
}

static void ensure(struct sec_request *r, const char *module, bool anew)
{
    const char *managed_by = edge_json_str(edge_json_get(r->body, "managedBy"), NULL);
    struct sec_identity id;
    struct edge_err err = {0};
    int rc = sec_self_ensure(options_of(r)->self, module, managed_by, anew, &id, &err);

    if (rc < 0)
        refuse(r, rc, &err);
    else
        sec_reply(r, HTTP_OK, identity_json(&id));
}

static void work_create(struct sec_request *r)
{
    const char *module = sec_need_text(r, "moduleId");

    if (module)
        ensure(r, module, false);
}

static void work_update(struct sec_request *r)
{
    if (sec_need_text(r, "generationId"))
        ensure(r, r->parts[1], true);
}

static void work_delete(struct sec_request *r)
{
    struct edge_err err = {0};
    int rc = sec_self_delete(options_of(r)->self, r->parts[1], &err);

    if (rc < 0)
        refuse(r, rc, &err);
    else
        sec_reply(r, HTTP_NO_CONTENT, NULL);
}

/* ---- routes ---- */

static const struct sec_route routes[] = {
    {{"device"}, "GET", NULL, false, NULL, reply_device},
    {{"device", "reprovision"}, "POST", NULL, false, NULL, reply_reprovision},
    {{"identities"}, "GET", NULL, false, work_list, NULL},
    {{"identities"}, "POST", NULL, true, work_create, NULL},
    {{"identities", "*"}, "PUT", NULL, true, work_update, NULL},
    {{"identities", "*"}, "DELETE", NULL, false, work_delete, NULL},
    {{"modules", "*", "workload"}, "PUT", NULL, true, NULL, reply_workload},
    {{"modules", "*", "workload"}, "DELETE", NULL, false, NULL, reply_workload_gone},
};

static struct edge_pool *admit(struct sec_request *r, struct edge_exchange *x)
{
    const struct sec_identity_api_options *o = options_of(r);
    pid_t pid;
    uid_t uid;
    gid_t gid;

    if (edge_exchange_peer(x, &pid, &uid, &gid) && o->is_agent(pid, uid, o->arg))
        return o->writer;
    sec_api_fail(x, HTTP_FORBIDDEN, "forbidden");
    return NULL;
}

static void handle(struct edge_exchange *x, void *arg)
{
    static const struct sec_api api = {routes, EDGE_ARRAY_LEN(routes), false, admit};

    sec_api_handle(&api, x, arg);
}

int sec_identity_api_open(const struct sec_identity_api_options *options,
                          struct sec_identity_api **ret, struct edge_err *err)
{
    struct sec_identity_api *api = calloc(1, sizeof *api);
    const struct edge_http_server_options server = {
        .uri = options->uri,
        .mode = 0600,
        .max_clients = MAX_CLIENTS,
        .max_body = MAX_BODY,
        .handle = handle,
        .arg = api,
    };
    int rc;

    if (!api)
        return -ENOMEM;
    api->options = *options;
    rc = edge_http_server_open(options->loop, &server, &api->server, err);
    if (rc < 0) {
        free(api);
        return edge_wrap(err, rc, "the identity API");
    }
    *ret = api;
    return 0;
}

struct sec_identity_api *sec_identity_api_close(struct sec_identity_api *api)
{
    if (!api)
        return NULL;
    edge_http_server_close(api->server);
    free(api);
    return NULL;
}
