/* Feedback of cloud-to-device messages, and notices of uploaded files. */
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/amqp/internal.h"

struct receiver {
    struct cloud_watch watch;
    struct service *service;
    struct hub_amqp_link *link;
    bool uploads;
};

static int next(const struct receiver *r, struct cloud_feedback *ret)
{
    return r->uploads ? cloud_upload_receive(r->service->cloud, ret)
                      : cloud_feedback_receive(r->service->cloud, ret);
}

static void settle(const struct receiver *r, uint64_t lock, enum hub_outcome outcome)
{
    if (r->uploads)
        cloud_upload_settle(r->service->cloud, lock, outcome);
    else
        cloud_feedback_settle(r->service->cloud, lock, outcome);
}

static int send(const struct receiver *r, const struct cloud_feedback *feedback)
{
    struct hub_amqp_pair annotations[] = {
        {"iothub-enqueuedtime", {.kind = HUB_AMQP_TIMESTAMP, .i = feedback->enqueued_ns / 1000000}},
        {"x-opt-lock-token",
         {.kind = HUB_AMQP_UUID,
          .s = {(const uint8_t *) feedback->lock_token, strlen(feedback->lock_token)}}},
    };
    struct hub_amqp_message message = {
        .content_type =
            r->uploads ? "application/json" : "application/vnd.microsoft.iothub.feedback.json",
        .content_encoding = "utf-8",
        .delivery_count = feedback->delivery_count,
        .annotations = annotations,
        .nannotations = EDGE_ARRAY_LEN(annotations),
        .body = HUB_AMQP_BODY_DATA,
        .data = {(const uint8_t *) feedback->json, strlen(feedback->json)},
    };

    return hub_amqp_send(r->link, feedback->lock, &message, false);
}

static void pump(struct receiver *r)
{
    struct cloud_feedback feedback;
    int rc = 0;

    while (rc == 0 && hub_amqp_credit(r->link) > 0 && next(r, &feedback) == 0) {
        rc = send(r, &feedback);
        if (rc < 0)
            settle(r, feedback.lock, HUB_RELEASED);
        free(feedback.json);
    }
}

static void on_news(struct cloud_watch *watch)
{
    pump(EDGE_CONTAINER_OF(watch, struct receiver, watch));
}

static void on_credit(struct hub_amqp_link *link, unsigned credit, void *arg)
{
    (void) link;
    (void) credit;
    pump(arg);
}

static void on_settled(struct hub_amqp_link *link, uint64_t tag, enum hub_amqp_outcome outcome,
                       void *arg)
{
    static const enum hub_outcome outcomes[] = {[HUB_AMQP_ACCEPTED] = HUB_ACCEPTED,
                                                [HUB_AMQP_REJECTED] = HUB_REJECTED,
                                                [HUB_AMQP_RELEASED] = HUB_RELEASED,
                                                [HUB_AMQP_MODIFIED] = HUB_MODIFIED};

    (void) link;
    settle(arg, tag, outcomes[outcome]);
}

static void on_detached(struct hub_amqp_link *link, void *arg)
{
    struct receiver *r = arg;

    (void) link;
    cloud_unwatch(&r->watch);
    free(r);
}

static const struct hub_amqp_link_ops ops = {
    .credit = on_credit, .settled = on_settled, .detached = on_detached};

int service_feedback_attach(struct service *service, struct hub_amqp_link *link, bool uploads)
{
    struct receiver *r;

    if (!service_may(service, link, "/messages/servicebound")) {
        hub_amqp_refuse(link, "amqp:unauthorized-access", "a token of the service is needed");
        return 0;
    }
    r = calloc(1, sizeof *r);
    if (!r) {
        hub_amqp_refuse(link, "amqp:internal-error", "out of memory");
        return 0;
    }
    r->service = service;
    r->link = link;
    r->uploads = uploads;
    cloud_watch(service->cloud, uploads ? CLOUD_UPLOADS : CLOUD_FEEDBACK, &r->watch, on_news);
    hub_amqp_take(link, &ops, r, 0);
    return 0;
}
