/* hub/core/metrics.h - counters of the hub, and their text for Prometheus. Pure; loop thread.
 * Names and labels are hub.md 11.1's. */
#ifndef HUB_CORE_METRICS_H
#define HUB_CORE_METRICS_H

#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/bytes.h"

struct hub_metrics;

enum hub_counter {
    HUB_COUNT_RECEIVED, /* messages_received: route_output, id */
    HUB_COUNT_SENT,     /* messages_sent: from, to, from_route_output, to_route_input, priority */
    HUB_COUNT_DROPPED,  /* messages_dropped: reason, from, from_route_output */
    HUB_COUNT_UNACK,    /* messages_unack: reason, from, from_route_output */
    HUB_COUNT_GETTWIN,  /* gettwin: source, id */
    HUB_COUNT_REPORTED, /* reported_properties: target, id */
    HUB_COUNT_METHODS,  /* direct_methods: from, to */
    HUB_COUNT_OFFLINE,  /* offline_count: id */
    HUB_COUNT_RETRY,    /* operation_retry: id, operation */
    HUB_COUNT_CONNECT_FAILED, /* client_connect_failed: id, reason */
    HUB_COUNT_CONNECTED,      /* client_connect_success: id */
    HUB_COUNT_DISCONNECTED,   /* client_disconnect: id */
    HUB_COUNT_MAX
};
enum hub_summary {
    HUB_TIME_GETTWIN, /* gettwin_duration_seconds: source, id */
    HUB_TIME_SEND, /* message_send_duration_seconds: from, to, from_route_output, to_route_input */
    HUB_TIME_PROCESS,  /* message_process_duration_seconds: from, to, priority */
    HUB_TIME_REPORTED, /* reported_properties_update_duration_seconds: target, id */
    HUB_TIME_METHODS,  /* direct_method_duration_seconds: from, to */
    HUB_TIME_OFFLINE,  /* offline_duration_seconds: id */
    HUB_SIZE_MESSAGE,  /* message_size_bytes: id */
    HUB_SUMMARY_MAX
};
EDGE_MUST_CHECK int hub_metrics_create(const char *iothub, const char *device,
                                       struct hub_metrics **ret);
/** Label values in the order above; borrowed. Over 10,000 series of all, new ones are not kept. */
void hub_metrics_count(struct hub_metrics *m, enum hub_counter which, const char *const *labels);
void hub_metrics_observe(struct hub_metrics *m, enum hub_summary which, const char *const *labels,
                         double value);
/** For who counts often: the series of these labels. Lives as long as @p m. NULL: too many. */
struct hub_series;
struct hub_series *hub_metrics_counter(struct hub_metrics *m, enum hub_counter which,
                                       const char *const *labels);
struct hub_series *hub_metrics_summary(struct hub_metrics *m, enum hub_summary which,
                                       const char *const *labels);
/** Accept NULL. */
void hub_series_count(struct hub_series *series);
void hub_series_set(struct hub_series *series, uint64_t count); /* counted elsewhere */
void hub_series_observe(struct hub_series *series, double value);
/** An hour is over: quantiles are of this hour and the last one. */
void hub_metrics_turn(struct hub_metrics *m);
/** All of them, appended. */
void hub_metrics_print(const struct hub_metrics *m, struct edge_buf *out);
/** One line of a gauge or a counter that is computed when asked. @p labels: "name", "value", … NULL
 */
void hub_metrics_line(const struct hub_metrics *m, struct edge_buf *out, const char *name,
                      const char *const *labels, double value);
struct hub_metrics *hub_metrics_destroy(struct hub_metrics *m);

#endif
