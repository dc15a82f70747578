/* What is reported of the newest deployment. */
#include "tests/unit/test.h"

#include "agent/source/outcome.h"
#include "common/base/bytes.h"

static struct edge_json *list_must(const char *text)
{
    struct edge_json *list = NULL;

    assert_int_equal(edge_json_parse(text, strlen(text), &list, NULL), 0);
    return list;
}

static bool update(struct agent_outcome *o, int code, const char *text, int64_t version,
                   const char *list_text)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *list = list_must(list_text);
    const struct agent_outcome_facts facts = {code, text, version, NULL, list};

    return agent_outcome_update(o, &facts);
}

static void assert_outcome(const struct agent_outcome *o, int code, int64_t version,
                           const char *text)
{
    assert_int_equal(o->code, code);
    assert_int_equal(o->version, version);
    assert_string_equal(o->text, text);
}

#define DONE  "{\"name\":\"cam\",\"applied\":true}"
#define OPEN  "{\"name\":\"cam\",\"applied\":false}"
#define STUCK "{\"name\":\"cam\",\"applied\":false,\"problem\":\"image a: not found\"}"
#define OTHER "{\"name\":\"web\",\"applied\":false,\"problem\":\"port 80 is taken\"}"

static void test_nothing_is_known_before_any_deployment(void **state)
{
    struct agent_outcome o;
    (void) state;

    agent_outcome_init(&o);
    assert_outcome(&o, 406, 0, "no deployment yet");
    assert_false(update(&o, 406, "no deployment yet", 0, "[]"));
}

static void test_the_old_words_stand_until_all_is_done(void **state)
{
    struct agent_outcome o;
    (void) state;

    agent_outcome_init(&o);
    assert_false(update(&o, 200, "", 7, "[" OPEN "]"));
    assert_outcome(&o, 406, 0, "no deployment yet");
    assert_true(update(&o, 200, "", 7, "[" DONE "]"));
    assert_outcome(&o, 200, 7, "");
    assert_false(update(&o, 200, "", 8, "[" DONE "," OPEN "]"));
    assert_outcome(&o, 200, 7, "");
    assert_true(update(&o, 200, "", 8, "[]"));
    assert_outcome(&o, 200, 8, "");
}

static void test_what_fails_is_told_with_its_module(void **state)
{
    struct agent_outcome o;
    (void) state;

    agent_outcome_init(&o);
    assert_true(update(&o, 200, "", 7, "[" DONE "," STUCK "," OTHER "]"));
    assert_outcome(&o, 500, 7, "module cam: image a: not found; module web: port 80 is taken");
    assert_false(update(&o, 200, "", 7, "[" OPEN "]")); /* it is being tried again */
    assert_int_equal(o.code, 500);
    assert_true(update(&o, 200, "", 7, "[" DONE "]"));
    assert_outcome(&o, 200, 7, "");
}

static void test_a_refused_document_keeps_the_number_of_the_one_in_force(void **state)
{
    struct agent_outcome o;
    (void) state;

    agent_outcome_init(&o);
    assert_true(update(&o, 200, "", 7, "[" DONE "]"));
    assert_true(update(&o, 400, "module \"cam\": status: must be …", 7, "[" DONE "]"));
    assert_outcome(&o, 400, 7, "module \"cam\": status: must be …");
    assert_true(update(&o, 412, "schemaVersion: …", 7, "[" DONE "]"));
    assert_true(update(&o, 417, "the deployment is empty", 7, "[" STUCK "]"));
    assert_outcome(&o, 417, 7, "the deployment is empty");
}

static void test_containerd_away_is_an_error_of_its_own(void **state)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *list = list_must("[" DONE "]");
    const struct agent_outcome_facts facts = {200, "", 9, "containerd: does not answer", list};
    struct agent_outcome o;
    (void) state;

    agent_outcome_init(&o);
    assert_true(agent_outcome_update(&o, &facts));
    assert_outcome(&o, 500, 9, "containerd: does not answer");
}

static void test_a_long_text_is_cut_at_a_character(void **state)
{
    char text[700];
    struct agent_outcome o;
    (void) state;

    for (size_t i = 0; i < sizeof text - 1; i += 2)
        memcpy(text + i, "é", 2);
    text[sizeof text - 1] = '\0';
    text[0] = 'x'; /* so that the limit falls within a character */
    text[1] = 'y';
    agent_outcome_init(&o);
    assert_true(update(&o, 400, text + 1, 0, "[]"));
    assert_true(strlen(o.text) < sizeof o.text);
    assert_int_equal(strlen(o.text) % 2, 1); /* "y" and whole characters */
}

static void test_the_end_is_told_and_keeps_the_version(void **state)
{
    struct agent_outcome o;
    (void) state;

    agent_outcome_init(&o);
    assert_true(update(&o, 200, "", 7, "[" DONE "]"));
    agent_outcome_end(&o);
    assert_outcome(&o, 406, 7, "Agent is not running");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_known_before_any_deployment),
        cmocka_unit_test(test_the_old_words_stand_until_all_is_done),
        cmocka_unit_test(test_what_fails_is_told_with_its_module),
        cmocka_unit_test(test_a_refused_document_keeps_the_number_of_the_one_in_force),
        cmocka_unit_test(test_containerd_away_is_an_error_of_its_own),
        cmocka_unit_test(test_the_end_is_told_and_keeps_the_version),
        cmocka_unit_test(test_a_long_text_is_cut_at_a_character),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
