#include "tests/emulator/dps/dps_cloud.h"

#include <stdlib.h>
#include <string.h>

#include "common/iothub/sas.h"
#include "tests/emulator/cloud/provisioning.h"

struct dps_cloud {
    struct cloud *cloud;
    struct dps_registrar registrar;
    struct pending *first;
};

static const struct dps_answer unavailable = {
    .status = 503,
    .json = "{\"errorCode\":503001}",
    .len = sizeof "{\"errorCode\":503001}" - 1,
};

/* An answer that goes out when what it tells is on disk. */
struct pending {
    struct dps_cloud *dps;
    struct pending *next, **link;
    struct cloud_wait wait;
    struct cloud_dps_answer answer;
    dps_done *done;
    void *arg;
};

static void finish(struct pending *p, int rc)
{
    EDGE_CLEANUP(edge_free) char *text = rc == 0 ? edge_json_text(p->answer.body) : NULL;
    struct dps_answer answer = {
        .status = p->answer.status,
        .json = text,
        .len = text ? strlen(text) : 0,
        .retry_after_s = p->answer.retry_s,
    };

    *p->link = p->next;
    if (p->next)
        p->next->link = p->link;
    p->done(text ? &answer : &unavailable, p->arg);
    edge_json_free(p->answer.body);
    free(p);
}

static void on_disk(int rc, struct cloud_wait *wait)
{
    finish(EDGE_CONTAINER_OF(wait, struct pending, wait), rc);
}

/* An outcome of the cloud becomes an answer, a refusal of it as well. */
static void answer_later(struct dps_cloud *dps, int rc, const struct edge_err *err,
                         struct cloud_dps_answer answer, dps_done *done, void *arg)
{
    struct pending *p = calloc(1, sizeof *p);
    const char *name;

    if (!p) {
        edge_json_free(answer.body);
        done(&unavailable, arg);
        return;
    }
    if (rc != 0) {
        answer.status = cloud_status(rc, &name);
        answer.body = cloud_dps_error(dps->cloud, rc, err);
    }
    *p = (struct pending){.dps = dps, .answer = answer, .done = done, .arg = arg};
    p->link = &dps->first;
    p->next = dps->first;
    if (p->next)
        p->next->link = &p->next;
    dps->first = p;
    cloud_wait(dps->cloud, &p->wait, on_disk);
}

/* When a token that has been accepted ends; a certificate does not. */
static int64_t end_of(const char *token)
{
    struct edge_sas sas;
    int64_t until_s = INT64_MAX;

    if (!token)
        return until_s;
    if (edge_sas_parse(token, strlen(token), &sas, NULL) == 0)
        until_s = sas.se;
    edge_sas_fini(&sas);
    return until_s;
}

static int authenticate(void *self, const struct dps_claim *claim, int64_t *ret_until_s,
                        struct edge_err *err)
{
    struct dps_cloud *dps = self;
    int rc = cloud_dps_prove(dps->cloud, claim->scope, claim->registration, claim->token,
                             claim->certificate, err);

    if (rc > 0)
        return EDGE_EAUTH;
    *ret_until_s = end_of(claim->token);
    return rc;
}

static void assign(void *self, const struct dps_claim *claim, const char *body, size_t len,
                   dps_done *done, void *arg)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *request = NULL;
    struct dps_cloud *dps = self;
    struct cloud_dps_answer answer = {0};
    struct edge_err err = {0};
    int rc = len > 0 ? edge_json_parse(body, len, &request, &err) : 0;

    rc = rc == EDGE_EINVALID || rc == EDGE_ELIMIT ? CLOUD_INVALID : rc;
    if (rc == 0)
        rc = cloud_dps_register(dps->cloud, claim->registration, request, claim->certificate,
                                &answer, &err);
    answer_later(dps, rc, &err, answer, done, arg);
}

static void status(void *self, const struct dps_claim *claim, const char *operation, dps_done *done,
                   void *arg)
{
    struct dps_cloud *dps = self;
    struct cloud_dps_answer answer = {0};
    struct edge_err err = {0};
    int rc = cloud_dps_operation(dps->cloud, claim->registration, operation, &answer, &err);

    answer_later(dps, rc, &err, answer, done, arg);
}

struct dps_cloud *dps_cloud_create(struct cloud *cloud)
{
    static const struct dps_registrar_ops ops = {authenticate, assign, status};
    struct dps_cloud *dps = calloc(1, sizeof *dps);

    if (!dps)
        return NULL;
    dps->cloud = cloud;
    dps->registrar = (struct dps_registrar){&ops, dps};
    return dps;
}

struct dps_registrar *dps_cloud_registrar(struct dps_cloud *dps)
{
    return &dps->registrar;
}

struct dps_cloud *dps_cloud_destroy(struct dps_cloud *dps)
{
    if (!dps)
        return NULL;
    while (dps->first) {
        cloud_unwait(&dps->first->wait);
        finish(dps->first, EDGE_EUNAVAILABLE);
    }
    free(dps);
    return NULL;
}
