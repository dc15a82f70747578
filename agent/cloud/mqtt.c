#include "agent/cloud/mqtt.h"

#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>

enum { PUBLISH_MAX = 256 * 1024, REFUSED_SUBSCRIPTION = 0x80 };

enum mqtt_state { MQTT_CONNECTING, MQTT_SUBSCRIBING, MQTT_UP, MQTT_ENDED };

struct agent_mqtt {
    struct agent_mqtt_config cfg;
    enum mqtt_state state;
    struct mosquitto *mosq;
    struct edge_poll *poll;
    struct edge_timer *answer; /* CONNACK, SUBACK or PINGRESP is late */
    struct edge_timer *quiet;  /* nothing has been sent for so long that a ping is due */
    struct edge_timer *finish; /* tells the owner of the end, outside of every call of his */
    enum agent_mqtt_end end;
    char why[200];
    bool in_callback; /* of libmosquitto: it cannot be taken down now */
};

static char *const subscriptions[] = {
    "$iothub/twin/res/#",
    "$iothub/twin/PATCH/properties/desired/#",
    "$iothub/methods/POST/#",
};

static void end(struct agent_mqtt *mqtt, enum agent_mqtt_end end, const char *why)
{
    if (mqtt->state == MQTT_ENDED)
        return;
    mqtt->state = MQTT_ENDED;
    mqtt->end = end;
    (void) snprintf(mqtt->why, sizeof mqtt->why, "%s", why);
    edge_timer_disarm(mqtt->answer);
    edge_timer_disarm(mqtt->quiet);
    edge_timer_arm(mqtt->finish, 0);
}

static int translate(int rc)
{
    switch (rc) {
    case MOSQ_ERR_SUCCESS:
        return 0;
    case MOSQ_ERR_NOMEM:
        return -ENOMEM;
    case MOSQ_ERR_INVAL:
    case MOSQ_ERR_MALFORMED_UTF8:
    case MOSQ_ERR_PAYLOAD_SIZE:
    case MOSQ_ERR_OVERSIZE_PACKET:
        return EDGE_EINVALID;
    default:
        return EDGE_EUNAVAILABLE;
    }
}

/* After every call into libmosquitto: it closes its socket by itself, and queues what the kernel
 * does not take. */
static void follow(struct agent_mqtt *mqtt, int rc)
{
    bool closed = rc == MOSQ_ERR_SUCCESS || rc == MOSQ_ERR_CONN_LOST;

    if (mqtt->in_callback || !mqtt->poll)
        return;
    if (rc != MOSQ_ERR_SUCCESS || mosquitto_socket(mqtt->mosq) < 0)
        end(mqtt, AGENT_MQTT_LOST, closed ? "the connection was closed" : mosquitto_strerror(rc));
    if (mqtt->state == MQTT_ENDED) {
        mqtt->poll = edge_poll_destroy(mqtt->poll);
        return;
    }
    edge_poll_want(mqtt->poll,
                   EDGE_POLL_READ | (mosquitto_want_write(mqtt->mosq) ? EDGE_POLL_WRITE : 0u));
}

/* Something was sent: the server's patience begins anew, and a ping is due that much later. A
 * second more, because libmosquitto counts whole ones. */
static void sent(struct agent_mqtt *mqtt)
{
    if (mqtt->state == MQTT_UP)
        edge_timer_arm(mqtt->quiet, (uint64_t) mqtt->cfg.keep_alive_s * 1000 + 1000);
}

static void on_poll(unsigned events, void *arg)
{
    struct agent_mqtt *mqtt = arg;
    int rc = MOSQ_ERR_SUCCESS;

    if (events & EDGE_POLL_WRITE) {
        rc = mosquitto_loop_write(mqtt->mosq, 1);
        sent(mqtt);
    }
    if (rc == MOSQ_ERR_SUCCESS && (events & EDGE_POLL_READ)) {
        if (mqtt->state == MQTT_UP)
            edge_timer_disarm(mqtt->answer); /* it lives */
        rc = mosquitto_loop_read(mqtt->mosq, 1);
    }
    follow(mqtt, rc);
}

static void on_late(void *arg)
{
    struct agent_mqtt *mqtt = arg;
    static const char *const texts[] = {
        [MQTT_CONNECTING] = "IoT Hub did not answer CONNECT in time",
        [MQTT_SUBSCRIBING] = "IoT Hub did not answer SUBSCRIBE in time",
        [MQTT_UP] = "IoT Hub does not answer any more",
    };

    if (mqtt->state != MQTT_ENDED)
        end(mqtt, AGENT_MQTT_SILENT, texts[mqtt->state]);
}

/* libmosquitto sees that nothing was sent for keep_alive_s and pings. */
static void on_quiet(void *arg)
{
    struct agent_mqtt *mqtt = arg;
    int rc = mosquitto_loop_misc(mqtt->mosq);

    edge_timer_arm(mqtt->answer, mqtt->cfg.answer_ms);
    sent(mqtt);
    follow(mqtt, rc);
}

static void on_finish(void *arg)
{
    struct agent_mqtt *mqtt = arg;

    mqtt->poll = edge_poll_destroy(mqtt->poll);
    mqtt->cfg.on_end(mqtt->end, mqtt->why, mqtt->cfg.arg);
}

/* ---- called by libmosquitto, within mosquitto_loop_read ---- */

static void on_connack(struct mosquitto *mosq, void *arg, int code)
{
    struct agent_mqtt *mqtt = arg;
    char why[120];

    if (mqtt->state != MQTT_CONNECTING)
        return;
    if (code == 0) {
        mqtt->state = MQTT_SUBSCRIBING;
        edge_timer_arm(mqtt->answer, mqtt->cfg.answer_ms);
        if (mosquitto_subscribe_multiple(mosq, NULL, (int) EDGE_ARRAY_LEN(subscriptions),
                                         subscriptions, 0, 0, NULL) != MOSQ_ERR_SUCCESS)
            end(mqtt, AGENT_MQTT_LOST, "cannot subscribe");
        return;
    }
    (void) snprintf(why, sizeof why, "IoT Hub refused the connection: %s (CONNACK %d)",
                    mosquitto_connack_string(code), code);
    end(mqtt, code == 4 || code == 5 ? AGENT_MQTT_REFUSED : AGENT_MQTT_BUSY, why);
}

static void on_suback(struct mosquitto *mosq, void *arg, int mid, int n, const int *granted)
{
    struct agent_mqtt *mqtt = arg;

    (void) mosq;
    (void) mid;
    if (mqtt->state != MQTT_SUBSCRIBING)
        return;
    for (int i = 0; i < n; i++)
        if (granted[i] >= REFUSED_SUBSCRIPTION) {
            end(mqtt, AGENT_MQTT_BUSY, "IoT Hub refused a subscription");
            return;
        }
    mqtt->state = MQTT_UP;
    edge_timer_disarm(mqtt->answer);
    sent(mqtt);
    mqtt->in_callback = true;
    mqtt->cfg.on_up(mqtt->cfg.arg);
    mqtt->in_callback = false;
}

static void on_publish_from_cloud(struct mosquitto *mosq, void *arg,
                                  const struct mosquitto_message *message)
{
    struct agent_mqtt *mqtt = arg;
    const struct edge_bytes payload = {message->payload, (size_t) message->payloadlen};

    (void) mosq;
    if (mqtt->state != MQTT_UP)
        return;
    mqtt->in_callback = true;
    mqtt->cfg.on_message(message->topic, payload, mqtt->cfg.arg);
    mqtt->in_callback = false;
}

/* ---- open, publish, close ---- */

static int connect_to(struct agent_mqtt *mqtt, struct edge_err *err)
{
    const struct agent_mqtt_config *cfg = &mqtt->cfg;
    int rc;

    mqtt->mosq = mosquitto_new(cfg->client_id, false, mqtt);
    if (!mqtt->mosq)
        return edge_fail(err, errno == ENOMEM ? -ENOMEM : EDGE_EINVALID, "MQTT client of %s: %s",
                         cfg->client_id, strerror(errno));
    mosquitto_connect_callback_set(mqtt->mosq, on_connack);
    mosquitto_subscribe_callback_set(mqtt->mosq, on_suback);
    mosquitto_message_callback_set(mqtt->mosq, on_publish_from_cloud);
    rc = mosquitto_username_pw_set(mqtt->mosq, cfg->username, cfg->password);
    if (rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_connect(mqtt->mosq, cfg->path, 0, (int) cfg->keep_alive_s);
    if (rc != MOSQ_ERR_SUCCESS)
        return edge_fail(err, translate(rc), "MQTT over %s: %s", cfg->path,
                         rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc));
    (void) fcntl(mosquitto_socket(mqtt->mosq), F_SETFD, FD_CLOEXEC);
    return edge_poll_create(cfg->loop, mosquitto_socket(mqtt->mosq), on_poll, mqtt, &mqtt->poll);
}

int agent_mqtt_open(const struct agent_mqtt_config *config, struct agent_mqtt **ret,
                    struct edge_err *err)
{
    struct agent_mqtt *mqtt = calloc(1, sizeof *mqtt);
    int rc;

    if (!mqtt)
        return -ENOMEM;
    mqtt->cfg = *config;
    (void) mosquitto_lib_init(); /* never mosquitto_lib_cleanup: it unloads OpenSSL's modules,
                                    whoever else uses them */
    mqtt->answer = edge_timer_create(config->loop, on_late, mqtt);
    mqtt->quiet = edge_timer_create(config->loop, on_quiet, mqtt);
    mqtt->finish = edge_timer_create(config->loop, on_finish, mqtt);
    rc = mqtt->answer && mqtt->quiet && mqtt->finish ? connect_to(mqtt, err) : -ENOMEM;
    if (rc < 0) {
        mqtt->state = MQTT_ENDED;
        agent_mqtt_close(mqtt);
        return rc;
    }
    edge_timer_arm(mqtt->answer, config->answer_ms);
    follow(mqtt, MOSQ_ERR_SUCCESS);
    *ret = mqtt;
    return 0;
}

int agent_mqtt_publish(struct agent_mqtt *mqtt, const char *topic, const void *data, size_t len)
{
    int rc;

    if (mqtt->state != MQTT_UP)
        return EDGE_EUNAVAILABLE;
    if (len > PUBLISH_MAX)
        return EDGE_EINVALID;
    rc = mosquitto_publish(mqtt->mosq, NULL, topic, (int) len, data, 0, false);
    sent(mqtt);
    if (translate(rc) != EDGE_EINVALID) /* that is the caller's fault, not the connection's */
        follow(mqtt, rc);
    return translate(rc);
}

struct agent_mqtt *agent_mqtt_close(struct agent_mqtt *mqtt)
{
    if (!mqtt)
        return NULL;
    if (mqtt->state != MQTT_ENDED)
        (void) mosquitto_disconnect(mqtt->mosq);
    edge_poll_destroy(mqtt->poll);
    mosquitto_destroy(mqtt->mosq);
    edge_timer_destroy(mqtt->answer);
    edge_timer_destroy(mqtt->quiet);
    edge_timer_destroy(mqtt->finish);
    free(mqtt);
    return NULL;
}
