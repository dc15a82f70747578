#include "tests/unit/test.h"

#include "agent/containerd/metrics.h"
#include "proto/containerd/cgroups_v1.pb-c.h"
#include "proto/containerd/cgroups_v2.pb-c.h"

/* An Any around a message, in the caller's buffer. */
static Google__Any any_of(const char *type_url, const ProtobufCMessage *msg, uint8_t *buf)
{
    Google__Any any = GOOGLE__ANY__INIT;

    any.type_url = type_url;
    any.value.data = buf;
    any.value.len = protobuf_c_message_pack(msg, buf);
    return any;
}

static void test_v1_reports_the_working_set(void **state)
{
    CgroupsV1__Metrics m = CGROUPS_V1__METRICS__INIT;
    CgroupsV1__MemoryStat memory = CGROUPS_V1__MEMORY_STAT__INIT;
    CgroupsV1__MemoryEntry usage = CGROUPS_V1__MEMORY_ENTRY__INIT;
    CgroupsV1__MemoryOomControl oom = CGROUPS_V1__MEMORY_OOM_CONTROL__INIT;
    CgroupsV1__CPUStat cpu = CGROUPS_V1__CPUSTAT__INIT;
    CgroupsV1__CPUUsage cpu_usage = CGROUPS_V1__CPUUSAGE__INIT;
    CgroupsV1__PidsStat pids = CGROUPS_V1__PIDS_STAT__INIT;
    struct agent_ctrd_metrics got;
    uint8_t buf[200];
    Google__Any any;
    (void) state;

    m.memory = &memory;
    memory.usage = &usage;
    usage.usage = 5000;
    usage.limit = 9223372036854771712u;
    memory.total_inactive_file = 1000;
    m.memory_oom_control = &oom;
    oom.oom_kill = 3;
    m.cpu = &cpu;
    cpu.usage = &cpu_usage;
    cpu_usage.total = 77;
    m.pids = &pids;
    pids.current = 4;

    any = any_of("io.containerd.cgroups.v1.Metrics", &m.base, buf);
    assert_int_equal(metrics_decode(&any, &got), 0);
    assert_int_equal(got.memory_bytes, 4000);
    assert_true(got.memory_limit == UINT64_MAX);
    assert_int_equal(got.oom_kills, 3);
    assert_int_equal(got.cpu_ns, 77);
    assert_int_equal(got.pids, 4);

    usage.limit = 33554432;
    memory.total_inactive_file = 6000; /* read a moment later than usage */
    any = any_of("types.example/io.containerd.cgroups.v1.Metrics", &m.base, buf);
    assert_int_equal(metrics_decode(&any, &got), 0);
    assert_int_equal(got.memory_limit, 33554432);
    assert_int_equal(got.memory_bytes, 0);
}

static void test_v2_reports_the_same_in_its_own_units(void **state)
{
    CgroupsV2__Metrics m = CGROUPS_V2__METRICS__INIT;
    CgroupsV2__MemoryStat memory = CGROUPS_V2__MEMORY_STAT__INIT;
    CgroupsV2__MemoryEvents events = CGROUPS_V2__MEMORY_EVENTS__INIT;
    CgroupsV2__CPUStat cpu = CGROUPS_V2__CPUSTAT__INIT;
    CgroupsV2__PidsStat pids = CGROUPS_V2__PIDS_STAT__INIT;
    struct agent_ctrd_metrics got;
    uint8_t buf[200];
    Google__Any any;
    (void) state;

    m.memory = &memory;
    memory.usage = 9000;
    memory.inactive_file = 500;
    memory.usage_limit = UINT64_MAX;
    m.memory_events = &events;
    events.oom_kill = 1;
    m.cpu = &cpu;
    cpu.usage_usec = 12;
    m.pids = &pids;
    pids.current = 2;

    any = any_of("io.containerd.cgroups.v2.Metrics", &m.base, buf);
    assert_int_equal(metrics_decode(&any, &got), 0);
    assert_int_equal(got.memory_bytes, 8500);
    assert_true(got.memory_limit == UINT64_MAX);
    assert_int_equal(got.oom_kills, 1);
    assert_int_equal(got.cpu_ns, 12000);
    assert_int_equal(got.pids, 2);
}

static void test_missing_controllers_are_zero_and_unlimited(void **state)
{
    CgroupsV1__Metrics v1 = CGROUPS_V1__METRICS__INIT;
    CgroupsV2__Metrics v2 = CGROUPS_V2__METRICS__INIT;
    struct agent_ctrd_metrics got;
    uint8_t buf[8];
    Google__Any any;
    (void) state;

    any = any_of("io.containerd.cgroups.v1.Metrics", &v1.base, buf);
    assert_int_equal(metrics_decode(&any, &got), 0);
    assert_int_equal(got.memory_bytes, 0);
    assert_true(got.memory_limit == UINT64_MAX);
    any = any_of("io.containerd.cgroups.v2.Metrics", &v2.base, buf);
    assert_int_equal(metrics_decode(&any, &got), 0);
    assert_int_equal(got.cpu_ns, 0);
}

static void test_unknown_or_broken_metrics_are_refused(void **state)
{
    Google__Any any = GOOGLE__ANY__INIT;
    struct agent_ctrd_metrics got;
    (void) state;

    any.type_url = "io.containerd.cgroups.v3.Metrics";
    assert_int_equal(metrics_decode(&any, &got), EDGE_EPROTOCOL);
    any.type_url = "io.containerd.cgroups.v1.Metrics";
    any.value.data = (uint8_t *) "\x12\x7f";
    any.value.len = 2;
    assert_int_equal(metrics_decode(&any, &got), EDGE_EPROTOCOL);
    assert_int_equal(metrics_decode(NULL, &got), EDGE_EPROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v1_reports_the_working_set),
        cmocka_unit_test(test_v2_reports_the_same_in_its_own_units),
        cmocka_unit_test(test_missing_controllers_are_zero_and_unlimited),
        cmocka_unit_test(test_unknown_or_broken_metrics_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
