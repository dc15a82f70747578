/* common/iothub/message.h - a message as IoT Hub knows it, whatever protocol it came by. Pure; any
 * thread. MQTT's property bag is here too; AMQP's mapping is hub/amqp's.
 * Sources: cloud.md 4.2 and 5.3, hub.md 1 and 2. */
#ifndef EDGE_IOTHUB_MESSAGE_H
#define EDGE_IOTHUB_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/err.h"

/** System properties: the enum is the index, edge_sys_name(…) their short names in a bag. */
enum edge_sys {
    EDGE_SYS_MESSAGE_ID,       /* $.mid */
    EDGE_SYS_CORRELATION_ID,   /* $.cid */
    EDGE_SYS_USER_ID,          /* $.uid */
    EDGE_SYS_TO,               /* $.to */
    EDGE_SYS_CONTENT_TYPE,     /* $.ct */
    EDGE_SYS_CONTENT_ENCODING, /* $.ce */
    EDGE_SYS_EXPIRY,           /* $.exp, as sent */
    EDGE_SYS_OUTPUT,           /* $.on */
    EDGE_SYS_INTERFACE_ID,     /* $.ifid */
    EDGE_SYS_SUBJECT,          /* $.sub */
    EDGE_SYS_SCHEMA,           /* $.schema */
    EDGE_SYS_CREATION_TIME,    /* $.ctime */
    EDGE_SYS_DIAG_ID,          /* $.diagid */
    EDGE_SYS_DIAG_CONTEXT,     /* $.diagctx */
    EDGE_SYS_ORIGIN_DEVICE,    /* $.cdid: set by the hub alone, refused from clients */
    EDGE_SYS_ORIGIN_MODULE,    /* $.cmid: likewise */
    EDGE_SYS_INPUT,            /* not in a bag: part of the topic */
    EDGE_SYS_ACK,              /* iothub-ack of a cloud-to-device message */
    EDGE_SYS_MAX
};

struct edge_property {
    char *name;
    char *value; /* NULL: the name stood alone */
};

struct edge_message {
    char *sys[EDGE_SYS_MAX]; /* NULL: absent */
    struct edge_property *properties;
    size_t nproperties;
    uint8_t *body;
    size_t len;
    int64_t enqueued_ns;     /* wall clock, 0: unknown */
    uint32_t delivery_count; /* deliveries before this one */
    uint64_t sequence;       /* 0: none */
    char lock_token[37];     /* of a cloud-to-device message, or "" */
};

enum { EDGE_MESSAGE_MAX = 256 * 1024, EDGE_PROPERTIES_MAX = 256 };

void edge_message_fini(struct edge_message *message);
EDGE_MUST_CHECK int edge_message_copy(const struct edge_message *from, struct edge_message *ret);
/** Replace (NULL value: remove). @return 0 or -ENOMEM */
EDGE_MUST_CHECK int edge_message_set_sys(struct edge_message *m, enum edge_sys which,
                                         const char *value);
/** Append. @return 0, EDGE_ELIMIT (over EDGE_PROPERTIES_MAX), -ENOMEM */
EDGE_MUST_CHECK int edge_message_add(struct edge_message *m, const char *name, const char *value);
EDGE_MUST_CHECK int edge_message_set_body(struct edge_message *m, const void *data, size_t len);
/** Body plus names and values of all properties: what IoT Hub's 256 KiB are measured by. */
size_t edge_message_size(const struct edge_message *m);
/** "$.mid" and so on; NULL for what is not in a bag. */
const char *edge_sys_name(enum edge_sys which);

/** Read "k=v&k2=v2" into @p m: names and values decoded, empty segments passed over, `$.x` and
 * `%24.x` alike; an unknown `$.x` stays an application property, a '%' that begins no escape
 * itself.
 * @return 0, EDGE_EINVALID (no name, not UTF-8, a control character), EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int edge_bag_parse(const char *text, size_t len, struct edge_message *m,
                                   struct edge_err *err);
/** The same of a message from a hub, which says whose it was ($.cdid, $.cmid). */
EDGE_MUST_CHECK int edge_bag_parse_from_hub(const char *text, size_t len, struct edge_message *m,
                                            struct edge_err *err);
/** The bag of a message towards a client: system properties last, everything percent-encoded. */
EDGE_MUST_CHECK int edge_bag_format(const struct edge_message *m, struct edge_buf *out);

#endif
