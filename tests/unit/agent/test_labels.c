#include "tests/unit/test.h"

#include "agent/runtime/labels.h"

#include "common/base/bytes.h"
#include "common/json/utf8.h"

static void test_a_legal_name_is_its_own_id(void **state)
{
    static const char *const legal[] = {"tempSensor", "a", "edge-hub_1.2", "A0"};
    char id[AGENT_ID_SIZE];
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(legal); i++) {
        agent_container_id(legal[i], id);
        assert_string_equal(id, legal[i]);
    }
}

static void test_other_names_get_distinct_legal_ids(void **state)
{
    static const char *const odd[] = {"-a", "a-", "a..b", "a#b", "a$b", "$", "a--b", "a%b"};
    char ids[EDGE_ARRAY_LEN(odd) + 1][AGENT_ID_SIZE];
    char longest[129];
    (void) state;

    memset(longest, 'x', 128);
    longest[128] = '\0';
    agent_container_id(longest, ids[EDGE_ARRAY_LEN(odd)]);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(odd); i++)
        agent_container_id(odd[i], ids[i]);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(ids); i++) {
        assert_true(strlen(ids[i]) >= 16 && strlen(ids[i]) <= 76);
        assert_int_equal(strspn(ids[i], "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(ids[i]));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
}

/* The labels of @p spec as containerd would give them back: empty ones are gone. */
static struct agent_ctrd_container labelled(const struct agent_labels *labels)
{
    struct agent_ctrd_container container = {0};
    const struct agent_ctrd_label *items;
    size_t len;
    size_t n = 0;

    items = agent_labels_items(labels, &len);
    container.labels = calloc(2 * len + 1, sizeof *container.labels);
    for (size_t i = 0; i < len; i++) {
        assert_true(strlen(items[i].key) + strlen(items[i].value) <= 4096);
        assert_true(edge_utf8_valid(items[i].value, strlen(items[i].value)));
        if (!*items[i].value)
            continue;
        container.labels[n++] = strdup(items[i].key);
        container.labels[n++] = strdup(items[i].value);
    }
    return container;
}

static void test_a_long_spec_comes_back_from_its_pieces(void **state)
{
    EDGE_CLEANUP(agent_labels_free) struct agent_labels *labels = agent_labels_create();
    struct agent_module_spec spec = {.name = (char *) (uintptr_t) "cam"};
    struct agent_ctrd_container container;
    struct edge_buf text;
    char *again;
    (void) state;

    edge_buf_init(&text, 1 << 20);
    while (text.len < 60000)
        assert_int_equal(edge_buf_puts(&text, "{\"a\":\"\xe2\x82\xac\xf0\x9f\x98\x80\"}"), 0);
    spec.text = text.data;
    assert_int_equal(agent_labels_add_spec(labels, &spec), 0);
    container = labelled(labels);
    again = agent_labels_spec_text(&container);
    assert_string_equal(again, text.data);
    assert_string_equal(agent_ctrd_container_label(&container, AGENT_LABEL_MODULE), "cam");
    free(again);
    agent_ctrd_container_fini(&container);
    edge_buf_fini(&text);
}

static void test_what_does_not_fit_a_container_is_refused(void **state)
{
    EDGE_CLEANUP(agent_labels_free) struct agent_labels *labels = agent_labels_create();
    char value[4097];
    (void) state;

    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    assert_int_equal(agent_labels_add(labels, "k", value), EDGE_ELIMIT);
}

static void test_without_labels_there_is_no_spec(void **state)
{
    struct agent_ctrd_container container = {0};
    (void) state;

    container.labels = calloc(1, sizeof *container.labels);
    assert_null(agent_labels_spec_text(&container));
    agent_ctrd_container_fini(&container);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_legal_name_is_its_own_id),
        cmocka_unit_test(test_other_names_get_distinct_legal_ids),
        cmocka_unit_test(test_a_long_spec_comes_back_from_its_pieces),
        cmocka_unit_test(test_what_does_not_fit_a_container_is_refused),
        cmocka_unit_test(test_without_labels_there_is_no_spec),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
