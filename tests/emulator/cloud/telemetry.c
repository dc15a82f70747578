#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/cloud/internal.h"

unsigned cloud_partitions(const struct cloud *cloud)
{
    return cloud->partitions;
}

/* All messages of a device keep their order: they share a partition. */
static unsigned partition_of(const struct cloud *cloud, const char *device)
{
    uint32_t hash = 2166136261U;

    for (; *device; device++)
        hash = (hash ^ (unsigned char) *device) * 16777619U;
    return hash % cloud->partitions;
}

static struct edge_json *head_of(const struct edge_identity *who, const char *auth_method,
                                 const char *generation_id, const struct edge_message *message)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *head = cloud_message_head(message);

    if (!head || edge_json_set_str(head, "device", who->device) < 0 ||
        (*who->module && edge_json_set_str(head, "module", who->module) < 0) ||
        edge_json_set_str(head, "auth", auth_method) < 0 ||
        edge_json_set_str(head, "generation", generation_id) < 0)
        return NULL;
    return EDGE_TAKE(head);
}

int cloud_telemetry_add(struct cloud *cloud, const struct edge_identity *who,
                        const char *auth_method, const char *generation_id,
                        const struct edge_message *message, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *head = NULL;
    EDGE_CLEANUP(edge_free) char *text = NULL;
    struct store_event event = {.enqueued_ns = cloud_now_ns(cloud)};
    int rc;

    if (edge_message_size(message) > EDGE_MESSAGE_MAX)
        return cloud_refuse(err, CLOUD_TOO_LARGE, "the message is larger than 256 KiB");
    if (message->sys[EDGE_SYS_ORIGIN_DEVICE] || message->sys[EDGE_SYS_ORIGIN_MODULE])
        return cloud_refuse(err, CLOUD_INVALID, "only the hub says where a message comes from");
    head = head_of(who, auth_method, generation_id, message);
    text = head ? edge_json_text(head) : NULL;
    if (!text)
        return -ENOMEM;
    event.head = text;
    event.body = message->body;
    event.len = message->len;
    rc = store_append(cloud->store, partition_of(cloud, who->device), cloud->retention, &event);
    if (rc == 0)
        cloud_notify(cloud, CLOUD_TELEMETRY);
    return rc;
}

int cloud_telemetry(struct cloud *cloud, const struct edge_identity *who,
                    const struct edge_message *message, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;
    int rc = cloud_identity_load(cloud, who->device, who->module, &identity, err);

    return rc == 0 ? cloud_telemetry_add(cloud, who,
                                         "{\"scope\":\"device\",\"type\":\"sas\",\"issuer\":"
                                         "\"iothub\"}",
                                         edge_json_str(edge_json_get(identity, "generationId"), ""),
                                         message, err)
                   : rc;
}

int cloud_event_range(struct cloud *cloud, unsigned partition, struct store_range *ret)
{
    return store_event_range(cloud->store, partition, ret);
}

int cloud_event_since(struct cloud *cloud, unsigned partition, int64_t ns, int64_t *ret_sequence)
{
    return store_event_since(cloud->store, partition, ns, ret_sequence);
}

static void copy_text(char *to, size_t size, const struct edge_json *head, const char *name)
{
    snprintf(to, size, "%s", edge_json_str(edge_json_get(head, name), ""));
}

int cloud_event_read(struct cloud *cloud, unsigned partition, int64_t from, struct cloud_event *ret)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *head = NULL;
    struct store_event event;
    int rc = store_event(cloud->store, partition, from, &event);

    if (rc != 0)
        return rc;
    rc = edge_json_parse(event.head, strlen(event.head), &head, NULL);
    if (rc < 0)
        return EDGE_ESTORE;
    memset(ret, 0, sizeof *ret);
    ret->sequence = event.sequence;
    ret->enqueued_ns = event.enqueued_ns;
    copy_text(ret->who.device, sizeof ret->who.device, head, "device");
    copy_text(ret->who.module, sizeof ret->who.module, head, "module");
    copy_text(ret->auth_method, sizeof ret->auth_method, head, "auth");
    copy_text(ret->generation_id, sizeof ret->generation_id, head, "generation");
    rc = cloud_message_read(head, event.body, event.len, &ret->message);
    if (rc == 0) {
        ret->message.enqueued_ns = event.enqueued_ns;
        ret->message.sequence = (uint64_t) event.sequence;
    }
    return rc;
}
