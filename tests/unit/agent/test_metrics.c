#include "tests/unit/test.h"

#include <stdio.h>

#include "agent/metrics/metrics.h"
#include "agent/metrics/registry.h"
#include "common/base/err.h"

static void test_series_of_a_family_stand_together_and_values_are_escaped(void **state)
{
    static const struct metrics_family a = {"a_total", "counter", "first"};
    static const struct metrics_family b = {"b", "gauge", "second"};
    const struct metrics_label common[] = {{"hub", "h"}, {NULL, NULL}};
    const struct metrics_label odd[] = {{"m", "x\"\\\ny"}, {NULL, NULL}};
    const struct metrics_label plain[] = {{"m", "z"}, {NULL, NULL}};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(10000);
    struct metrics_registry *r = metrics_registry_create(common);
    (void) state;

    assert_int_equal(metrics_add(r, &a, odd, 1), 0);
    assert_int_equal(metrics_set(r, &b, NULL, 2.5), 0);
    assert_int_equal(metrics_add(r, &a, plain, 1), 0);
    assert_int_equal(metrics_add(r, &a, odd, 1), 0);
    assert_int_equal(metrics_render(r, &out), 0);
    assert_string_equal(out.data, "# HELP a_total first\n# TYPE a_total counter\n"
                                  "a_total{hub=\"h\",m=\"x\\\"\\\\\\ny\"} 2\n"
                                  "a_total{hub=\"h\",m=\"z\"} 1\n"
                                  "# HELP b second\n# TYPE b gauge\n"
                                  "b{hub=\"h\"} 2.5\n");
    metrics_registry_destroy(r);
}

static void test_series_are_bounded_and_can_be_forgotten(void **state)
{
    static const struct metrics_family a = {"a", "gauge", "first"};
    const struct metrics_label common[] = {{NULL, NULL}};
    struct metrics_registry *r = metrics_registry_create(common);
    char name[16] = "";
    struct metrics_label labels[] = {{"m", name}, {NULL, NULL}};
    (void) state;

    for (int i = 0; i < METRICS_SERIES_MAX; i++) {
        (void) snprintf(name, sizeof name, "%d", i);
        assert_int_equal(metrics_set(r, &a, labels, i), 0);
    }
    (void) snprintf(name, sizeof name, "one more");
    assert_int_equal(metrics_set(r, &a, labels, 1), EDGE_ELIMIT);
    metrics_forget(r, "m", "17");
    assert_int_equal(metrics_set(r, &a, labels, 1), 0);
    metrics_registry_destroy(r);
}

static struct agent_metrics *create(void)
{
    struct agent_metrics *m = NULL;

    assert_int_equal(agent_metrics_create("hub.test", "edge1", &m), 0);
    return m;
}

static char *page(struct agent_metrics *m, int64_t now_ms)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(100000);

    assert_int_equal(agent_metrics_render(m, now_ms, &out), 0);
    return edge_buf_take(&out);
}

/* The value of the one line that has all of @p name and @p label. */
static double figure(struct agent_metrics *m, int64_t now_ms, const char *name, const char *label)
{
    char *text = page(m, now_ms);
    double value = -1;

    for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
        if (*line != '#' && strncmp(line, name, strlen(name)) == 0 && strstr(line, label))
            value = strtod(strrchr(line, ' '), NULL);
    }
    free(text);
    return value;
}

#define CORRECT "edgeAgent_total_time_running_correctly_seconds{"
#define WANTED  "edgeAgent_total_time_expected_running_seconds{"

static void test_time_counts_for_how_a_module_was(void **state)
{
    struct agent_metrics *m = create();
    (void) state;

    agent_metrics_module(m, "cam", true, true, 1000);
    assert_true(figure(m, 11000, CORRECT, "\"cam\"") == 10);
    agent_metrics_module(m, "cam", true, false, 21000); /* it fell */
    agent_metrics_module(m, "cam", true, true, 26000);
    agent_metrics_module(m, "cam", false, false, 31000); /* it was stopped on purpose */
    assert_true(figure(m, 99000, CORRECT, "\"cam\"") == 25);
    assert_true(figure(m, 99000, WANTED, "\"cam\"") == 30);
    agent_metrics_forget(m, "cam");
    assert_true(figure(m, 99000, WANTED, "\"cam\"") == -1);
    agent_metrics_destroy(m);
}

static void test_what_was_done_is_counted(void **state)
{
    struct agent_metrics *m = create();
    const struct agent_metrics_usage usage = {4096, -1, 3, -1, -1};
    (void) state;

    agent_metrics_started(m, "cam", "1.0");
    agent_metrics_started(m, "cam", "1.0");
    agent_metrics_stopped(m, "cam", "1.0");
    agent_metrics_synced(m, true);
    agent_metrics_synced(m, false);
    agent_metrics_method(m, "ping");
    agent_metrics_usage(m, "cam", &usage);
    assert_true(figure(m, 0, "edgeAgent_module_start_total{", "\"cam\"") == 2);
    assert_true(figure(m, 0, "edgeAgent_module_stop_total{", "module_version=\"1.0\"") == 1);
    assert_true(figure(m, 0, "edgeAgent_iothub_syncs_total{", "iothub=\"hub.test\"") == 1);
    assert_true(figure(m, 0, "edgeAgent_unsuccessful_iothub_syncs_total{", "\"edge1\"") == 1);
    assert_true(figure(m, 0, "edgeagent_direct_method_invocations_count{", "\"ping\"") == 1);
    assert_true(figure(m, 0, "edgeAgent_used_memory_bytes{", "\"cam\"") == 4096);
    assert_true(figure(m, 0, "edgeAgent_total_memory_bytes{", "\"cam\"") == -1);
    agent_metrics_destroy(m);
}

static void test_the_host_is_measured(void **state)
{
    struct agent_metrics *m = create();
    double used;
    (void) state;

    agent_metrics_measure(m, "/", INT64_MAX / 2);
    used = figure(m, 0, "edgeAgent_used_memory_bytes{", "\"host\"");
    assert_true(used > 0 && used < figure(m, 0, "edgeAgent_total_memory_bytes{", "\"host\""));
    assert_true(figure(m, 0, "edgeAgent_total_disk_space_bytes{", "disk_name=\"/\"") > 0);
    assert_true(figure(m, 0, "edgeAgent_host_uptime_seconds{", "") > 0);
    agent_metrics_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series_of_a_family_stand_together_and_values_are_escaped),
        cmocka_unit_test(test_series_are_bounded_and_can_be_forgotten),
        cmocka_unit_test(test_time_counts_for_how_a_module_was),
        cmocka_unit_test(test_what_was_done_is_counted),
        cmocka_unit_test(test_the_host_is_measured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
