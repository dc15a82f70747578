/* Messages of a service to devices: accepted when they are on disk. */
#include <errno.h>
#include <stdlib.h>

#include "hub/amqp/address.h"
#include "hub/amqp/condition.h"
#include "hub/amqp/mapping.h"
#include "tests/emulator/amqp/internal.h"

enum { CREDIT = 100 };

struct pending {
    struct cloud_wait wait;
    struct pending *next, **at;
    struct hub_amqp_link *link;
    uint64_t delivery;
};
struct sender {
    struct service *service;
    struct pending *pendings;
};

static void drop(struct pending *p)
{
    *p->at = p->next;
    if (p->next)
        p->next->at = p->at;
    free(p);
}

static void on_disk(int rc, struct cloud_wait *wait)
{
    struct pending *p = EDGE_CONTAINER_OF(wait, struct pending, wait);

    if (rc == 0)
        hub_amqp_settle(p->link, p->delivery, HUB_AMQP_ACCEPTED, NULL, NULL);
    else
        hub_amqp_settle(p->link, p->delivery, HUB_AMQP_REJECTED, "amqp:internal-error",
                        edge_strerror(rc));
    drop(p);
}

static void accept_when_on_disk(struct sender *sender, struct hub_amqp_link *link,
                                uint64_t delivery)
{
    struct pending *p = calloc(1, sizeof *p);

    if (!p) {
        hub_amqp_settle(link, delivery, HUB_AMQP_REJECTED, "amqp:internal-error", "out of memory");
        return;
    }
    p->link = link;
    p->delivery = delivery;
    p->next = sender->pendings;
    p->at = &sender->pendings;
    if (p->next)
        p->next->at = &p->next;
    sender->pendings = p;
    cloud_wait(sender->service->cloud, &p->wait, on_disk);
}

static int queue(struct service *service, const struct hub_amqp_message *message,
                 struct edge_err *err)
{
    struct edge_identity who;
    struct edge_message mapped;
    int rc;

    if (!message->to || hub_amqp_address(message->to, false, &who) != HUB_AMQP_LINK_C2D ||
        who.module[0]) {
        edge_fail(err, EDGE_EINVALID, "to is /devices/{device}/messages/devicebound");
        return CLOUD_INVALID;
    }
    rc = hub_amqp_from_client(message, &mapped, err);
    if (rc == EDGE_EINVALID || rc == EDGE_ELIMIT || rc == -EMSGSIZE)
        rc = CLOUD_INVALID;
    if (rc == 0)
        rc = cloud_c2d_send(service->cloud, who.device, &mapped, err);
    edge_message_fini(&mapped);
    return rc;
}

static void on_message(struct hub_amqp_link *link, uint64_t delivery,
                       const struct hub_amqp_message *message, void *arg)
{
    struct sender *sender = arg;
    struct edge_err err = {0};
    int rc = queue(sender->service, message, &err);

    if (rc == 0)
        accept_when_on_disk(sender, link, delivery);
    else
        hub_amqp_settle(link, delivery, HUB_AMQP_REJECTED, hub_amqp_condition(cloud_hub_result(rc)),
                        err.text);
}

static void on_detached(struct hub_amqp_link *link, void *arg)
{
    struct sender *sender = arg;

    (void) link;
    while (sender->pendings) {
        cloud_unwait(&sender->pendings->wait);
        drop(sender->pendings);
    }
    free(sender);
}

static const struct hub_amqp_link_ops ops = {.message = on_message, .detached = on_detached};

int service_c2d_attach(struct service *service, struct hub_amqp_link *link)
{
    struct sender *sender;

    if (!service_may(service, link, "/messages/devicebound")) {
        hub_amqp_refuse(link, "amqp:unauthorized-access", "a token of the service is needed");
        return 0;
    }
    sender = calloc(1, sizeof *sender);
    if (!sender) {
        hub_amqp_refuse(link, "amqp:internal-error", "out of memory");
        return 0;
    }
    sender->service = service;
    hub_amqp_take(link, &ops, sender, CREDIT);
    return 0;
}
