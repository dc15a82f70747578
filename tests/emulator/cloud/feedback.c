#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/crypto/hmac.h"
#include "tests/emulator/cloud/internal.h"

#define NS_PER_S INT64_C(1000000000)
enum { TTL_S = 3600, QUEUE_MAX = 10000 };

static const char feedback_queue[] = "feedback";
static const char upload_queue[] = "uploads";

static bool asked_for(const char *ack, bool success)
{
    return strcmp(ack, "full") == 0 || strcmp(ack, success ? "positive" : "negative") == 0;
}

static int push(struct cloud *cloud, const char *queue, const struct edge_json *record)
{
    EDGE_CLEANUP(edge_free) char *text = edge_json_text(record);
    struct store_item item = {
        .head = text,
        .enqueued_ns = cloud_now_ns(cloud),
        .expires_ns = cloud_now_ns(cloud) + TTL_S * NS_PER_S,
    };
    int64_t count = 0;
    int64_t id;
    int rc = text ? store_queued(cloud->store, queue, &count) : -ENOMEM;

    if (rc < 0 || count >= QUEUE_MAX)
        return rc;
    return store_push(cloud->store, queue, &item, &id);
}

int cloud_feedback_add(struct cloud *cloud, const char *device, const struct edge_json *head,
                       const char *status)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *record = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;
    struct edge_message message;
    bool success = strcmp(status, "Success") == 0;
    char now[EDGE_TIME_TEXT];
    int rc = cloud_message_read(head, "", 0, &message);

    if (rc < 0)
        return rc;
    if (!message.sys[EDGE_SYS_ACK] || !asked_for(message.sys[EDGE_SYS_ACK], success)) {
        edge_message_fini(&message);
        return 0;
    }
    record = edge_json_new_object();
    cloud_time(cloud, now);
    edge_ignore(cloud_load(cloud, STORE_IDENTITIES, device, "", &identity));
    rc = edge_json_set_str(record, "originalMessageId", message.sys[EDGE_SYS_MESSAGE_ID]);
    edge_message_fini(&message);
    if (rc < 0 || edge_json_set_str(record, "description", status) < 0 ||
        edge_json_set_str(record, "deviceGenerationId",
                          edge_json_str(edge_json_get(identity, "generationId"), "")) < 0 ||
        edge_json_set_str(record, "deviceId", device) < 0 ||
        edge_json_set_str(record, "enqueuedTimeUtc", now) < 0 ||
        edge_json_set_str(record, "statusCode", status) < 0)
        return -ENOMEM;
    cloud_notify(cloud, CLOUD_FEEDBACK);
    return push(cloud, feedback_queue, record);
}

int cloud_upload_add(struct cloud *cloud, const struct edge_json *record)
{
    cloud_notify(cloud, CLOUD_UPLOADS);
    return push(cloud, upload_queue, record);
}

static int receive(struct cloud *cloud, const char *queue, bool array, struct cloud_feedback *ret)
{
    struct store_item item;
    int64_t now = cloud_now_ns(cloud);
    int rc = store_peek(cloud->store, queue, now, 0, &item);

    while (rc == 0 && item.deliveries >= CLOUD_DELIVERIES_MAX) {
        rc = store_drop(cloud->store, item.id);
        if (rc == 0)
            rc = store_peek(cloud->store, queue, now, 0, &item);
    }
    if (rc != 0)
        return rc < 0 ? rc : CLOUD_NO_MESSAGE;
    *ret = (struct cloud_feedback){
        .json = edge_format(array ? "[%s]" : "%s", item.head),
        .lock = (uint64_t) item.id,
        .delivery_count = item.deliveries++,
        .enqueued_ns = item.enqueued_ns,
    };
    item.locked_ns = now + CLOUD_LOCK_S * NS_PER_S;
    rc = ret->json ? edge_uuid(item.lock) : -ENOMEM;
    memcpy(ret->lock_token, item.lock, sizeof ret->lock_token);
    if (rc == 0)
        rc = store_mark(cloud->store, &item);
    if (rc < 0)
        free(ret->json);
    cloud_rearm(cloud);
    return rc;
}

static void settle(struct cloud *cloud, const char *queue, enum cloud_topic topic, uint64_t lock,
                   enum hub_outcome outcome)
{
    struct store_item item;

    if (store_find(cloud->store, queue, NULL, (int64_t) lock, &item) != 0 || item.locked_ns == 0)
        return;
    if (outcome == HUB_ACCEPTED || outcome == HUB_REJECTED) {
        edge_ignore(store_drop(cloud->store, item.id));
        return;
    }
    item.locked_ns = 0;
    edge_ignore(store_mark(cloud->store, &item));
    cloud_notify(cloud, topic);
}

int cloud_feedback_receive(struct cloud *cloud, struct cloud_feedback *ret)
{
    return receive(cloud, feedback_queue, true, ret);
}

void cloud_feedback_settle(struct cloud *cloud, uint64_t lock, enum hub_outcome outcome)
{
    settle(cloud, feedback_queue, CLOUD_FEEDBACK, lock, outcome);
}

int cloud_upload_receive(struct cloud *cloud, struct cloud_feedback *ret)
{
    return receive(cloud, upload_queue, false, ret);
}

void cloud_upload_settle(struct cloud *cloud, uint64_t lock, enum hub_outcome outcome)
{
    settle(cloud, upload_queue, CLOUD_UPLOADS, lock, outcome);
}
