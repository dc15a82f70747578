/* Readers of telemetry, as the Event Hubs protocol has them: one partition, from a position on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "hub/amqp/mapping.h"
#include "hub/amqp/value.h"
#include "hub/amqp/value_text.h"
#include "tests/emulator/amqp/internal.h"

enum { AT_ONCE = 128, ARENA_MAX = 1024 * 1024, NO_EPOCH = -1 };

struct service_reader {
    struct cloud_watch watch;
    struct service_reader *next, **at;
    struct service *service;
    struct hub_amqp_link *link;
    struct edge_timer *more;
    char group[128];
    unsigned partition;
    int64_t position;
    int64_t epoch;
};

static size_t annotate(const struct cloud_event *event, const char *offset,
                       struct hub_amqp_pair pairs[10])
{
    struct hub_amqp_value ms = {.kind = HUB_AMQP_TIMESTAMP, .i = event->enqueued_ns / 1000000};
    size_t n = 0;

    pairs[n++] = (struct hub_amqp_pair){"x-opt-sequence-number",
                                        {.kind = HUB_AMQP_LONG, .i = event->sequence}};
    pairs[n++] = (struct hub_amqp_pair){"x-opt-offset", hub_amqp_text(offset)};
    pairs[n++] = (struct hub_amqp_pair){"x-opt-enqueued-time", ms};
    pairs[n++] =
        (struct hub_amqp_pair){"iothub-connection-device-id", hub_amqp_text(event->who.device)};
    if (event->who.module[0])
        pairs[n++] =
            (struct hub_amqp_pair){"iothub-connection-module-id", hub_amqp_text(event->who.module)};
    pairs[n++] =
        (struct hub_amqp_pair){"iothub-connection-auth-method", hub_amqp_text(event->auth_method)};
    pairs[n++] = (struct hub_amqp_pair){"iothub-connection-auth-generation-id",
                                        hub_amqp_text(event->generation_id)};
    pairs[n++] = (struct hub_amqp_pair){"iothub-enqueuedtime", ms};
    pairs[n++] = (struct hub_amqp_pair){"iothub-message-source", hub_amqp_text("Telemetry")};
    if (event->message.sys[EDGE_SYS_INTERFACE_ID])
        pairs[n++] = (struct hub_amqp_pair){
            "iothub-interface-id", hub_amqp_text(event->message.sys[EDGE_SYS_INTERFACE_ID])};
    return n;
}

static int send(struct service_reader *r, const struct cloud_event *event)
{
    struct hub_amqp_arena arena = HUB_AMQP_ARENA_INIT(ARENA_MAX);
    struct hub_amqp_pair annotations[10];
    struct hub_amqp_message message;
    char offset[24];
    int rc = hub_amqp_to_client(&event->message, &arena, &message);

    (void) snprintf(offset, sizeof offset, "%lld", (long long) event->sequence);
    message.annotations = annotations;
    message.nannotations = annotate(event, offset, annotations);
    if (rc == 0)
        rc = hub_amqp_send(r->link, 0, &message, true);
    hub_amqp_arena_fini(&arena);
    return rc;
}

/* As much as there is credit for, a little at a time: others are served, too. */
static void pump(struct service_reader *r)
{
    for (int i = 0; hub_amqp_credit(r->link) > 0; i++) {
        struct cloud_event event;
        int rc;

        if (i == AT_ONCE) {
            edge_timer_arm(r->more, 0);
            return;
        }
        rc = cloud_event_read(r->service->cloud, r->partition, r->position, &event);
        if (rc == STORE_ABSENT)
            return;
        if (rc == 0)
            rc = send(r, &event);
        r->position = event.sequence + 1;
        edge_message_fini(&event.message);
        if (rc < 0) {
            hub_amqp_refuse(r->link, "amqp:internal-error", edge_strerror(rc));
            return;
        }
    }
}

static void on_news(struct cloud_watch *watch)
{
    pump(EDGE_CONTAINER_OF(watch, struct service_reader, watch));
}

static void on_more(void *arg)
{
    pump(arg);
}

static void on_credit(struct hub_amqp_link *link, unsigned credit, void *arg)
{
    (void) link;
    (void) credit;
    pump(arg);
}

static void on_detached(struct hub_amqp_link *link, void *arg)
{
    struct service_reader *r = arg;

    (void) link;
    *r->at = r->next;
    if (r->next)
        r->next->at = r->at;
    cloud_unwatch(&r->watch);
    edge_timer_destroy(r->more);
    free(r);
}

static const struct hub_amqp_link_ops ops = {.credit = on_credit, .detached = on_detached};

/* "/<entity>/ConsumerGroups/<group>/Partitions/<n>" */
static bool parse(struct service_reader *r, const char *address)
{
    const char *groups = strcasestr(address, "/ConsumerGroups/"), *group, *partitions;
    unsigned long number;
    char *end;

    if (!groups || !service_is_entity(r->service, address + 1, (size_t) (groups - address) - 1))
        return false;
    group = groups + strlen("/ConsumerGroups/");
    partitions = strcasestr(group, "/Partitions/");
    if (!partitions || partitions == group || (size_t) (partitions - group) >= sizeof r->group)
        return false;
    memcpy(r->group, group, (size_t) (partitions - group));
    group = partitions + strlen("/Partitions/");
    number = strtoul(group, &end, 10);
    if (end == group || *end || number >= cloud_partitions(r->service->cloud))
        return false;
    r->partition = (unsigned) number;
    return true;
}

/* One owner at a time: the highest epoch reads, of equal ones the newest; who has none gives way.
 * @return false: the newcomer gives way */
static bool own(struct service_reader *r)
{
    struct service_reader *next;

    for (struct service_reader *other = r->service->readers; other; other = other->next) {
        if (other->partition == r->partition && strcasecmp(other->group, r->group) == 0 &&
            other->epoch > r->epoch)
            return false;
    }
    for (struct service_reader *other = r->service->readers; other && r->epoch != NO_EPOCH;
         other = next) {
        next = other->next;
        if (other->partition == r->partition && strcasecmp(other->group, r->group) == 0)
            hub_amqp_refuse(other->link, "amqp:link:stolen",
                            "a reader with the same or a higher epoch has come");
    }
    return true;
}

static int64_t epoch_of(const struct hub_amqp_attach *attach)
{
    int64_t epoch;

    return hub_amqp_number(
               hub_amqp_find(attach->properties, attach->nproperties, "com.microsoft:epoch"),
               &epoch) &&
                   epoch >= 0
               ? epoch
               : NO_EPOCH;
}

static void begin(struct service_reader *r)
{
    r->next = r->service->readers;
    r->at = &r->service->readers;
    if (r->next)
        r->next->at = &r->next;
    r->service->readers = r;
    cloud_watch(r->service->cloud, CLOUD_TELEMETRY, &r->watch, on_news);
    hub_amqp_take(r->link, &ops, r, 0);
}

/* @return the condition of a refusal, or NULL */
static const char *prepare(struct service_reader *r, const struct hub_amqp_attach *attach)
{
    const char *path = strcasestr(attach->address, "/ConsumerGroups/");

    if (!service_may_read(r->service, r->link, path))
        return "amqp:unauthorized-access";
    if (service_selector(r->service->cloud, r->partition, attach->selector, &r->position) < 0)
        return "com.microsoft:argument-error";
    r->epoch = epoch_of(attach);
    return own(r) ? NULL : "amqp:link:stolen";
}

int service_reader_attach(struct service *service, struct hub_amqp_link *link,
                          const struct hub_amqp_attach *attach)
{
    struct service_reader *r = calloc(1, sizeof *r);
    const char *refusal = "amqp:internal-error";

    if (!r)
        return -ENOMEM;
    r->service = service;
    r->link = link;
    if (!parse(r, attach->address)) {
        free(r);
        return HUB_AMQP_NOT_MINE;
    }
    r->more = edge_timer_create(service->loop, on_more, r);
    if (r->more)
        refusal = prepare(r, attach);
    if (!refusal) {
        begin(r);
        return 0;
    }
    hub_amqp_refuse(link, refusal, "this reader is not served");
    edge_timer_destroy(r->more);
    free(r);
    return 0;
}
