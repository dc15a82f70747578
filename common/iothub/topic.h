/* common/iothub/topic.h - IoT Hub's MQTT topics, taken apart and put together. Pure; any thread.
 * Sources: cloud.md 4.2, hub.md 1. */
#ifndef EDGE_IOTHUB_TOPIC_H
#define EDGE_IOTHUB_TOPIC_H

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/iothub/identity.h"

/** What a client publishes. */
enum edge_topic_kind {
    EDGE_TOPIC_UNKNOWN,
    EDGE_TOPIC_TELEMETRY,       /* devices/d[/modules/m]/messages/events/{bag} : who, bag */
    EDGE_TOPIC_TWIN_GET,        /* $iothub/twin/GET/?$rid=r : rid */
    EDGE_TOPIC_TWIN_PATCH,      /* …/twin/PATCH/properties/reported/?$rid=r : rid, or none */
    EDGE_TOPIC_METHOD_RESPONSE, /* $iothub/methods/res/s/?$rid=r : rid, status */
};
/** What a client subscribes to; bits. */
enum edge_feature {
    EDGE_FEATURE_C2D = 1,      /* devices/d/messages/devicebound/# */
    EDGE_FEATURE_INPUTS = 2,   /* devices/d/modules/m/inputs/# or /inputs/x[/#] */
    EDGE_FEATURE_TWIN_RES = 4, /* $iothub/twin/res/# */
    EDGE_FEATURE_DESIRED = 8,  /* $iothub/twin/PATCH/properties/desired/# */
    EDGE_FEATURE_METHODS = 16, /* $iothub/methods/POST/# */
};
struct edge_topic {
    enum edge_topic_kind kind;
    struct edge_identity who;
    struct edge_bytes bag; /* still encoded; all bytes borrowed from the topic */
    struct edge_bytes rid; /* opaque: sent back byte for byte */
    int status;
};
/** Unknown topics are no error: kind says so. */
void edge_topic_parse(const char *text, size_t len, struct edge_topic *ret);
/** A filter: one feature bit, or 0 for one that IoT Hub does not know; devices/d/modules/m/# is all
 * a module has. @param ret_who  filled when the filter names an identity, else device is ""
 * @param ret_input  the input of an exact inputs filter, borrowed; else NULL data */
unsigned edge_filter_parse(const char *text, size_t len, struct edge_identity *ret_who,
                           struct edge_bytes *ret_input);

/* Towards a client; appended to @p out, whose ceiling is the limit (an MQTT topic: 65535). */
int edge_topic_twin_response(struct edge_buf *out, int status, struct edge_bytes rid,
                             int64_t version);
int edge_topic_desired(struct edge_buf *out, int64_t version);
int edge_topic_method(struct edge_buf *out, const char *name, const char *rid);
/** Without the bag, with its slash: "devices/d/messages/devicebound/", "…/inputs/x/". */
int edge_topic_devicebound(struct edge_buf *out, const struct edge_identity *who);
int edge_topic_input(struct edge_buf *out, const struct edge_identity *who, const char *input);

/* Towards IoT Hub. */
/** Without the bag, with its slash: "devices/d[/modules/m]/messages/events/". */
int edge_topic_events(struct edge_buf *out, const struct edge_identity *who);

#endif
