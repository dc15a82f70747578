/* Counters and summaries, and their text. */
#include <math.h>
#include <stdio.h>

#include "hub/core/metrics.h"
#include "tests/unit/test.h"

struct page {
    struct hub_metrics *m;
    struct edge_buf text;
};

static int setup(void **state)
{
    struct page *page = calloc(1, sizeof *page);

    edge_buf_init(&page->text, 16 * 1024 * 1024);
    *state = page;
    return hub_metrics_create("my-hub.net", "edge1", &page->m);
}

static int teardown(void **state)
{
    struct page *page = *state;

    edge_buf_fini(&page->text);
    (void) hub_metrics_destroy(page->m);
    free(page);
    return 0;
}

/* The value of the line that has all of these, or fails. */
static double value(struct page *page, const char *start, const char *part)
{
    edge_buf_fini(&page->text);
    hub_metrics_print(page->m, &page->text);
    for (char *line = strtok(page->text.data, "\n"); line; line = strtok(NULL, "\n"))
        if (strncmp(line, start, strlen(start)) == 0 && strstr(line, part))
            return strtod(strrchr(line, ' '), NULL);
    fail_msg("no line with %s and %s", start, part);
    return 0;
}

static void test_counters_count_by_their_labels(void **state)
{
    struct page *page = *state;
    const char *const a[] = {"out", "edge1/a"}, *const b[] = {"out", "edge1/b"};

    hub_metrics_count(page->m, HUB_COUNT_RECEIVED, a);
    hub_metrics_count(page->m, HUB_COUNT_RECEIVED, a);
    hub_metrics_count(page->m, HUB_COUNT_RECEIVED, b);
    assert_true(value(page,
                      "edgehub_messages_received_total{iothub=\"my-hub.net\","
                      "edge_device=\"edge1\",instance_number=\"",
                      "\",ms_telemetry=\"True\",route_output=\"out\",id=\"edge1/a\"} ") == 2);
    assert_true(value(page, "edgehub_messages_received_total{", "id=\"edge1/b\"") == 1);
}

/* Dashboards know these names. */
static void test_names_are_those_of_iot_edge(void **state)
{
    static const char *const labels[] = {"1", "2", "3", "4", "5"};
    static const struct {
        enum hub_counter kind;
        const char *name, *labels;
    } counters[] = {
        {HUB_COUNT_RECEIVED, "messages_received_total", "route_output=\"1\",id=\"2\"} 1"},
        {HUB_COUNT_SENT, "messages_sent_total",
         "from=\"1\",to=\"2\",from_route_output=\"3\",to_route_input=\"4\",priority=\"5\"} 1"},
        {HUB_COUNT_DROPPED, "messages_dropped_total",
         "reason=\"1\",from=\"2\",from_route_output=\"3\"} 1"},
        {HUB_COUNT_UNACK, "messages_unack_total",
         "reason=\"1\",from=\"2\",from_route_output=\"3\"} 1"},
        {HUB_COUNT_GETTWIN, "gettwin_total", "source=\"1\",id=\"2\"} 1"},
        {HUB_COUNT_REPORTED, "reported_properties_total", "target=\"1\",id=\"2\"} 1"},
        {HUB_COUNT_METHODS, "direct_methods_total", "from=\"1\",to=\"2\"} 1"},
        {HUB_COUNT_OFFLINE, "offline_count_total", "id=\"1\"} 1"},
        {HUB_COUNT_RETRY, "operation_retry_total", "id=\"1\",operation=\"2\"} 1"},
        {HUB_COUNT_CONNECT_FAILED, "client_connect_failed_total", "id=\"1\",reason=\"2\"} 1"},
        {HUB_COUNT_CONNECTED, "client_connect_success_total", "id=\"1\"} 1"},
        {HUB_COUNT_DISCONNECTED, "client_disconnect_total", "id=\"1\"} 1"},
    };
    static const struct {
        enum hub_summary kind;
        const char *name, *labels;
    } summaries[] = {
        {HUB_TIME_GETTWIN, "gettwin_duration_seconds", "source=\"1\",id=\"2\",quantile=\"0.9\""},
        {HUB_TIME_SEND, "message_send_duration_seconds",
         "from=\"1\",to=\"2\",from_route_output=\"3\",to_route_input=\"4\",quantile=\"0.5\""},
        {HUB_TIME_PROCESS, "message_process_duration_seconds",
         "from=\"1\",to=\"2\",priority=\"3\",quantile=\"0.99\""},
        {HUB_TIME_REPORTED, "reported_properties_update_duration_seconds",
         "target=\"1\",id=\"2\",quantile=\"0.999\""},
        {HUB_TIME_METHODS, "direct_method_duration_seconds",
         "from=\"1\",to=\"2\",quantile=\"0.9999\""},
        {HUB_TIME_OFFLINE, "offline_duration_seconds", "id=\"1\",quantile=\"0.95\""},
        {HUB_SIZE_MESSAGE, "message_size_bytes", "id=\"1\",quantile=\"0.5\""},
    };
    struct page *page = *state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(counters); i++) {
        EDGE_CLEANUP(edge_free) char *start = edge_format("edgehub_%s{", counters[i].name);

        hub_metrics_count(page->m, counters[i].kind, labels);
        (void) value(page, start, counters[i].labels);
    }
    for (size_t i = 0; i < EDGE_ARRAY_LEN(summaries); i++) {
        EDGE_CLEANUP(edge_free) char *start = edge_format("edgehub_%s{", summaries[i].name);

        hub_metrics_observe(page->m, summaries[i].kind, labels, 1);
        (void) value(page, start, summaries[i].labels);
    }
    assert_int_equal(EDGE_ARRAY_LEN(counters), HUB_COUNT_MAX);
    assert_int_equal(EDGE_ARRAY_LEN(summaries), HUB_SUMMARY_MAX);
}

static void test_labels_are_not_confused(void **state)
{
    struct page *page = *state;

    hub_metrics_count(page->m, HUB_COUNT_RECEIVED, (const char *[]){"ab", "c"});
    hub_metrics_count(page->m, HUB_COUNT_RECEIVED, (const char *[]){"a", "bc"});
    hub_metrics_count(page->m, HUB_COUNT_METHODS, (const char *[]){"ab", "c"});
    assert_true(value(page, "edgehub_messages_received_total{", "\"ab\",id=\"c\"") == 1);
    assert_true(value(page, "edgehub_messages_received_total{", "\"a\",id=\"bc\"") == 1);
    assert_true(value(page, "edgehub_direct_methods_total{", "from=\"ab\",to=\"c\"") == 1);
}

static void test_a_value_is_escaped(void **state)
{
    struct page *page = *state;

    hub_metrics_count(page->m, HUB_COUNT_OFFLINE, (const char *[]){"a\"b\\c\nd"});
    assert_true(value(page, "edgehub_offline_count_total{", "id=\"a\\\"b\\\\c\\nd\"") == 1);
}

static void test_quantiles_are_near(void **state)
{
    struct page *page = *state;
    const char *const labels[] = {"edge1/a"};

    for (unsigned i = 1; i <= 1000; i++)
        hub_metrics_observe(page->m, HUB_SIZE_MESSAGE, labels, i);
    assert_in_range((unsigned) value(page, "edgehub_message_size_bytes{", "quantile=\"0.5\""), 450,
                    550);
    assert_in_range((unsigned) value(page, "edgehub_message_size_bytes{", "quantile=\"0.99\""), 900,
                    1090);
    assert_true(value(page, "edgehub_message_size_bytes_sum{", "id=") == 500500);
    assert_true(value(page, "edgehub_message_size_bytes_count{", "id=") == 1000);
}

static void test_quantiles_are_of_this_hour_and_the_last(void **state)
{
    struct page *page = *state;
    const char *const labels[] = {"edge1/a"};

    hub_metrics_observe(page->m, HUB_SIZE_MESSAGE, labels, 1000);
    hub_metrics_turn(page->m);
    hub_metrics_observe(page->m, HUB_SIZE_MESSAGE, labels, 100);
    assert_true(value(page, "edgehub_message_size_bytes{", "quantile=\"0.99\"") > 800);
    hub_metrics_turn(page->m);
    assert_true(value(page, "edgehub_message_size_bytes{", "quantile=\"0.99\"") < 120);
    hub_metrics_turn(page->m);
    assert_true(isnan(value(page, "edgehub_message_size_bytes{", "quantile=\"0.99\"")));
    assert_true(value(page, "edgehub_message_size_bytes_count{", "id=") == 2);
}

static void test_odd_values_do_no_harm(void **state)
{
    struct page *page = *state;
    const char *const labels[] = {"a", "b"};

    hub_metrics_observe(page->m, HUB_TIME_METHODS, labels, -1);
    hub_metrics_observe(page->m, HUB_TIME_METHODS, labels, 0);
    hub_metrics_observe(page->m, HUB_TIME_METHODS, labels, 1e300);
    assert_true(value(page, "edgehub_direct_method_duration_seconds_count{", "to=\"b\"") == 3);
}

static void test_series_have_a_limit(void **state)
{
    struct page *page = *state;
    char id[2000];

    for (unsigned i = 0; i < 10100; i++) {
        (void) snprintf(id, sizeof id, "client%u", i);
        hub_metrics_count(page->m, HUB_COUNT_CONNECTED, (const char *[]){id});
    }
    assert_null(hub_metrics_counter(page->m, HUB_COUNT_CONNECTED, (const char *[]){"one more"}));
    assert_non_null(hub_metrics_counter(page->m, HUB_COUNT_CONNECTED, (const char *[]){"client7"}));
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    assert_null(hub_metrics_counter(page->m, HUB_COUNT_CONNECTED, (const char *[]){id}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counters_count_by_their_labels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_are_those_of_iot_edge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_labels_are_not_confused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_value_is_escaped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quantiles_are_near, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quantiles_are_of_this_hour_and_the_last, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_odd_values_do_no_harm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_series_have_a_limit, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
