/* SUBSCRIBE and UNSUBSCRIBE: filters become features of the session. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hub/mqtt/session.h"

/* A request whose features the backend has not yet switched. */
struct switching {
    struct hub_mqtt_session *session;
    hub_mqtt_ticket ticket;
    uint64_t granted;
};

static void on_switched(enum hub_result result, const char *why, void *arg)
{
    struct switching switching = *(struct switching *) arg;
    struct hub_mqtt_session *s = switching.session;

    free(arg);
    if (s->client && result == HUB_OK)
        hub_mqtt_client_done(s->client, switching.ticket, switching.granted);
    else if (s->client && result != HUB_GONE)
        hub_mqtt_drop(s, "subscription not taken: %s", why ? why : "");
    hub_mqtt_release(s);
}

static void switch_features(struct hub_mqtt_session *s, unsigned on, unsigned off,
                            hub_mqtt_ticket ticket, uint64_t granted)
{
    struct switching *switching = malloc(sizeof *switching);

    if (!switching) {
        hub_mqtt_drop(s, "out of memory");
        return;
    }
    *switching = (struct switching){s, ticket, granted};
    s->features = (s->features | on) & ~off;
    s->pending++;
    s->backend->ops->subscribe(s->session, on, off, on_switched, switching);
}

/* @return how many inputs are wanted now; without a backend that knows inputs, all or none */
static int want_input(const struct hub_mqtt_session *s, struct edge_bytes input, bool on)
{
    EDGE_CLEANUP(edge_free) char *name = NULL;

    if (!s->backend->ops->input)
        return on;
    if (!input.data)
        return s->backend->ops->input(s->session, HUB_EVERY_INPUT, on);
    name = strndup((const char *) input.data, input.len);
    return name ? s->backend->ops->input(s->session, name, on) : -ENOMEM;
}

/* @return false: it was one too many, and the client is gone */
static bool add_input(struct hub_mqtt_session *s, struct edge_bytes input)
{
    int rc = want_input(s, input, true);

    if (rc == EDGE_ELIMIT)
        hub_mqtt_drop(s, "more inputs than it may subscribe to");
    else if (rc < 0)
        hub_mqtt_drop(s, "%s", edge_strerror(rc));
    return rc >= 0;
}

/* One filter as a feature of this client; 0 when it is not one. */
static unsigned feature_of(const struct hub_mqtt_session *s, struct edge_bytes filter,
                           struct edge_bytes *ret_input)
{
    struct edge_identity who;
    unsigned feature = edge_filter_parse((const char *) filter.data, filter.len, &who, ret_input);

    if (who.device[0] && !edge_identity_equal(&who, &s->who))
        return 0;
    return feature;
}

static void subscribe(struct hub_mqtt_session *s, struct edge_bytes filters, hub_mqtt_ticket ticket)
{
    struct edge_bytes filter;
    struct edge_bytes input;
    uint64_t granted = 0;
    unsigned on = 0;
    unsigned n = 0;
    uint8_t qos;

    while (mqtt_next_filter(&filters, &filter, &qos)) {
        unsigned feature = feature_of(s, filter, &input);

        if (feature == 0) {
            hub_mqtt_drop(s, "subscription to an unknown topic or another identity's");
            return;
        }
        if (feature == EDGE_FEATURE_INPUTS && !add_input(s, input))
            return;
        on |= feature;
        s->silent = qos == 0 ? s->silent | feature : s->silent & ~feature;
        granted |= (uint64_t) (qos > 0) << n++;
    }
    switch_features(s, on, 0, ticket, granted);
}

/* To end what was never begun is no offence. */
static void unsubscribe(struct hub_mqtt_session *s, struct edge_bytes filters,
                        hub_mqtt_ticket ticket)
{
    struct edge_bytes filter;
    struct edge_bytes input;
    unsigned off = 0;

    while (mqtt_next_filter(&filters, &filter, NULL)) {
        unsigned feature = feature_of(s, filter, &input);

        if (feature != EDGE_FEATURE_INPUTS || want_input(s, input, false) <= 0)
            off |= feature;
    }
    switch_features(s, 0, off & s->features, ticket, 0);
}

void hub_mqtt_on_subscribe(const struct mqtt_packet *packet, hub_mqtt_ticket ticket, void *arg)
{
    if (packet->type == MQTT_SUBSCRIBE)
        subscribe(arg, packet->filters, ticket);
    else
        unsubscribe(arg, packet->filters, ticket);
}
