/* The server with TLS, asked by the client (libcurl): both sides' certificates, every method. */
#include "tests/unit/test.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/http/client.h"
#include "common/http/server.h"
#include "tests/unit/common/pki.h"

static struct {
    struct edge_loop *loop;
    struct edge_tls_server *tls;
    struct edge_http_server *server;
    pthread_t thread;
    struct pki ca;
    struct pki server_id;
    struct pki client_id;
    char dir[64];
    char ca_file[100];
    char cert_file[100];
    char key_file[100];
    char url[64];
} house;

/* "method path client's-name body" */
static void handle(struct edge_exchange *x, void *arg)
{
    const struct edge_tls_peer *peer = edge_exchange_certificate(x);
    struct edge_bytes body = edge_exchange_body(x);
    char text[300];
    int len;

    (void) arg;
    assert_memory_equal(edge_exchange_address(x), "127.0.0.1:", 10);
    len = snprintf(text, sizeof text, "%s %s %s %.*s", edge_exchange_method(x),
                   edge_exchange_path(x), peer ? peer->cn : "nobody", (int) body.len,
                   body.len > 0 ? (const char *) body.data : "");
    edge_exchange_reply(x, 200, "text/plain", text, (size_t) len);
}

static void *serve(void *arg)
{
    (void) arg;
    edge_loop_run(house.loop);
    edge_http_server_close(house.server);
    edge_loop_destroy(house.loop);
    return NULL;
}

static void stop(void *arg)
{
    (void) arg;
    edge_loop_stop(house.loop);
}

static void write_pem(char path[100], const char *name, const char *pem)
{
    (void) snprintf(path, 100, "%s/%s", house.dir, name);
    assert_int_equal(edge_file_write(path, pem, strlen(pem), 0600, NULL), 0);
}

static int setup(void **state)
{
    struct edge_tls_server_options tls = {.request_certificate = true};
    struct edge_http_server_options options = {.uri = "tcp://127.0.0.1:0", .handle = handle};
    (void) state;

    (void) snprintf(house.dir, sizeof house.dir, "/tmp/edge-test-https-XXXXXX");
    if (!mkdtemp(house.dir))
        return -1;
    house.ca = pki_ca("Test Root", NULL);
    house.server_id = pki_server(&house.ca);
    house.client_id = pki_client("device-1", &house.ca);
    write_pem(house.ca_file, "ca.pem", house.ca.pem);
    write_pem(house.cert_file, "cert.pem", house.client_id.pem);
    write_pem(house.key_file, "key.pem", house.client_id.key_pem);
    tls.chain_pem = house.server_id.pem;
    tls.key_pem = house.server_id.key_pem;
    assert_int_equal(edge_tls_server_create(&tls, &house.tls, NULL), 0);
    options.tls = house.tls;
    assert_int_equal(edge_loop_create(&house.loop), 0);
    assert_int_equal(edge_http_server_open(house.loop, &options, &house.server, NULL), 0);
    (void) snprintf(house.url, sizeof house.url, "https://127.0.0.1:%u/x",
                    edge_http_server_port(house.server));
    return pthread_create(&house.thread, NULL, serve, NULL);
}

static int teardown(void **state)
{
    (void) state;
    edge_loop_post(house.loop, stop, NULL);
    pthread_join(house.thread, NULL);
    edge_tls_server_destroy(house.tls);
    pki_free(&house.ca);
    pki_free(&house.server_id);
    pki_free(&house.client_id);
    return edge_remove_tree(house.dir, NULL);
}

static void expect(const struct edge_http_request *request, const char *text)
{
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    struct edge_err err = {0};

    if (edge_http_request(request, &response, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.body.data, text);
}

static void test_both_sides_show_certificates(void **state)
{
    struct edge_http_request request = {.url = house.url, .ca_file = house.ca_file};
    (void) state;

    expect(&request, "GET /x nobody ");
    request.cert_file = house.cert_file;
    request.key = house.key_file;
    expect(&request, "GET /x device-1 ");
}

static void test_a_server_of_another_ca_is_not_asked(void **state)
{
    struct edge_http_request request = {.url = house.url, .ca_file = house.cert_file};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    (void) state;

    assert_int_equal(edge_http_request(&request, &response, NULL), EDGE_EAUTH);
    assert_int_equal(response.fault, EDGE_HTTP_FAULT_TRUST);
}

static struct pki shown;
static atomic_bool is_shown;

static void show(void *arg)
{
    (void) arg;
    assert_int_equal(edge_tls_server_reload(house.tls, shown.pem, shown.key_pem, NULL), 0);
    atomic_store(&is_shown, true);
}

static void show_soon(void)
{
    atomic_store(&is_shown, false);
    edge_loop_post(house.loop, show, NULL);
    while (!atomic_load(&is_shown))
        (void) poll(NULL, 0, 1);
}

static void test_a_certificate_of_another_time_is_told_with_the_clock(void **state)
{
    static const char *const names[] = {"127.0.0.1", NULL};
    struct edge_http_request request = {.url = house.url, .ca_file = house.ca_file};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    struct edge_err err = {0};
    (void) state;

    shown = pki_issue((struct edge_cert_order){.use = EDGE_CERT_SERVER,
                                               .cn = "localhost",
                                               .dns = names,
                                               .not_before_s = time(NULL) - PKI_DAY,
                                               .not_after_s = time(NULL) - 1},
                      &house.ca);
    show_soon();
    assert_int_equal(edge_http_request(&request, &response, &err), EDGE_EAUTH);
    pki_free(&shown);
    shown = house.server_id;
    show_soon();
    if (!strstr(err.text, "clock"))
        fail_msg("%s", err.text);
}

static void test_every_method_takes_its_body_along(void **state)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
    struct edge_http_request request = {
        .url = house.url, .ca_file = house.ca_file, .body = {(const uint8_t *) "{\"a\":1}", 7}};
    char text[64];
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(methods); i++) {
        request.method = methods[i];
        (void) snprintf(text, sizeof text, "%s /x nobody {\"a\":1}", methods[i]);
        expect(&request, text);
    }
    request.method = "DELETE";
    request.body = (struct edge_bytes){0};
    expect(&request, "DELETE /x nobody ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_sides_show_certificates),
        cmocka_unit_test(test_a_server_of_another_ca_is_not_asked),
        cmocka_unit_test(test_a_certificate_of_another_time_is_told_with_the_clock),
        cmocka_unit_test(test_every_method_takes_its_body_along),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
