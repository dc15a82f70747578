#include "tests/emulator/registrar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/iothub/sas.h"
#include "tests/emulator/cloud/provisioning.h"

/* An answer on its way: it waits for the disk and for the faults like all others. */
struct asked {
    struct cloud_wait wait;
    struct cloud *cloud;
    int status;
    unsigned retry_s;
    char *text;
    dps_done *done;
    void *arg;
};

static void tell(int rc, struct cloud_wait *wait)
{
    static const char lost[] = "{\"errorCode\":500000,\"message\":\"Internal error\"}";
    struct asked *asked = EDGE_CONTAINER_OF(wait, struct asked, wait);
    bool fine = rc == 0 && asked->text;
    struct dps_answer answer = {
        .status = fine ? asked->status : 500,
        .json = fine ? asked->text : lost,
        .len = fine ? strlen(asked->text) : sizeof lost - 1,
        .retry_after_s = fine ? asked->retry_s : 0,
    };

    asked->done(&answer, asked->arg);
    free(asked->text);
    free(asked);
}

static void answer(struct cloud *cloud, int rc, const struct edge_err *err,
                   struct cloud_dps_answer *given, dps_done *done, void *arg)
{
    struct asked *asked = calloc(1, sizeof *asked);
    struct edge_json *body = rc == 0 ? given->body : cloud_dps_error(cloud, rc, err);
    const char *name;

    if (!asked) {
        edge_json_free(body);
        done(&(struct dps_answer){.status = 503, .json = "{}", .len = 2}, arg);
        return;
    }
    asked->cloud = cloud;
    asked->status = rc == 0 ? given->status : cloud_status(rc, &name);
    asked->retry_s = rc == 0 ? given->retry_s : 0;
    asked->text = body ? edge_json_text(body) : NULL;
    asked->done = done;
    asked->arg = arg;
    edge_json_free(body);
    cloud_wait(cloud, &asked->wait, tell);
}

static int64_t expiry_of(const char *token)
{
    struct edge_sas sas;
    int64_t until_s = INT64_MAX;

    if (!token || !*token)
        return until_s;
    if (edge_sas_parse(token, strlen(token), &sas, NULL) == 0)
        until_s = sas.se;
    edge_sas_fini(&sas);
    return until_s;
}

static int authenticate(void *self, const struct dps_claim *claim, int64_t *ret_until_s,
                        struct edge_err *err)
{
    struct cloud *cloud = self;
    struct cloud_faults faults;
    int rc;

    cloud_faults_get(cloud, &faults);
    if (faults.refuse || faults.throttle)
        return edge_fail(err, EDGE_EUNAVAILABLE, "new connections are refused");
    rc = cloud_dps_prove(cloud, claim->scope, claim->registration, claim->token, claim->certificate,
                         err);
    *ret_until_s = expiry_of(claim->token);
    return rc > 0 ? EDGE_EAUTH : rc;
}

static void assign(void *self, const struct dps_claim *claim, const char *body, size_t len,
                   dps_done *done, void *arg)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *request = NULL;
    struct cloud *cloud = self;
    struct cloud_dps_answer given = {0};
    struct edge_err err = {0};
    int rc = len > 0 ? edge_json_parse(body, len, &request, &err) : 0;

    if (rc == EDGE_EINVALID || rc == EDGE_ELIMIT)
        rc = CLOUD_INVALID;
    if (rc == 0)
        rc = cloud_dps_register(cloud, claim->registration, request, claim->certificate, &given,
                                &err);
    answer(cloud, rc, &err, &given, done, arg);
}

static void status(void *self, const struct dps_claim *claim, const char *operation, dps_done *done,
                   void *arg)
{
    struct cloud *cloud = self;
    struct cloud_dps_answer given = {0};
    struct edge_err err = {0};
    int rc = cloud_dps_operation(cloud, claim->registration, operation, &given, &err);

    answer(cloud, rc, &err, &given, done, arg);
}

static const struct dps_registrar_ops ops = {
    .authenticate = authenticate,
    .assign = assign,
    .status = status,
};

struct dps_registrar registrar_of(struct cloud *cloud)
{
    return (struct dps_registrar){.ops = &ops, .self = cloud};
}
