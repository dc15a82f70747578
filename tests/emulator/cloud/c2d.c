#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/crypto/hmac.h"
#include "tests/emulator/cloud/internal.h"

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
enum { DEFAULT_TTL_S = 3600, MAX_TTL_S = 172800, C2D_BYTES_MAX = 65536, AT_ONCE = 64 };

void cloud_c2d_queue(const char *device, char queue[EDGE_ID_MAX + 3])
{
    snprintf(queue, EDGE_ID_MAX + 3, "d:%s", device);
}

/* Absolute: milliseconds since 1970, or RFC 3339. @return 0 or CLOUD_INVALID */
static int read_expiry(const char *text, int64_t now_ns, int64_t *ret, struct edge_err *err)
{
    char *end;
    long long ms;

    *ret = now_ns + DEFAULT_TTL_S * NS_PER_S;
    if (!text || !*text)
        return 0;
    errno = 0;
    ms = strtoll(text, &end, 10);
    if (*end == '\0' && errno == 0 && ms >= 0 && ms < INT64_MAX / NS_PER_MS)
        *ret = ms * NS_PER_MS;
    else if (edge_time_parse(text, ret) < 0)
        return cloud_refuse(err, CLOUD_INVALID, "the expiry is no time");
    if (*ret <= now_ns)
        return cloud_refuse(err, CLOUD_INVALID, "the message has expired already");
    if (*ret > now_ns + MAX_TTL_S * NS_PER_S)
        return cloud_refuse(err, CLOUD_INVALID, "the expiry is more than 2 days away");
    return 0;
}

static int check_ack(const char *ack, struct edge_err *err)
{
    static const char *const known[] = {"none", "positive", "negative", "full"};

    for (size_t i = 0; i < EDGE_ARRAY_LEN(known); i++) {
        if (!ack || strcmp(ack, known[i]) == 0)
            return 0;
    }
    return cloud_refuse(err, CLOUD_INVALID, "iothub-ack is none, positive, negative or full");
}

static int check(struct cloud *cloud, const char *device, const struct edge_message *message,
                 struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;
    char queue[EDGE_ID_MAX + 3];
    int64_t count = 0;
    int rc = cloud_identity_load(cloud, device, "", &identity, err);

    if (rc == 0)
        rc = check_ack(message->sys[EDGE_SYS_ACK], err);
    if (rc == 0 && edge_message_size(message) > C2D_BYTES_MAX)
        return cloud_refuse(err, CLOUD_TOO_LARGE, "the message is larger than 64 KiB");
    if (rc == 0) {
        cloud_c2d_queue(device, queue);
        rc = store_queued(cloud->store, queue, &count);
    }
    if (rc == 0 && count >= CLOUD_C2D_MAX)
        return cloud_refuse(err, CLOUD_QUEUE_FULL, "%d messages wait for device %s already",
                            CLOUD_C2D_MAX, device);
    return rc;
}

int cloud_c2d_send(struct cloud *cloud, const char *device, const struct edge_message *message,
                   struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *head = NULL;
    EDGE_CLEANUP(edge_free) char *text = NULL;
    struct store_item item = {.enqueued_ns = cloud_now_ns(cloud)};
    char queue[EDGE_ID_MAX + 3];
    int64_t id;
    int rc = check(cloud, device, message, err);

    if (rc == 0)
        rc = read_expiry(message->sys[EDGE_SYS_EXPIRY], item.enqueued_ns, &item.expires_ns, err);
    if (rc != 0)
        return rc;
    head = cloud_message_head(message);
    text = head ? edge_json_text(head) : NULL;
    if (!text)
        return -ENOMEM;
    item.head = text;
    item.body = message->body;
    item.len = message->len;
    cloud_c2d_queue(device, queue);
    rc = store_push(cloud->store, queue, &item, &id);
    cloud_wake(cloud, device, "");
    cloud_rearm(cloud);
    return rc;
}

/* Take @p item out for good, and say so to who asked to be told. */
static int dispose(struct cloud *cloud, const char *device, const struct store_item *item,
                   const char *status)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *head = NULL;
    int64_t id = item->id;
    int rc = edge_json_parse(item->head, strlen(item->head), &head, NULL);

    if (rc == 0)
        rc = store_drop(cloud->store, id);
    return rc == 0 ? cloud_feedback_add(cloud, device, head, status) : rc;
}

int cloud_c2d_purge(struct cloud *cloud, const char *device, int64_t *ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;
    char queue[EDGE_ID_MAX + 3];
    int rc = cloud_identity_load(cloud, device, "", &identity, err);

    *ret = 0;
    if (rc != 0)
        return rc;
    cloud_c2d_queue(device, queue);
    for (;;) {
        struct store_item item;

        rc = store_peek(cloud->store, queue, INT64_MAX, 0, &item);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        rc = dispose(cloud, device, &item, "Purged");
        if (rc < 0)
            return rc;
        ++*ret;
    }
}

/* The next message of a device, locked; those delivered too often or expired go on the way.
 * @return 0, STORE_ABSENT, negative */
static int lock_next(struct cloud *cloud, const char *device, int64_t lock_ns,
                     struct edge_message *ret, int64_t *ret_id)
{
    char queue[EDGE_ID_MAX + 3];
    int64_t now = cloud_now_ns(cloud);

    cloud_c2d_queue(device, queue);
    for (;;) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *head = NULL;
        struct store_item item;
        int rc = store_peek(cloud->store, queue, now, 0, &item);

        if (rc != 0)
            return rc;
        if (item.expires_ns <= now || item.deliveries >= CLOUD_DELIVERIES_MAX) {
            rc = dispose(cloud, device, &item,
                         item.expires_ns <= now ? "Expired" : "DeliveryCountExceeded");
            if (rc < 0)
                return rc;
            continue;
        }
        rc = edge_json_parse(item.head, strlen(item.head), &head, NULL);
        if (rc == 0)
            rc = cloud_message_read(head, item.body, item.len, ret);
        if (rc < 0)
            return rc;
        ret->delivery_count = item.deliveries++;
        ret->enqueued_ns = item.enqueued_ns;
        ret->sequence = (uint64_t) item.id;
        item.locked_ns = lock_ns;
        rc = edge_uuid(item.lock);
        memcpy(ret->lock_token, item.lock, sizeof ret->lock_token);
        *ret_id = item.id;
        return rc == 0 ? store_mark(cloud->store, &item) : rc;
    }
}

static int address(struct edge_message *message, const char *device)
{
    EDGE_CLEANUP(edge_free) char *to = edge_format("/devices/%s/messages/devicebound", device);

    return to ? edge_message_set_sys(message, EDGE_SYS_TO, to) : -ENOMEM;
}

/* An MQTT client holds a message as long as it is connected, others for the time of a lock. */
void cloud_c2d_deliver(struct hub_session *session)
{
    struct cloud *cloud = session->cloud;
    bool mqtt = session->protocol == HUB_MQTT || session->protocol == HUB_MQTT_WS;
    int64_t lock_ns = mqtt ? INT64_MAX : cloud_now_ns(cloud) + CLOUD_LOCK_S * NS_PER_S;

    if (*session->who.module || session->paused || !(session->features & EDGE_FEATURE_C2D))
        return;
    for (int i = 0; i < AT_ONCE; i++) {
        struct edge_message message;
        struct cloud_live *live;
        int64_t id;
        int rc = lock_next(cloud, session->who.device, lock_ns, &message, &id);

        if (rc != 0)
            break;
        if (address(&message, session->who.device) == 0)
            session->events.deliver(&message, (uint64_t) id, session->arg);
        edge_message_fini(&message);
        live = cloud_live(cloud, session->who.device, "", false);
        if (!live || live->session != session)
            return; /* it has closed itself */
        if (session->paused)
            break;
    }
    if (!mqtt)
        cloud_rearm(cloud);
}

static int settle(struct cloud *cloud, const char *device, struct store_item *item,
                  enum hub_outcome outcome)
{
    switch (outcome) {
    case HUB_ACCEPTED:
        return dispose(cloud, device, item, "Success");
    case HUB_REJECTED:
        return dispose(cloud, device, item, "Rejected");
    default:
        item->locked_ns = 0;
        *item->lock = '\0';
        cloud_wake(cloud, device, "");
        return store_mark(cloud->store, item);
    }
}

void cloud_c2d_settled(struct hub_session *session, uint64_t lock, enum hub_outcome outcome)
{
    struct cloud *cloud = session->cloud;
    struct store_item item;
    char queue[EDGE_ID_MAX + 3];

    cloud_c2d_queue(session->who.device, queue);
    if (store_find(cloud->store, queue, NULL, (int64_t) lock, &item) == 0 && item.locked_ns > 0)
        edge_ignore(settle(cloud, session->who.device, &item, outcome));
}

int cloud_c2d_receive(struct cloud *cloud, const char *device, struct edge_message *ret,
                      struct edge_err *err)
{
    int64_t id;
    int rc = lock_next(cloud, device, cloud_now_ns(cloud) + CLOUD_LOCK_S * NS_PER_S, ret, &id);

    if (rc == STORE_ABSENT)
        return cloud_refuse(err, CLOUD_NO_MESSAGE, "no message waits for device %s", device);
    if (rc == 0)
        rc = address(ret, device);
    cloud_rearm(cloud);
    return rc;
}

int cloud_c2d_settle(struct cloud *cloud, const char *device, const char *lock,
                     enum hub_outcome outcome, struct edge_err *err)
{
    struct store_item item;
    char queue[EDGE_ID_MAX + 3];
    int rc;

    cloud_c2d_queue(device, queue);
    rc = store_find(cloud->store, queue, lock, 0, &item);
    if (rc == STORE_ABSENT)
        return cloud_refuse(err, CLOUD_LOCK_LOST, "the lock is not known (any more)");
    return rc == 0 ? settle(cloud, device, &item, outcome) : rc;
}

static void wake_all(struct cloud *cloud)
{
    for (struct hub_session *s = cloud->sessions.next; s != &cloud->sessions; s = s->next) {
        if (s->features & EDGE_FEATURE_C2D)
            cloud_wake(cloud, s->who.device, s->who.module);
    }
}

void cloud_c2d_expire(struct cloud *cloud)
{
    int64_t now = cloud_now_ns(cloud);
    struct store_item item;
    const char *queue;

    while (store_expired(cloud->store, now, &item, &queue) == 0) {
        char device[EDGE_ID_MAX + 1];
        bool c2d = strncmp(queue, "d:", 2) == 0;

        snprintf(device, sizeof device, "%s", c2d ? queue + 2 : "");
        if ((c2d ? dispose(cloud, device, &item, "Expired") : store_drop(cloud->store, item.id)) <
            0)
            return;
    }
    edge_ignore(store_unlock(cloud->store, NULL, now));
    wake_all(cloud);
    cloud_notify(cloud, CLOUD_FEEDBACK);
    cloud_notify(cloud, CLOUD_UPLOADS);
}
