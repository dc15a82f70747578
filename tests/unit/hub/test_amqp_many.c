/* A thousand identities on an edge hub's connection, a session and six links each. */
#include "tests/unit/test.h"

#include <proton/connection.h>
#include <proton/link.h>
#include <proton/session.h>
#include <proton/transport.h>

#include "hub/amqp/server.h"
#include "tests/unit/hub/amqp_client.h"
#include "tests/unit/hub/fake_stream.h"

enum { MANY = 1000, LINKS = 6, PER_LEAF = 5, CREDIT = 10 };

/* A backend that grants and accepts everything, and counts. */
struct hub_session {
    struct counts *counts;
    struct edge_identity who;
    struct hub_events events;
    void *arg;
    bool paused;
};
static struct counts {
    struct hub_session sessions[MANY + 1];
    unsigned opened, closed, asked, sent, settled;
} counts;

static void authenticate(void *backend, const struct hub_claim *claim, hub_grant_done *done,
                         void *arg)
{
    const struct hub_grant grant = {.result = HUB_OK, .until_s = INT64_MAX};

    (void) backend;
    assert_string_equal(claim->token, "edge-token");
    counts.asked++;
    done(&grant, arg);
}

static int open_session(void *backend, const struct hub_claim *claim, const struct hub_grant *grant,
                        bool keep, const struct hub_events *events, void *arg,
                        unsigned *ret_features, struct hub_session **ret)
{
    struct hub_session *session = &counts.sessions[counts.opened++];

    (void) backend;
    (void) grant;
    (void) keep;
    *session = (struct hub_session){&counts, claim->who, *events, arg, false};
    *ret_features = 0;
    *ret = session;
    return 0;
}

static void close_session(struct hub_session *session)
{
    session->counts->closed++;
}

static void extend(struct hub_session *session, const struct hub_grant *grant)
{
    (void) session;
    (void) grant;
}

static void subscribe(struct hub_session *session, unsigned on, unsigned off, hub_done *done,
                      void *arg)
{
    (void) session;
    (void) on;
    (void) off;
    done(HUB_OK, "", arg);
}

/* Whose message it is, it says itself. */
static void send_message(struct hub_session *session, const struct edge_message *message,
                         hub_done *done, void *arg)
{
    assert_int_equal(message->len, strlen(session->who.device));
    assert_memory_equal(message->body, session->who.device, message->len);
    session->counts->sent++;
    done(HUB_OK, "", arg);
}

static void settle(struct hub_session *session, uint64_t lock, enum hub_outcome outcome)
{
    assert_int_equal(lock, (uint64_t) (session - session->counts->sessions));
    assert_int_equal(outcome, HUB_ACCEPTED);
    session->counts->settled++;
}

static void pause_session(struct hub_session *session, bool paused)
{
    session->paused = paused;
}

static const struct hub_backend_ops ops = {
    .authenticate = authenticate,
    .open = open_session,
    .close = close_session,
    .extend = extend,
    .subscribe = subscribe,
    .send = send_message,
    .settle = settle,
    .pause = pause_session,
};

static const struct {
    const char *path;
    bool sends;
} links[LINKS] = {
    {"messages/events", true}, {"messages/devicebound", false}, {"twin", true},
    {"twin", false},           {"methods/devicebound", true},   {"methods/devicebound", false},
};

static void attach_all(struct amqp_client *client, pn_link_t *ret_senders[MANY])
{
    for (int i = 0; i < MANY; i++) {
        EDGE_CLEANUP(edge_free) char *chain = edge_format("leaf%d;edge1", i);

        client->session = pn_session(client->driver.connection);
        pn_session_open(client->session);
        for (size_t j = 0; j < LINKS; j++) {
            EDGE_CLEANUP(edge_free)
            char *address = edge_format("/devices/leaf%d/%s", i, links[j].path);
            pn_link_t *link = amqp_client_attach_by(client, address, links[j].sends, CREDIT, chain);

            if (j == 0)
                ret_senders[i] = link;
        }
    }
    amqp_client_pump(client);
}

static void send_all(struct amqp_client *client, pn_link_t *const senders[MANY])
{
    for (int i = 0; i < MANY; i++) {
        EDGE_CLEANUP(edge_free) char *body = edge_format("leaf%d", i);
        struct hub_amqp_message message = {.body = HUB_AMQP_BODY_DATA,
                                           .data = {(uint8_t *) body, strlen(body)}};

        assert_true(pn_link_credit(senders[i]) > 0);
        amqp_client_send(client, senders[i], &message, false);
    }
    amqp_client_pump(client);
}

static void deliver_all(struct amqp_client *client)
{
    struct edge_message message = {.body = (uint8_t *) "{}", .len = 2};

    for (unsigned i = 0; i < counts.opened; i++) {
        struct hub_session *session = &counts.sessions[i];

        assert_false(session->paused);
        session->events.deliver(&message, i, session->arg);
    }
    amqp_client_pump(client);
}

static void test_a_thousand_identities_share_a_connection(void **state)
{
    static pn_link_t *senders[MANY];
    struct hub_backend backend = {&ops, NULL};
    struct hub_amqp_options options = {.backend = &backend,
                                       .host = "hub.test",
                                       .max_sessions = MANY + 10,
                                       .max_identities = MANY + 1};
    struct edge_stream *stream = fake_stream_new();
    struct amqp_client client;
    struct edge_loop *loop;
    struct hub_amqp *amqp;

    (void) state;
    assert_int_equal(edge_loop_create(&loop), 0);
    assert_int_equal(hub_amqp_create(loop, &options, &amqp), 0);
    hub_amqp_accept(amqp, stream, false);
    amqp_client_init(&client, loop, stream);
    pn_transport_set_channel_max(client.driver.transport, MANY + 10);
    amqp_client_open(&client);
    amqp_client_put_token(&client, "hub.test/devices/edge1/modules/$edgeHub", "edge-token");
    attach_all(&client, senders);
    assert_int_equal(counts.opened, MANY);
    assert_int_equal(counts.asked, MANY + 1);
    for (int i = 0; i < PER_LEAF; i++)
        send_all(&client, senders);
    assert_int_equal(counts.sent, MANY * PER_LEAF);
    for (int i = 0; i < PER_LEAF; i++)
        deliver_all(&client);
    assert_int_equal(counts.settled, MANY * PER_LEAF);
    for (int i = 0; i < MANY; i += 2) {
        pn_session_close(pn_link_session(senders[i]));
        amqp_client_pump(&client);
    }
    assert_int_equal(counts.closed, MANY / 2);
    assert_int_equal(stream->end, FAKE_OPEN);
    pn_connection_close(client.driver.connection);
    amqp_client_pump(&client);
    assert_int_equal(counts.closed, MANY);
    amqp_client_fini(&client);
    hub_amqp_destroy(amqp);
    fake_turn(loop);
    edge_loop_destroy(loop);
    fake_stream_free(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_thousand_identities_share_a_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
