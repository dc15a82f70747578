/* mqtt-test-server: the MQTT head on a backend that notes everything, for clients of other makers.
 *
 *     mqtt-test-server CA.pem        writes the authority it made for TLS on "localhost"
 *
 * First line: "ports TCP TLS". Then what the backend is asked, a line each. On standard input: "c2d
 * CLIENT TEXT", "desired CLIENT JSON", "method CLIENT TEXT", "close CLIENT"; its end is the end.
 * The password "wrong" is refused. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/file.h"
#include "common/net/listen.h"
#include "common/tls/cert.h"
#include "hub/mqtt/server.h"
#include "tests/unit/hub/fake_backend.h"

enum { DAY = 24 * 3600, LINE = 8192 };

static struct world {
    struct edge_loop *loop;
    struct fake_backend fake;
    struct hub_backend_ops ops;
    struct hub_backend backend;
    struct hub_mqtt *mqtt;
    struct edge_timer *teller;
    uint64_t lock;
} world;

static void die(const char *what, int rc, const struct edge_err *err)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, err && err->text[0] ? err->text : edge_strerror(rc));
    exit(1);
}

/* What was noted since the last time goes out, a line each. */
static void tell(void *arg)
{
    struct edge_buf *notes = &world.fake.notes;

    (void) arg;
    for (size_t i = 0; i < notes->len; i++)
        putchar(notes->data[i] == ';' ? '\n' : notes->data[i]);
    fflush(stdout);
    edge_buf_fini(notes);
    edge_timer_arm(world.teller, 20);
}

static void authenticate(void *backend, const struct hub_claim *claim, hub_grant_done *done,
                         void *arg)
{
    const struct fake_backend *fake = &world.fake;
    bool wrong = claim->token && strcmp(claim->token, "wrong") == 0;

    world.fake.granted = wrong ? HUB_REFUSED : HUB_OK;
    fake->backend.ops->authenticate(backend, claim, done, arg);
}

static void deliver(struct hub_session *session, const char *text)
{
    struct edge_message message = {0};

    if (edge_message_set_body(&message, text, strlen(text)) < 0 ||
        edge_message_set_sys(&message, EDGE_SYS_MESSAGE_ID, "m 1") < 0 ||
        edge_message_add(&message, "k", "v") < 0)
        abort();
    session->events.deliver(&message, ++world.lock, session->arg);
    edge_message_fini(&message);
}

static void obey(void *arg)
{
    EDGE_CLEANUP(edge_free) char *line = arg;
    char *rest = line;
    char *verb = strsep(&rest, " ");
    char *name = strsep(&rest, " \n");
    struct hub_session *session = fake_session(&world.fake, name ? name : "");

    if (!session || !rest)
        printf("nobody is %s\n", name ? name : "");
    else if (strcmp(verb, "c2d") == 0)
        deliver(session, rest);
    else if (strcmp(verb, "desired") == 0)
        session->events.desired(rest, strlen(rest), 7, session->arg);
    else if (strcmp(verb, "method") == 0)
        session->events.method(
            "r-1", "echo", (struct edge_bytes){(const uint8_t *) rest, strlen(rest)}, session->arg);
    else if (strcmp(verb, "close") == 0)
        fake_close(session, HUB_REFUSED);
}

static void stop(void *arg)
{
    (void) arg;
    edge_loop_stop(world.loop);
}

static void *listen_to_input(void *arg)
{
    char line[LINE];

    (void) arg;
    while (fgets(line, sizeof line, stdin)) {
        char *copy;

        line[strcspn(line, "\n")] = '\0';
        copy = strdup(line);
        if (copy)
            edge_loop_post(world.loop, obey, copy);
    }
    edge_loop_post(world.loop, stop, NULL);
    return NULL;
}

static void on_stream(struct edge_stream *stream, void *arg)
{
    (void) arg;
    hub_mqtt_accept(world.mqtt, stream, false);
}

/* A certificate of its own for "localhost", which is its authority as well. */
static struct edge_tls_server *make_tls(const char *ca_path)
{
    static const char *const names[] = {"localhost", "127.0.0.1", NULL};
    EDGE_CLEANUP(edge_key_free) struct edge_key *key = NULL;
    EDGE_CLEANUP(edge_key_pem_free) char *key_pem = NULL;
    EDGE_CLEANUP(edge_free) char *pem = NULL;
    struct edge_tls_server *tls = NULL;
    struct edge_err err = {0};
    struct edge_cert_order order = {
        .use = EDGE_CERT_SERVER,
        .cn = "localhost",
        .dns = names,
        .pathlen = -1,
        .not_before_s = time(NULL) - DAY,
        .not_after_s = time(NULL) + DAY,
    };

    die("key", edge_key_generate(EDGE_KEY_EC_P256, &key, &err), &err);
    order.key = key;
    key_pem = edge_key_pem(key);
    die("certificate", edge_cert_issue(&order, NULL, NULL, &pem, &err), &err);
    die("TLS",
        edge_tls_server_create(&(struct edge_tls_server_options){.chain_pem = pem,
                                                                 .key_pem = key_pem,
                                                                 .request_certificate = true},
                               &tls, &err),
        &err);
    die(ca_path, edge_file_write(ca_path, pem, strlen(pem), 0644, &err), &err);
    return tls;
}

static struct edge_listener *serve(struct edge_tls_server *tls)
{
    struct edge_listener *listener = NULL;
    struct edge_err err = {0};

    die("listen",
        edge_listen(world.loop,
                    &(struct edge_listener_options){
                        .uri = "tcp://127.0.0.1:0", .tls = tls, .on_stream = on_stream},
                    &listener, &err),
        &err);
    return listener;
}

int main(int argc, char **argv)
{
    struct hub_mqtt_options options = {.backend = &world.backend, .host = "hub.test"};
    struct edge_listener *plain;
    struct edge_listener *secure;
    struct edge_tls_server *tls;
    pthread_t thread;

    if (argc != 2)
        return 2;
    die("loop", edge_loop_create(&world.loop), NULL);
    fake_backend_init(&world.fake);
    world.ops = *world.fake.backend.ops;
    world.ops.authenticate = authenticate;
    world.backend = (struct hub_backend){&world.ops, &world.fake};
    die("head", hub_mqtt_create(world.loop, &options, &world.mqtt), NULL);
    tls = make_tls(argv[1]);
    plain = serve(NULL);
    secure = serve(tls);
    printf("ports %u %u\n", (unsigned) edge_listener_port(plain),
           (unsigned) edge_listener_port(secure));
    world.teller = edge_timer_create(world.loop, tell, NULL);
    if (!world.teller || pthread_create(&thread, NULL, listen_to_input, NULL) != 0)
        return 1;
    tell(NULL);
    edge_loop_run(world.loop);

    pthread_join(thread, NULL);
    edge_timer_destroy(world.teller);
    edge_listener_close(plain);
    edge_listener_close(secure);
    hub_mqtt_destroy(world.mqtt);
    fake_backend_fini(&world.fake);
    edge_loop_destroy(world.loop);
    edge_tls_server_destroy(tls);
    return 0;
}
