#include "tests/unit/test.h"

#include "agent/containerd/call.h"
#include "agent/containerd/events.h"
#include "common/base/clock.h"
#include "proto/containerd/task_events.pb-c.h"

/* Decode an envelope around @p msg; @p id receives the container id. */
static bool decode(const ProtobufCMessage *msg, struct agent_ctrd_event *ret, char id[40])
{
    EDGE_CLEANUP(pb_free) void *owner = NULL;
    Events__Envelope envelope = EVENTS__ENVELOPE__INIT;
    Google__Any event = GOOGLE__ANY__INIT;
    Google__Timestamp at = GOOGLE__TIMESTAMP__INIT;
    uint8_t buf[200];
    bool reported;

    at.seconds = 50;
    envelope.timestamp = &at;
    envelope.topic = "/tasks/x";
    envelope.event = &event;
    event.type_url = msg->descriptor->name;
    event.value.data = buf;
    event.value.len = protobuf_c_message_pack(msg, buf);
    reported = events_decode(&envelope, ret, &owner);
    if (reported)
        memcpy(id, ret->id, strlen(ret->id) + 1);
    return reported;
}

static void test_the_end_of_an_init_process_is_reported_with_its_own_time(void **state)
{
    TaskEvents__TaskExit m = TASK_EVENTS__TASK_EXIT__INIT;
    Google__Timestamp at = GOOGLE__TIMESTAMP__INIT;
    struct agent_ctrd_event ev;
    char id[40];
    (void) state;

    m.container_id = m.id = "cam";
    m.pid = 12;
    m.exit_status = 137;
    m.exited_at = &at;
    at.seconds = 9;
    assert_true(decode(&m.base, &ev, id));
    assert_int_equal(ev.kind, AGENT_CTRD_EVENT_EXIT);
    assert_string_equal(id, "cam");
    assert_int_equal(ev.pid, 12);
    assert_int_equal(ev.exit_code, 137);
    assert_int_equal(ev.at_ns, 9000000000);
}

static void test_the_end_of_an_exec_is_not_reported(void **state)
{
    TaskEvents__TaskExit exited = TASK_EVENTS__TASK_EXIT__INIT;
    TaskEvents__TaskDelete deleted = TASK_EVENTS__TASK_DELETE__INIT;
    struct agent_ctrd_event ev;
    char id[40];
    (void) state;

    exited.container_id = deleted.container_id = "cam";
    exited.id = deleted.id = "probe-1";
    assert_false(decode(&exited.base, &ev, id));
    assert_false(decode(&deleted.base, &ev, id));
}

static void test_start_oom_and_delete_are_reported(void **state)
{
    TaskEvents__TaskStart start = TASK_EVENTS__TASK_START__INIT;
    TaskEvents__TaskOOM oom = TASK_EVENTS__TASK_OOM__INIT;
    TaskEvents__TaskDelete deleted = TASK_EVENTS__TASK_DELETE__INIT;
    struct agent_ctrd_event ev;
    char id[40];
    (void) state;

    start.container_id = "cam";
    start.pid = 5;
    assert_true(decode(&start.base, &ev, id));
    assert_int_equal(ev.kind, AGENT_CTRD_EVENT_START);
    assert_int_equal(ev.at_ns, 50000000000);
    oom.container_id = "cam";
    assert_true(decode(&oom.base, &ev, id));
    assert_int_equal(ev.kind, AGENT_CTRD_EVENT_OOM);
    deleted.container_id = "cam";
    assert_true(decode(&deleted.base, &ev, id));
    assert_int_equal(ev.kind, AGENT_CTRD_EVENT_DELETE);
    assert_int_equal(ev.at_ns, EDGE_TIME_NEVER);
}

static void test_what_cannot_be_read_is_skipped(void **state)
{
    EDGE_CLEANUP(pb_free) void *owner = NULL;
    Events__Envelope envelope = EVENTS__ENVELOPE__INIT;
    Google__Any event = GOOGLE__ANY__INIT;
    struct agent_ctrd_event ev;
    (void) state;

    assert_false(events_decode(&envelope, &ev, &owner)); /* no event inside */
    envelope.event = &event;
    event.type_url = "containerd.events.TaskPaused";
    assert_false(events_decode(&envelope, &ev, &owner));
    event.type_url = "containerd.events.TaskExit";
    event.value.data = (uint8_t *) "\x0a\xff";
    event.value.len = 2;
    assert_false(events_decode(&envelope, &ev, &owner));
    assert_null(owner);
}

static void test_only_the_own_barrier_counts(void **state)
{
    Events__Envelope envelope = EVENTS__ENVELOPE__INIT;
    Google__Any event = GOOGLE__ANY__INIT;
    (void) state;

    envelope.topic = EVENTS_BARRIER_TOPIC;
    assert_false(events_is_barrier(&envelope, "1.2"));
    envelope.event = &event;
    event.value.data = (uint8_t *) "1.2";
    event.value.len = 3;
    assert_true(events_is_barrier(&envelope, "1.2"));
    assert_false(events_is_barrier(&envelope, "1.3"));
    assert_false(events_is_barrier(&envelope, "1.22"));
    envelope.topic = "/tasks/exit";
    assert_false(events_is_barrier(&envelope, "1.2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_end_of_an_init_process_is_reported_with_its_own_time),
        cmocka_unit_test(test_the_end_of_an_exec_is_not_reported),
        cmocka_unit_test(test_start_oom_and_delete_are_reported),
        cmocka_unit_test(test_what_cannot_be_read_is_skipped),
        cmocka_unit_test(test_only_the_own_barrier_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
