#include "tests/unit/agent/quotes.h"

#include "tests/unit/agent/fake_hub.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/bytes.h"
#include "common/iothub/twin.h"

enum { CONNECT = 1, CONNACK, PUBLISH, SUBSCRIBE = 8, SUBACK, PINGREQ = 12, PINGRESP, DISCONNECT };

struct client {
    struct fake_hub *hub;
    int fd;
    struct edge_poll *poll;
    struct edge_buf in;
    struct client *next;
};

struct fake_hub {
    struct edge_loop *loop;
    int fd;
    struct edge_poll *poll;
    struct client *clients;
    struct fake_hub_orders orders;
    struct fake_hub_seen seen;
    struct edge_json *desired;
    struct edge_json *reported;
    int64_t desired_version;
    int64_t reported_version;
};

/* ---- writing ---- */

static void send_packet(struct client *c, int type, const struct edge_buf *body)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(1 << 20);
    size_t left = body->len;
    uint8_t byte = (uint8_t) (type << 4);

    edge_buf_append(&out, &byte, 1);
    do {
        byte = left % 128;
        left /= 128;
        byte |= left > 0 ? 0x80 : 0;
        edge_buf_append(&out, &byte, 1);
    } while (left > 0);
    edge_buf_append(&out, body->data ? body->data : "", body->len);
    assert_int_equal(edge_buf_error(&out), 0);
    (void) !send(c->fd, out.data, out.len, MSG_NOSIGNAL);
}

static void put_text(struct edge_buf *out, const char *text)
{
    size_t len = strlen(text);
    const uint8_t head[2] = {(uint8_t) (len >> 8), (uint8_t) len};

    edge_buf_append(out, head, 2);
    edge_buf_append(out, text, len);
}

static void publish(struct client *c, const char *topic, const char *payload)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf body = EDGE_BUF_INIT(1 << 20);

    put_text(&body, topic);
    edge_buf_puts(&body, payload);
    send_packet(c, PUBLISH, &body);
}

/* ---- reading ---- */

struct reader {
    const uint8_t *at;
    const uint8_t *end;
};

static unsigned take_number(struct reader *r, int bytes)
{
    unsigned n = 0;

    assert_true(r->end - r->at >= bytes);
    while (bytes-- > 0)
        n = n << 8 | *r->at++;
    return n;
}

static void take_text(struct reader *r, char *text, size_t size)
{
    size_t len = take_number(r, 2);

    assert_true((size_t) (r->end - r->at) >= len && len < size);
    memcpy(text, r->at, len);
    text[len] = '\0';
    r->at += len;
}

static void on_connect(struct client *c, struct reader r)
{
    struct fake_hub_seen *seen = &c->hub->seen;
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf body = EDGE_BUF_INIT(16);
    const uint8_t answer[2] = {0, (uint8_t) c->hub->orders.connack};
    char protocol[8];
    unsigned flags;

    take_text(&r, protocol, sizeof protocol);
    assert_string_equal(protocol, "MQTT");
    assert_int_equal(take_number(&r, 1), 4);
    flags = take_number(&r, 1);
    assert_int_equal(flags & ~2u, 0xc0); /* user name and password, no will */
    seen->clean = (flags & 2) != 0;
    seen->keep_alive = take_number(&r, 2);
    take_text(&r, seen->client_id, sizeof seen->client_id);
    take_text(&r, seen->username, sizeof seen->username);
    take_text(&r, seen->password, sizeof seen->password);
    assert_ptr_equal(r.at, r.end);
    seen->connects++;
    if (c->hub->orders.mute)
        return;
    edge_buf_append(&body, answer, sizeof answer);
    send_packet(c, CONNACK, &body);
}

static void on_subscribe(struct client *c, struct reader r)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf body = EDGE_BUF_INIT(64);
    const uint8_t granted = c->hub->orders.refuse_subscriptions ? 0x80 : 0;
    int n = 0;

    edge_buf_append(&body, r.at, 2);
    r.at += 2;
    while (r.at < r.end) {
        char filter[100];

        take_text(&r, filter, sizeof filter);
        assert_int_equal(strncmp(filter, "$iothub/", 8), 0);
        assert_int_equal(take_number(&r, 1), 0);
        edge_buf_append(&body, &granted, 1);
        n++;
    }
    assert_int_equal(n, 3);
    c->hub->seen.subscribes++;
    send_packet(c, SUBACK, &body);
}

static void answer_get(struct client *c, const char *rid)
{
    struct fake_hub *hub = c->hub;
    EDGE_CLEANUP(edge_json_free) struct edge_json *twin = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *topic = edge_format("$iothub/twin/res/200/?$rid=%s", rid);
    EDGE_CLEANUP(edge_free) char *text = NULL;

    hub->seen.gets++;
    edge_json_set(twin, "desired", edge_json_copy(hub->desired));
    edge_json_set(twin, "reported", edge_json_copy(hub->reported));
    edge_json_set_int(edge_json_get(twin, "desired"), "$version", hub->desired_version);
    edge_json_set_int(edge_json_get(twin, "reported"), "$version", hub->reported_version);
    text = edge_json_text(twin);
    if (!hub->orders.frozen)
        publish(c, topic, text);
}

static void answer_patch(struct client *c, const char *rid, struct reader r)
{
    struct fake_hub *hub = c->hub;
    EDGE_CLEANUP(edge_json_free) struct edge_json *patch = NULL;
    EDGE_CLEANUP(edge_free) char *topic = NULL;
    int status = hub->orders.patch_status ? hub->orders.patch_status : 204;

    hub->seen.patches++;
    assert_int_equal(edge_json_parse((const char *) r.at, (size_t) (r.end - r.at), &patch, NULL),
                     0);
    if (hub->orders.frozen)
        return;
    if (status == 204) {
        assert_int_equal(edge_twin_merge(hub->reported, patch), 0);
        hub->reported_version++;
    }
    topic = edge_format("$iothub/twin/res/%d/?$rid=%s&$version=%lld", status, rid,
                        (long long) hub->reported_version);
    publish(c, topic, "");
}

static void on_publish(struct client *c, struct reader r)
{
    struct fake_hub_seen *seen = &c->hub->seen;
    char topic[400];
    const char *rid;

    take_text(&r, topic, sizeof topic);
    rid = strstr(topic, "?$rid=");
    assert_non_null(rid);
    rid += 6;
    if (strncmp(topic, "$iothub/twin/GET/?", 18) == 0) {
        answer_get(c, rid);
    } else if (strncmp(topic, "$iothub/twin/PATCH/properties/reported/?", 40) == 0) {
        answer_patch(c, rid, r);
    } else if (strncmp(topic, "$iothub/methods/res/", 20) == 0) {
        (void) snprintf(seen->answer_topic, sizeof seen->answer_topic, "%s", topic);
        (void) snprintf(seen->answer, sizeof seen->answer, "%.*s", (int) (r.end - r.at),
                        (const char *) r.at);
    } else {
        seen->unknown++;
    }
}

static void on_packet(struct client *c, int type, struct reader r)
{
    const struct edge_buf empty = EDGE_BUF_INIT(0);

    switch (type) {
    case CONNECT:
        on_connect(c, r);
        break;
    case SUBSCRIBE:
        on_subscribe(c, r);
        break;
    case PUBLISH:
        on_publish(c, r);
        break;
    case PINGREQ:
        c->hub->seen.pings++;
        if (!c->hub->orders.frozen)
            send_packet(c, PINGRESP, &empty);
        break;
    case DISCONNECT:
        c->hub->seen.disconnects++;
        break;
    default:
        fail_msg("packet of type %d", type);
    }
}

/* @return bytes of the first packet, 0 while it is not whole */
static size_t first_packet(struct client *c)
{
    const uint8_t *data = (const uint8_t *) c->in.data;
    size_t len = 0;

    for (size_t i = 1; i < c->in.len && i < 5; i++) {
        len |= (size_t) (data[i] & 0x7f) << (7 * (i - 1));
        if (data[i] & 0x80)
            continue;
        if (c->in.len < 1 + i + len)
            return 0;
        on_packet(c, data[0] >> 4, (struct reader){data + 1 + i, data + 1 + i + len});
        return 1 + i + len;
    }
    return 0;
}

static void client_free(struct client *c)
{
    struct client **link = &c->hub->clients;

    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    edge_poll_destroy(c->poll);
    close(c->fd);
    edge_buf_fini(&c->in);
    free(c);
}

static void on_client(unsigned events, void *arg)
{
    struct client *c = arg;
    char data[4096];
    ssize_t n = recv(c->fd, data, sizeof data, MSG_DONTWAIT);
    size_t used;

    (void) events;
    if (n <= 0) {
        client_free(c);
        return;
    }
    assert_int_equal(edge_buf_append(&c->in, data, (size_t) n), 0);
    while ((used = first_packet(c)) > 0)
        edge_buf_consume(&c->in, used);
}

static void on_connection(unsigned events, void *arg)
{
    struct fake_hub *hub = arg;
    struct client *c = calloc(1, sizeof *c);

    (void) events;
    assert_non_null(c);
    c->hub = hub;
    edge_buf_init(&c->in, 1 << 20);
    c->fd = accept4(hub->fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(c->fd >= 0);
    c->next = hub->clients;
    hub->clients = c;
    assert_int_equal(edge_poll_create(hub->loop, c->fd, on_client, c, &c->poll), 0);
    edge_poll_want(c->poll, EDGE_POLL_READ);
}

/* ---- what a test does ---- */

struct fake_hub *fake_hub_open(struct edge_loop *loop, const char *path)
{
    struct fake_hub *hub = calloc(1, sizeof *hub);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    assert_non_null(hub);
    (void) snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    hub->loop = loop;
    hub->desired = edge_json_new_object();
    hub->reported = edge_json_new_object();
    hub->desired_version = hub->reported_version = 1;
    hub->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(hub->fd, (struct sockaddr *) &address, sizeof address), 0);
    assert_int_equal(listen(hub->fd, 16), 0);
    assert_int_equal(edge_poll_create(loop, hub->fd, on_connection, hub, &hub->poll), 0);
    edge_poll_want(hub->poll, EDGE_POLL_READ);
    return hub;
}

struct fake_hub *fake_hub_close(struct fake_hub *hub)
{
    fake_hub_drop(hub);
    edge_poll_destroy(hub->poll);
    close(hub->fd);
    edge_json_free(hub->desired);
    edge_json_free(hub->reported);
    free(hub);
    return NULL;
}

struct fake_hub_orders *fake_hub_orders(struct fake_hub *hub)
{
    return &hub->orders;
}

const struct fake_hub_seen *fake_hub_seen(const struct fake_hub *hub)
{
    return &hub->seen;
}

const struct edge_json *fake_hub_reported(const struct fake_hub *hub)
{
    return hub->reported;
}

void fake_hub_drop(struct fake_hub *hub)
{
    while (hub->clients)
        client_free(hub->clients);
}

void fake_hub_desire(struct fake_hub *hub, const char *text, bool lose)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *patch = json(text);
    EDGE_CLEANUP(edge_free) char *topic = NULL;
    EDGE_CLEANUP(edge_free) char *payload = NULL;

    assert_int_equal(edge_twin_merge(hub->desired, patch), 0);
    edge_json_set_int(patch, "$version", ++hub->desired_version);
    topic = edge_format("$iothub/twin/PATCH/properties/desired/?$version=%lld",
                        (long long) hub->desired_version);
    payload = edge_json_text(patch);
    if (hub->clients && !lose)
        publish(hub->clients, topic, payload);
}

void fake_hub_call(struct fake_hub *hub, const char *method, const char *rid, const char *payload)
{
    EDGE_CLEANUP(edge_free)
    char *topic = edge_format("$iothub/methods/POST/%s/?$rid=%s", method, rid);

    assert_non_null(hub->clients);
    publish(hub->clients, topic, payload);
}
