/* SUBSCRIBE and UNSUBSCRIBE: filters become features of the session. */
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

static int find_input(const struct hub_mqtt_few_inputs *few, struct edge_bytes input)
{
    for (unsigned i = 0; i < few->ninputs; i++)
        if (strlen(few->inputs[i]) == input.len &&
            memcmp(few->inputs[i], input.data, input.len) == 0)
            return (int) i;
    return -1;
}

/* What nobody wanted may be wanted now: it comes again. */
static void release_held(struct hub_mqtt_session *s)
{
    if (!s->few)
        return;
    for (unsigned i = 0; i < s->few->nheld; i++)
        s->backend->ops->settle(s->session, s->few->held[i], HUB_RELEASED);
    s->few->nheld = 0;
    hub_mqtt_regulate(s);
}

static bool add_single_input(struct hub_mqtt_session *s, struct edge_bytes input)
{
    struct hub_mqtt_few_inputs *few = s->few;
    char *text;

    if (!few)
        few = s->few = calloc(1, sizeof *few);
    if (!few || find_input(few, input) >= 0)
        return few;
    if (few->ninputs == HUB_MQTT_INPUTS_MAX)
        return false;
    text = strndup((const char *) input.data, input.len);
    if (text)
        few->inputs[few->ninputs++] = text;
    return text;
}

/* @return false: it was one too many, and the client is gone */
static bool add_input(struct hub_mqtt_session *s, struct edge_bytes input)
{
    if (!input.data) {
        s->all_inputs = true;
    } else if (!add_single_input(s, input)) {
        hub_mqtt_drop(s, "more than %d filters", HUB_MQTT_INPUTS_MAX);
        return false;
    }
    release_held(s);
    return true;
}

/* @return false while another filter still asks for inputs */
static bool remove_input(struct hub_mqtt_session *s, struct edge_bytes input)
{
    struct hub_mqtt_few_inputs *few = s->few;
    int at = few && input.data ? find_input(few, input) : -1;

    if (!input.data)
        s->all_inputs = false;
    if (at >= 0) {
        free(few->inputs[at]);
        few->inputs[at] = few->inputs[--few->ninputs];
    }
    return !s->all_inputs && (!few || few->ninputs == 0);
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

        if (feature != EDGE_FEATURE_INPUTS || remove_input(s, input))
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
