#include "tests/unit/test.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/containerd/call.h"
#include "common/base/cancel.h"
#include "common/base/clock.h"
#include "proto/containerd/containers.pb-c.h"

static void test_every_status_has_its_code(void **state)
{
    static const int want[] = {
        0,
        -ECANCELED,
        EDGE_EREMOTE, /* unknown */
        EDGE_EINVALID,
        -ETIMEDOUT,
        -ENOENT,
        -EEXIST,
        EDGE_EAUTH,
        EDGE_ELIMIT,
        EDGE_ECONFLICT,
        EDGE_EREMOTE, /* aborted */
        EDGE_ELIMIT,
        EDGE_EUNSUPPORTED,
        EDGE_EREMOTE, /* internal */
        EDGE_EUNAVAILABLE,
        EDGE_EREMOTE, /* data loss */
        EDGE_EAUTH,
    };
    (void) state;

    for (int i = 0; i < (int) EDGE_ARRAY_LEN(want); i++)
        assert_int_equal(ctrd_code(i), want[i]);
    assert_int_equal(ctrd_code(99), EDGE_EREMOTE);
}

static void test_bad_utf8_is_found_at_any_depth(void **state)
{
    Containers__CreateContainerRequest request = CONTAINERS__CREATE_CONTAINER_REQUEST__INIT;
    Containers__Container container = CONTAINERS__CONTAINER__INIT;
    Containers__Container__LabelsEntry label = CONTAINERS__CONTAINER__LABELS_ENTRY__INIT;
    Containers__Container__LabelsEntry *labels[] = {&label};
    const char *field = "";
    (void) state;

    assert_true(ctrd_message_utf8(&request.base, &field));
    request.container = &container;
    container.labels = labels;
    container.n_labels = 1;
    container.id = "caf\xc3\xa9";
    label.key = "k";
    label.value = "v";
    assert_true(ctrd_message_utf8(&request.base, &field));
    label.value = "\xc3";
    assert_false(ctrd_message_utf8(&request.base, &field));
    assert_string_equal(field, "value");
    label.value = "v";
    container.image = "\xff";
    assert_false(ctrd_message_utf8(&request.base, &field));
    assert_string_equal(field, "image");
}

static void test_without_containerd_a_call_fails_at_once_and_says_where(void **state)
{
    struct agent_ctrd *ctrd = NULL;
    struct edge_err err = {0};
    char *version = NULL;
    (void) state;

    assert_int_equal(agent_ctrd_open("unix:///nonexistent/c.sock", "edge", &ctrd, &err), 0);
    assert_int_equal(agent_ctrd_version(ctrd, NULL, &version, &err), EDGE_EUNAVAILABLE);
    assert_int_equal(err.status, TRANSPORT_UNAVAILABLE);
    assert_non_null(strstr(err.text, "/nonexistent/c.sock"));
    assert_null(version);
    agent_ctrd_close(ctrd);
}

static void test_only_local_sockets_are_addresses(void **state)
{
    struct agent_ctrd *ctrd = NULL;
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(agent_ctrd_open("tcp://10.0.0.1:1", "edge", &ctrd, &err), EDGE_EINVALID);
    assert_null(ctrd);
    assert_null(agent_ctrd_close(NULL));
}

static void test_a_cancelled_call_does_not_start(void **state)
{
    EDGE_CLEANUP(edge_cancel_unref) struct edge_cancel *cancel = edge_cancel_create();
    struct agent_ctrd_call call = {.cancel = cancel};
    struct agent_ctrd *ctrd = NULL;
    char *version = NULL;
    (void) state;

    edge_cancel_fire(cancel);
    assert_int_equal(agent_ctrd_open("/nonexistent/c.sock", "edge", &ctrd, NULL), 0);
    assert_int_equal(agent_ctrd_version(ctrd, &call, &version, NULL), -ECANCELED);
    agent_ctrd_close(ctrd);
}

/* A socket that is listened on but never served, as while containerd starts on a slow disk. */
static void test_a_server_that_says_nothing_is_unavailable_in_time(void **state)
{
    EDGE_CLEANUP(edge_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct agent_ctrd_call call = {.timeout_ms = 500};
    struct agent_ctrd *ctrd = NULL;
    char *version = NULL;
    int64_t start = edge_now_ms();
    (void) state;

    (void) snprintf(addr.sun_path, sizeof addr.sun_path, "/tmp/edge-silent.%d", (int) getpid());
    (void) unlink(addr.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *) &addr, sizeof addr), 0);
    assert_int_equal(listen(fd, 10), 0);
    assert_int_equal(agent_ctrd_open(addr.sun_path, "edge", &ctrd, NULL), 0);
    for (int i = 0; i < 3; i++) {
        int rc = agent_ctrd_version(ctrd, &call, &version, NULL);

        assert_true(rc == EDGE_EUNAVAILABLE || rc == -ETIMEDOUT);
    }
    assert_true(edge_now_ms() - start < 10000);
    agent_ctrd_close(ctrd);
    (void) unlink(addr.sun_path);
}

/* It accepts, and says its SETTINGS half a second later, as on a busy machine. */
static void *greet_late(void *arg)
{
    static const char settings[9] = {0, 0, 0, 4};
    int fd = accept(*(int *) arg, NULL, NULL);

    edge_cancel_sleep(NULL, 500);
    (void) !write(fd, settings, sizeof settings);
    while (read(fd, (char[512]){0}, 512) > 0) {
    }
    close(fd);
    return NULL;
}

static void test_a_server_that_greets_late_is_waited_for(void **state)
{
    EDGE_CLEANUP(edge_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct agent_ctrd_call call = {.timeout_ms = 1500};
    struct agent_ctrd *ctrd = NULL;
    char *version = NULL;
    pthread_t thread;
    (void) state;

    (void) snprintf(addr.sun_path, sizeof addr.sun_path, "/tmp/edge-late.%d", (int) getpid());
    (void) unlink(addr.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *) &addr, sizeof addr), 0);
    assert_int_equal(listen(fd, 10), 0);
    assert_int_equal(pthread_create(&thread, NULL, greet_late, &fd), 0);
    assert_int_equal(agent_ctrd_open(addr.sun_path, "edge", &ctrd, NULL), 0);
    /* the call is on its way there, and never answered */
    assert_int_equal(agent_ctrd_version(ctrd, &call, &version, NULL), -ETIMEDOUT);
    agent_ctrd_close(ctrd);
    pthread_join(thread, NULL);
    (void) unlink(addr.sun_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_has_its_code),
        cmocka_unit_test(test_bad_utf8_is_found_at_any_depth),
        cmocka_unit_test(test_without_containerd_a_call_fails_at_once_and_says_where),
        cmocka_unit_test(test_only_local_sockets_are_addresses),
        cmocka_unit_test(test_a_cancelled_call_does_not_start),
        cmocka_unit_test(test_a_server_that_says_nothing_is_unavailable_in_time),
        cmocka_unit_test(test_a_server_that_greets_late_is_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
