#include "tests/unit/test.h"

#include <errno.h>

#include "agent/security/identities/backoff.h"
#include "agent/security/identities/identities.h"
#include "common/base/encode.h"
#include "tests/unit/agent/security/fake_cloud.h"
#include "tests/unit/agent/security/temp.h"

#define MODULE "{\"moduleId\":\"m\",\"generationId\":\"g1\",\"managedBy\":\"IotEdge\"}"

static struct sec_keys *keys;
static struct sec_device device = {.hub = (char *) (uintptr_t) "hub.test",
                                   .id = (char *) (uintptr_t) "d#1"};

static int make_keys(void **state)
{
    EDGE_CLEANUP(edge_free) char *dir = NULL;

    if (make_temp(state) < 0)
        return -1;
    dir = edge_format("%s/keys", temp_folder);
    return sec_secret_of_text("a2V5", &device.key, NULL) < 0
               ? -1
               : sec_keys_open(dir, NULL, &keys, NULL);
}

static int remove_keys(void **state)
{
    sec_keys_close(keys);
    sec_secret_free(device.key);
    return remove_temp(state);
}

static struct sec_identities *open_ids(struct fake_cloud *cloud, const char *dir)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", temp_folder, dir);
    const struct sec_identities_options options = {&cloud->base, keys, &device, path};
    struct sec_identities *ids = NULL;

    assert_int_equal(sec_identities_open(&options, &ids, NULL), 0);
    return ids;
}

/* The identity as the cloud has it, with the key that is ours for it. */
static char *with_key(const char *generation)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    uint8_t key[EDGE_HMAC_SIZE];

    assert_int_equal(sec_keys_module(keys, "m", generation, SEC_PRIMARY, key, NULL), 0);
    text = edge_base64(key, sizeof key);
    return edge_format("{\"moduleId\":\"m\",\"generationId\":\"%s\",\"managedBy\":\"IotEdge\","
                       "\"authentication\":{\"symmetricKey\":{\"primaryKey\":\"%s\"}}}",
                       generation, text);
}

static void test_a_missing_identity_is_made_and_given_our_keys(void **state)
{
    static const struct fake_answer answers[] = {
        {404, NULL, 0}, {200, MODULE, 0}, {200, MODULE, 0}};
    struct fake_cloud cloud = FAKE_CLOUD(answers);
    EDGE_CLEANUP(sec_identities_close) struct sec_identities *ids = open_ids(&cloud, "missing");
    EDGE_CLEANUP(edge_free) char *key = with_key("g1");
    char *our_key;
    struct sec_identity id;
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(sec_identities_ensure(ids, "m", NULL, false, &id, &err), 0);
    assert_string_equal(id.generation, "g1");
    assert_string_equal(id.managed_by, "IotEdge");
    assert_int_equal(cloud.calls, 3);
    assert_string_equal(cloud.asked[0], "GET https://hub.test/devices/d%231/modules/m?api-version="
                                        "2017-11-08-preview");
    assert_non_null(strstr(cloud.asked[1], "PUT https://hub.test/devices/d%231/modules/m"));
    assert_null(strstr(cloud.asked[1], " *"));
    assert_null(strstr(cloud.asked[1], "symmetricKey"));
    assert_non_null(strstr(cloud.asked[2], " * {\"moduleId\":\"m\""));
    our_key = strstr(key, "\"primaryKey\":\"");
    our_key[strcspn(our_key, "}")] = '\0';
    assert_non_null(strstr(cloud.asked[2], our_key));

    assert_string_equal(cloud.resource, "hub.test/devices/d%231");

    assert_int_equal(sec_identities_ensure(ids, "m", NULL, false, &id, &err), 0);
    assert_int_equal(cloud.calls, 3);
    assert_true(sec_identities_known(ids, "m", &id));
}

static void test_an_identity_with_our_keys_is_left_alone(void **state)
{
    EDGE_CLEANUP(edge_free) char *body = with_key("g7");
    const struct fake_answer answers[] = {{200, body, 0}};
    struct fake_cloud cloud = FAKE_CLOUD(answers);
    EDGE_CLEANUP(sec_identities_close) struct sec_identities *ids = open_ids(&cloud, "ours");
    struct sec_identity id;
    (void) state;

    assert_int_equal(sec_identities_ensure(ids, "m", NULL, true, &id, NULL), 0);
    assert_string_equal(id.generation, "g7");
    assert_int_equal(cloud.calls, 1);
}

static void test_what_is_known_serves_without_a_cloud_and_outlives_us(void **state)
{
    EDGE_CLEANUP(edge_free) char *body = with_key("g2");
    const struct fake_answer good[] = {{200, body, 0}};
    static const struct fake_answer none[] = {{0, NULL, 0}};
    struct fake_cloud cloud = FAKE_CLOUD(good);
    struct fake_cloud gone = FAKE_CLOUD(none);
    struct sec_identities *ids = open_ids(&cloud, "outlive");
    struct sec_identity all[SEC_CACHE_MAX];
    struct sec_identity id;
    struct edge_err err = {0};
    size_t len = 0;
    (void) state;

    assert_int_equal(sec_identities_ensure(ids, "m", NULL, false, &id, NULL), 0);
    sec_identities_close(ids);
    ids = open_ids(&gone, "outlive");
    assert_int_equal(sec_identities_ensure(ids, "m", NULL, false, &id, &err), 0);
    assert_int_equal(gone.calls, 0);
    assert_int_equal(sec_identities_ensure(ids, "m", NULL, true, &id, &err),
                     SEC_IDENTITIES_REMEMBERED);
    assert_string_equal(id.generation, "g2");
    assert_int_equal(sec_identities_list(ids, all, &len, &err), SEC_IDENTITIES_REMEMBERED);
    assert_int_equal(len, 1);
    assert_int_equal(sec_identities_ensure(ids, "other", NULL, false, &id, &err),
                     EDGE_EUNAVAILABLE);
    assert_non_null(strstr(err.text, "is asked again in"));
    assert_int_equal(gone.calls, 1); /* one question, then a pause */
    sec_identities_close(ids);
}

static void test_the_list_forgets_what_the_cloud_has_not(void **state)
{
    EDGE_CLEANUP(edge_free) char *one = with_key("g3");
    EDGE_CLEANUP(edge_free) char *list = edge_format("[%s,{\"moduleId\":7},5]", one);
    const struct fake_answer answers[] = {{200, list, 0}, {200, "[]", 0}, {200, "{}", 0}};
    struct fake_cloud cloud = FAKE_CLOUD(answers);
    EDGE_CLEANUP(sec_identities_close) struct sec_identities *ids = open_ids(&cloud, "list");
    struct sec_identity all[SEC_CACHE_MAX];
    struct edge_err err = {0};
    size_t len = 9;
    (void) state;

    assert_int_equal(sec_identities_list(ids, all, &len, &err), 0);
    assert_int_equal(len, 1);
    assert_string_equal(all[0].module, "m");
    assert_int_equal(strlen(all[0].keys), 64);
    assert_int_equal(sec_identities_list(ids, all, &len, &err), 0);
    assert_int_equal(len, 0);
    assert_int_equal(sec_identities_list(ids, all, &len, &err), EDGE_EPROTOCOL);
}

static void test_a_new_generation_in_the_list_gets_our_keys_when_it_is_needed(void **state)
{
    EDGE_CLEANUP(edge_free) char *old = with_key("g4");
    static const struct fake_answer tail[] = {
        {200,
         "[{\"moduleId\":\"m\",\"generationId\":\"g5\",\"authentication\":{\"symmetricKey\":{"
         "\"primaryKey\":\"c29tZSBvdGhlciBrZXk=\"}}}]",
         0},
        {200, "{\"moduleId\":\"m\",\"generationId\":\"g5\"}", 0},
    };
    const struct fake_answer answers[] = {{200, old, 0}, tail[0], tail[1]};
    struct fake_cloud cloud = FAKE_CLOUD(answers);
    EDGE_CLEANUP(sec_identities_close) struct sec_identities *ids = open_ids(&cloud, "anew");
    struct sec_identity all[SEC_CACHE_MAX];
    struct sec_identity id;
    size_t len;
    (void) state;

    assert_int_equal(sec_identities_ensure(ids, "m", NULL, false, &id, NULL), 0);
    assert_int_equal(sec_identities_list(ids, all, &len, NULL), 0);
    assert_string_equal(all[0].generation, "g5");
    assert_int_equal(sec_identities_ensure(ids, "m", NULL, false, &id, NULL), 0);
    assert_string_equal(id.generation, "g5");
    assert_int_equal(cloud.calls, 4);
    assert_non_null(strstr(cloud.asked[3], "PUT"));
    assert_non_null(strstr(cloud.asked[3], "\"generationId\":\"g5\""));
}

static void test_refusals_are_told_apart(void **state)
{
    static const struct fake_answer unauthorized[] = {{401, "{\"Message\":\"ErrorCode:X\"}", 0}};
    static const struct fake_answer gone[] = {{404, NULL, 0}};
    static const struct fake_answer nonsense[] = {{200, "{\"moduleId\":\"x\"}", 0}};
    static const struct {
        const struct fake_answer *answers;
        int rc;
    } cases[] = {{unauthorized, EDGE_EAUTH}, {gone, EDGE_EAUTH}, {nonsense, EDGE_EPROTOCOL}};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        struct fake_cloud cloud = {{.call = fake_call}, cases[i].answers, 1, 0, {{0}}, "", false};
        EDGE_CLEANUP(sec_identities_close) struct sec_identities *ids = open_ids(&cloud, "refused");
        struct sec_identity id;
        struct edge_err err = {0};

        assert_int_equal(sec_identities_ensure(ids, "m", NULL, false, &id, &err), cases[i].rc);
        assert_non_null(strstr(err.text, "the identity of m"));
        assert_false(sec_identities_known(ids, "m", &id));
    }
}

static void test_a_throttled_question_is_not_repeated(void **state)
{
    static const struct fake_answer answers[] = {{429, NULL, 0}};
    struct fake_cloud cloud = FAKE_CLOUD(answers);
    EDGE_CLEANUP(sec_identities_close) struct sec_identities *ids = open_ids(&cloud, "throttled");
    struct sec_identity id;
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(sec_identities_ensure(ids, "m", NULL, false, &id, &err), EDGE_EUNAVAILABLE);
    assert_int_equal(err.status, 429);
    assert_int_equal(sec_identities_ensure(ids, "m", NULL, false, &id, &err), EDGE_EUNAVAILABLE);
    assert_int_equal(sec_identities_delete(ids, "m", &err), EDGE_EUNAVAILABLE);
    assert_int_equal(cloud.calls, 1);
}

static void test_bad_names_go_nowhere(void **state)
{
    static const char *const names[] = {"", "a/b", "a b", "a\nb", "\xc3\xa4"};
    static const struct fake_answer answers[] = {{404, NULL, 0}};
    struct fake_cloud cloud = FAKE_CLOUD(answers);
    EDGE_CLEANUP(sec_identities_close) struct sec_identities *ids = open_ids(&cloud, "names");
    struct sec_identity id;
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++) {
        assert_int_equal(sec_identities_ensure(ids, names[i], NULL, true, &id, NULL),
                         EDGE_EINVALID);
        assert_int_equal(sec_identities_delete(ids, names[i], NULL), EDGE_EINVALID);
    }
    assert_int_equal(sec_identities_ensure(ids, "m", "a b", true, &id, NULL), EDGE_EINVALID);
    assert_int_equal(cloud.calls, 0);
}

static void test_pauses_grow_and_spread(void **state)
{
    static const int throttled[] = {60, 120, 180, 300, 300};
    static const int failed[] = {3, 6, 12, 24, 60, 60};
    struct sec_backoff b = {0};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(throttled); i++) {
        sec_backoff_failed(&b, 429, 0, 0, 1000);
        assert_int_equal(sec_backoff_left(&b, 1000), throttled[i] * 1000);
    }
    sec_backoff_passed(&b);
    assert_int_equal(sec_backoff_left(&b, 1000), 0);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(failed); i++) {
        sec_backoff_failed(&b, i % 2 ? 503 : 0, 0, UINT32_MAX, 0);
        assert_in_range(sec_backoff_left(&b, 0), failed[i] * 1000, failed[i] * 1250);
    }
    sec_backoff_passed(&b);
    sec_backoff_failed(&b, 429, 100, 0, 0);
    assert_int_equal(sec_backoff_left(&b, 0), 100000);
    sec_backoff_failed(&b, 429, INT32_MAX, 0, 0);
    assert_int_equal(sec_backoff_left(&b, 0), 3600000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_missing_identity_is_made_and_given_our_keys),
        cmocka_unit_test(test_an_identity_with_our_keys_is_left_alone),
        cmocka_unit_test(test_what_is_known_serves_without_a_cloud_and_outlives_us),
        cmocka_unit_test(test_the_list_forgets_what_the_cloud_has_not),
        cmocka_unit_test(test_a_new_generation_in_the_list_gets_our_keys_when_it_is_needed),
        cmocka_unit_test(test_refusals_are_told_apart),
        cmocka_unit_test(test_a_throttled_question_is_not_repeated),
        cmocka_unit_test(test_bad_names_go_nowhere),
        cmocka_unit_test(test_pauses_grow_and_spread),
    };

    return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
