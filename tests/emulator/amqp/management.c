/* $management: what an Event Hubs client asks about the hub and its partitions. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hub/amqp/value.h"
#include "hub/amqp/value_text.h"
#include "tests/emulator/amqp/internal.h"

enum { CREDIT = 50, NS_PER_MS = 1000000 };

/* A link to the client; one that is from it has no entry and this as its node's argument. */
struct service_answerer {
    struct service_answerer *next, **at;
    struct hub_amqp_link *link;
};

/* The newest link of the connection: that of the request's pair. */
static struct hub_amqp_link *answer_link(const struct service *service,
                                         const struct hub_amqp_link *asked)
{
    for (struct service_answerer *a = service->answerers; a; a = a->next) {
        if (hub_amqp_link_connection(a->link) == hub_amqp_link_connection(asked))
            return a->link;
    }
    return NULL;
}

static void answer(const struct service *service, const struct hub_amqp_link *asked,
                   const struct hub_amqp_message *request, int status, const char *text,
                   struct hub_amqp_value body)
{
    struct hub_amqp_link *link = answer_link(service, asked);
    struct hub_amqp_pair properties[] = {
        {"status-code", {.kind = HUB_AMQP_INT, .i = status}},
        {"status-description", hub_amqp_text(text)},
    };
    struct hub_amqp_message message = {
        .correlation_id = request->message_id,
        .properties = properties,
        .nproperties = EDGE_ARRAY_LEN(properties),
        .body = HUB_AMQP_BODY_VALUE,
        .value = body,
    };

    if (link && hub_amqp_post(link, 0, &message, true) < 0)
        hub_amqp_refuse(link, "amqp:resource-limit-exceeded", "answers are not read");
}

static void put(struct hub_amqp_value *map, const char *name, struct hub_amqp_value value)
{
    map->values[2 * map->n] = hub_amqp_text(name);
    map->values[2 * map->n++ + 1] = value;
}

static struct hub_amqp_value number(enum hub_amqp_kind kind, int64_t i)
{
    return (struct hub_amqp_value){.kind = kind, .i = i};
}

static void about_hub(const struct service *service, const struct hub_amqp_link *asked,
                      const struct hub_amqp_message *request, struct hub_amqp_value name)
{
    struct hub_amqp_value values[10], ids[STORE_PARTITIONS_MAX];
    struct hub_amqp_value map = {.kind = HUB_AMQP_MAP, .values = values};
    struct hub_amqp_value list = {.kind = HUB_AMQP_STRINGS, .values = ids};
    char texts[STORE_PARTITIONS_MAX][4];

    list.n = cloud_partitions(service->cloud);
    for (size_t i = 0; i < list.n; i++) {
        (void) snprintf(texts[i], sizeof texts[i], "%zu", i);
        ids[i] = hub_amqp_text(texts[i]);
    }
    put(&map, "name", name);
    put(&map, "type", hub_amqp_text("com.microsoft:eventhub"));
    put(&map, "created_at", number(HUB_AMQP_TIMESTAMP, INT64_C(1577836800000)));
    put(&map, "partition_count", number(HUB_AMQP_INT, (int64_t) list.n));
    put(&map, "partition_ids", list);
    answer(service, asked, request, 200, "OK", map);
}

static void about_partition(const struct service *service, const struct hub_amqp_link *asked,
                            const struct hub_amqp_message *request, struct hub_amqp_value name,
                            unsigned partition)
{
    struct hub_amqp_value values[16];
    struct hub_amqp_value map = {.kind = HUB_AMQP_MAP, .values = values};
    struct store_range range;
    char id[12], offset[24];

    if (cloud_event_range(service->cloud, partition, &range) != 0) {
        answer(service, asked, request, 500, "the store failed", (struct hub_amqp_value){0});
        return;
    }
    (void) snprintf(id, sizeof id, "%u", partition);
    (void) snprintf(offset, sizeof offset, "%lld", (long long) range.last);
    put(&map, "name", name);
    put(&map, "type", hub_amqp_text("com.microsoft:partition"));
    put(&map, "partition", hub_amqp_text(id));
    put(&map, "begin_sequence_number", number(HUB_AMQP_LONG, range.first));
    put(&map, "last_enqueued_sequence_number", number(HUB_AMQP_LONG, range.last));
    put(&map, "last_enqueued_offset", hub_amqp_text(offset));
    put(&map, "last_enqueued_time_utc", number(HUB_AMQP_TIMESTAMP, range.last_ns / NS_PER_MS));
    put(&map, "is_partition_empty", number(HUB_AMQP_BOOL, range.first > range.last));
    answer(service, asked, request, 200, "OK", map);
}

static bool partition_of(const struct service *service, const struct hub_amqp_value *text,
                         unsigned *ret)
{
    for (unsigned i = 0; i < cloud_partitions(service->cloud); i++) {
        char id[12];

        (void) snprintf(id, sizeof id, "%u", i);
        *ret = i;
        if (hub_amqp_is(text, id))
            return true;
    }
    return false;
}

static void ask(const struct service *service, const struct hub_amqp_link *link,
                const struct hub_amqp_message *m)
{
    static const struct hub_amqp_value none;
    const struct hub_amqp_value *name = hub_amqp_find(m->properties, m->nproperties, "name");
    const struct hub_amqp_value *type = hub_amqp_find(m->properties, m->nproperties, "type");
    unsigned partition;

    if (!hub_amqp_is(hub_amqp_find(m->properties, m->nproperties, "operation"), "READ"))
        answer(service, link, m, 400, "the operation is READ", none);
    else if (!name || name->kind != HUB_AMQP_STRING ||
             !service_is_entity(service, (const char *) name->s.data, name->s.len))
        answer(service, link, m, 404, "there is no such entity", none);
    else if (hub_amqp_is(type, "com.microsoft:eventhub"))
        about_hub(service, link, m, *name);
    else if (!hub_amqp_is(type, "com.microsoft:partition"))
        answer(service, link, m, 400, "the type is com.microsoft:eventhub or :partition", none);
    else if (partition_of(service, hub_amqp_find(m->properties, m->nproperties, "partition"),
                          &partition))
        about_partition(service, link, m, *name, partition);
    else
        answer(service, link, m, 404, "there is no such partition", none);
}

static void on_message(struct hub_amqp_link *link, uint64_t delivery,
                       const struct hub_amqp_message *message, void *arg)
{
    hub_amqp_settle(link, delivery, HUB_AMQP_ACCEPTED, NULL, NULL);
    ask(arg, link, message);
}

static void on_asker_gone(struct hub_amqp_link *link, void *arg)
{
    (void) link;
    (void) arg;
}

static void on_answerer_gone(struct hub_amqp_link *link, void *arg)
{
    struct service_answerer *a = arg;

    (void) link;
    *a->at = a->next;
    if (a->next)
        a->next->at = a->at;
    free(a);
}

static const struct hub_amqp_link_ops asker = {.message = on_message, .detached = on_asker_gone};
static const struct hub_amqp_link_ops answerer = {.detached = on_answerer_gone};

int service_management_attach(struct service *service, struct hub_amqp_link *link,
                              const struct hub_amqp_attach *attach)
{
    struct service_answerer *a;

    if (!service_may_read(service, link, "/$management")) {
        hub_amqp_refuse(link, "amqp:unauthorized-access", "a token of the service is needed");
        return 0;
    }
    if (attach->client_sends) {
        hub_amqp_take(link, &asker, service, CREDIT);
        return 0;
    }
    a = calloc(1, sizeof *a);
    if (!a)
        return -ENOMEM;
    a->link = link;
    a->next = service->answerers;
    a->at = &service->answerers;
    if (a->next)
        a->next->at = &a->next;
    service->answerers = a;
    hub_amqp_take(link, &answerer, a, 0);
    return 0;
}
