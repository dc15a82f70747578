#include "tests/unit/hub/amqp_client.h"

#include <proton/connection.h>
#include <proton/delivery.h>
#include <proton/disposition.h>
#include <proton/sasl.h>
#include <proton/session.h>
#include <proton/terminus.h>
#include <proton/transport.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/amqp/arena.h"
#include "hub/amqp/message.h"
#include "hub/amqp/value.h"

static void note(struct amqp_client *c, const char *fmt, ...) EDGE_PRINTF(2, 3);
static void note(struct amqp_client *c, const char *fmt, ...)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0 || edge_buf_puts(&c->notes, text) < 0)
        abort();
    va_end(args);
}

void amqp_client_init(struct amqp_client *c, struct edge_loop *loop, struct edge_stream *stream)
{
    *c = (struct amqp_client){.loop = loop, .stream = stream, .outcome = PN_ACCEPTED};
    edge_buf_init(&c->notes, 1 << 20);
    edge_buf_init(&c->sent, 16 << 20);
    if (edge_buf_puts(&c->notes, "") < 0 ||
        pn_connection_driver_init(&c->driver, pn_connection(), pn_transport()) != 0)
        abort();
    pn_connection_set_container(c->driver.connection, "test");
    pn_connection_set_hostname(c->driver.connection, "hub.test");
}

void amqp_client_fini(struct amqp_client *c)
{
    pn_connection_driver_destroy(&c->driver);
    edge_buf_fini(&c->notes);
    edge_buf_fini(&c->sent);
}

void amqp_client_login(struct amqp_client *c, const char *mechanism, const char *user,
                       const char *password)
{
    pn_sasl_t *sasl = pn_sasl(c->driver.transport);

    pn_sasl_set_allow_insecure_mechs(sasl, true);
    pn_sasl_allowed_mechs(sasl, mechanism);
    if (user)
        pn_connection_set_user(c->driver.connection, user);
    if (password)
        pn_connection_set_password(c->driver.connection, password);
}

static void note_value(struct amqp_client *c, const struct hub_amqp_value *v)
{
    if (v->s.data)
        note(c, "%.*s", (int) v->s.len, (const char *) v->s.data);
    else
        note(c, "%lld", (long long) v->i);
}

static void note_message(struct amqp_client *c, struct edge_bytes bytes)
{
    struct hub_amqp_arena arena = HUB_AMQP_ARENA_INIT(4 << 20);
    struct hub_amqp_message m;

    if (hub_amqp_message_read(&arena, bytes, &m) < 0)
        abort();
    if (m.correlation_id.kind != HUB_AMQP_NULL) {
        note(c, " cid%d=", (int) m.correlation_id.kind);
        note_value(c, &m.correlation_id);
    }
    if (m.message_id.kind != HUB_AMQP_NULL) {
        note(c, " mid=");
        note_value(c, &m.message_id);
    }
    for (size_t i = 0; i < m.nannotations; i++) {
        note(c, " %s=", m.annotations[i].name);
        note_value(c, &m.annotations[i].value);
    }
    for (size_t i = 0; i < m.nproperties; i++) {
        note(c, " %s=", m.properties[i].name);
        note_value(c, &m.properties[i].value);
    }
    if (m.body == HUB_AMQP_BODY_DATA)
        note(c, " <%.*s>", (int) m.data.len, m.data.len ? (const char *) m.data.data : "");
    hub_amqp_arena_fini(&arena);
}

static const char *address_of(pn_link_t *link)
{
    return pn_terminus_get_address(pn_link_is_sender(link) ? pn_link_target(link)
                                                           : pn_link_source(link));
}

static void receive(struct amqp_client *c, pn_link_t *link, pn_delivery_t *d)
{
    size_t size = pn_delivery_pending(d);
    char *bytes = malloc(size + 1);

    if (!bytes || pn_link_recv(link, bytes, size) != (ssize_t) size)
        abort();
    note(c, "got %s%s", address_of(link), pn_delivery_settled(d) ? " settled" : "");
    note_message(c, (struct edge_bytes){(uint8_t *) bytes, size});
    note(c, ";");
    free(bytes);
    pn_link_advance(link);
    c->last = d;
    if (!c->lazy) {
        pn_delivery_update(d, c->outcome);
        pn_delivery_settle(d);
    }
}

static void on_delivery(struct amqp_client *c, pn_link_t *link, pn_delivery_t *d)
{
    static const char *const names[] = {"accepted", "rejected", "released", "modified"};
    uint64_t state = pn_delivery_remote_state(d);

    if (pn_link_is_receiver(link)) {
        if (pn_delivery_readable(d) && !pn_delivery_partial(d))
            receive(c, link, d);
        return;
    }
    if (!pn_delivery_settled(d))
        return;
    note(c, "%s", state >= PN_ACCEPTED && state <= PN_MODIFIED ? names[state - PN_ACCEPTED] : "?");
    if (state == PN_REJECTED) {
        pn_condition_t *why = pn_disposition_condition(pn_delivery_remote(d));
        const char *text = pn_condition_get_description(why);

        note(c, " %s;because %s", pn_condition_get_name(why), text ? text : "");
    }
    note(c, ";");
    pn_delivery_settle(d);
}

static void handle(struct amqp_client *c, pn_event_t *event)
{
    pn_link_t *link = pn_event_link(event);

    switch (pn_event_type(event)) {
    case PN_CONNECTION_REMOTE_OPEN:
        note(c, "open;");
        break;
    case PN_CONNECTION_REMOTE_CLOSE:
        note(c, "closed;");
        break;
    case PN_LINK_REMOTE_OPEN:
        note(c, "attached%s;",
             pn_terminus_get_type(pn_link_remote_source(link)) == PN_UNSPECIFIED &&
                     pn_terminus_get_type(pn_link_remote_target(link)) == PN_UNSPECIFIED
                 ? " nothing"
                 : "");
        break;
    case PN_LINK_REMOTE_CLOSE:
        note(c, "detached %s %s;", address_of(link),
             pn_condition_is_set(pn_link_remote_condition(link))
                 ? pn_condition_get_name(pn_link_remote_condition(link))
                 : "-");
        pn_link_close(link);
        break;
    case PN_DELIVERY:
        on_delivery(c, link, pn_event_delivery(event));
        break;
    case PN_TRANSPORT_ERROR:
        note(c, "error %s;", pn_condition_get_name(pn_transport_condition(c->driver.transport)));
        break;
    default:
        break;
    }
}

static bool pull(struct amqp_client *c)
{
    struct edge_buf out = c->stream->out;
    size_t done = 0;

    if (out.len == 0)
        return false;
    edge_buf_init(&c->stream->out, out.max);
    while (done < out.len) {
        pn_rwbytes_t room = pn_connection_driver_read_buffer_sized(&c->driver, out.len - done);
        size_t n = room.size < out.len - done ? room.size : out.len - done;

        if (n == 0)
            break;
        memcpy(room.start, out.data + done, n);
        pn_connection_driver_read_done(&c->driver, n);
        done += n;
    }
    edge_buf_fini(&out);
    return true;
}

static bool push(struct amqp_client *c)
{
    pn_bytes_t out = pn_connection_driver_write_buffer(&c->driver);

    if (out.size == 0)
        return false;
    if (edge_buf_append(&c->sent, out.start, out.size) < 0)
        abort();
    fake_give(c->stream, out.start, out.size);
    pn_connection_driver_write_done(&c->driver, out.size);
    return true;
}

void amqp_client_pump(struct amqp_client *c)
{
    bool more = true;

    while (more) {
        pn_event_t *event;

        more = false;
        while ((event = pn_connection_driver_next_event(&c->driver)))
            handle(c, event);
        while (push(c))
            more = true;
        fake_turn(c->loop);
        more = pull(c) || more;
    }
}

void amqp_client_open(struct amqp_client *c)
{
    pn_connection_driver_bind(&c->driver);
    pn_connection_open(c->driver.connection);
    c->session = pn_session(c->driver.connection);
    pn_session_open(c->session);
    amqp_client_pump(c);
}

pn_link_t *amqp_client_attach_by(struct amqp_client *c, const char *address, bool sends, int credit,
                                 const char *chain)
{
    EDGE_CLEANUP(edge_free) char *name = edge_format("link-%s", address);
    pn_link_t *link = sends ? pn_sender(c->session, name) : pn_receiver(c->session, name);

    pn_terminus_set_address(sends ? pn_link_target(link) : pn_link_source(link), address);
    if (chain) {
        pn_data_t *properties = pn_link_properties(link);

        pn_data_put_map(properties);
        pn_data_enter(properties);
        pn_data_put_symbol(properties, pn_bytes(24, "com.microsoft:auth-chain"));
        pn_data_put_string(properties, pn_bytes(strlen(chain), chain));
        pn_data_exit(properties);
    }
    pn_link_open(link);
    if (!sends && credit > 0)
        pn_link_flow(link, credit);
    return link;
}

pn_link_t *amqp_client_attach(struct amqp_client *c, const char *address, bool sends, int credit)
{
    return amqp_client_attach_by(c, address, sends, credit, NULL);
}

void amqp_client_send_bytes(struct amqp_client *c, pn_link_t *link, const void *bytes, size_t len,
                            bool settled)
{
    static uint64_t tag;
    pn_delivery_t *d;

    (void) c;
    tag++;
    d = pn_delivery(link, pn_dtag((const char *) &tag, sizeof tag));
    pn_link_send(link, bytes, len);
    pn_link_advance(link);
    if (settled)
        pn_delivery_settle(d);
}

void amqp_client_send(struct amqp_client *c, pn_link_t *link,
                      const struct hub_amqp_message *message, bool settled)
{
    struct edge_buf encoded = EDGE_BUF_INIT(16 << 20);

    if (hub_amqp_message_write(&encoded, message) < 0)
        abort();
    amqp_client_send_bytes(c, link, encoded.data, encoded.len, settled);
    edge_buf_fini(&encoded);
}

void amqp_client_ask_cbs(struct amqp_client *c, const char *address,
                         const struct hub_amqp_message *message)
{
    pn_link_t *sender = amqp_client_attach(c, address, true, 0);
    pn_link_t *receiver = amqp_client_attach(c, address, false, 0);

    amqp_client_pump(c);
    amqp_client_send(c, sender, message, false);
    amqp_client_pump(c); /* as the SDKs do: credit after the request */
    pn_link_flow(receiver, 10);
    amqp_client_pump(c);
    pn_link_close(sender);
    pn_link_close(receiver);
    amqp_client_pump(c);
}

void amqp_client_put_token(struct amqp_client *c, const char *audience, const char *token)
{
    struct hub_amqp_pair properties[] = {
        {"operation", hub_amqp_text("put-token")},
        {"type", hub_amqp_text("servicebus.windows.net:sastoken")},
        {"name", hub_amqp_text(audience)},
    };
    struct hub_amqp_message message = {.message_id = {.kind = HUB_AMQP_ULONG, .i = 7},
                                       .to = "$cbs",
                                       .reply_to = "cbs",
                                       .properties = properties,
                                       .nproperties = 3,
                                       .body = HUB_AMQP_BODY_VALUE,
                                       .value = hub_amqp_text(token)};

    amqp_client_ask_cbs(c, "$cbs", &message);
}
