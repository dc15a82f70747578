#include "tests/unit/test.h"

#include "agent/image/headers.h"
#include "common/base/err.h"

static void assert_challenge(const char *value, enum agent_auth_scheme scheme, const char *realm,
                             const char *service, const char *scope)
{
    struct agent_challenge c = {0};

    assert_int_equal(agent_challenge_read(&c, value), 0);
    assert_int_equal(c.scheme, scheme);
    assert_string_equal(c.realm ? c.realm : "-", realm);
    assert_string_equal(c.service ? c.service : "-", service);
    assert_string_equal(c.scope ? c.scope : "-", scope);
    agent_challenge_fini(&c);
}

static void test_challenges_are_taken_apart(void **state)
{
    (void) state;

    assert_challenge("Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
                     "scope=\"repository:library/busybox:pull\"",
                     AGENT_AUTH_BEARER, "https://auth.docker.io/token", "registry.docker.io",
                     "repository:library/busybox:pull");
    assert_challenge("bearer Realm = \"https://a/t\" , SERVICE=plain", AGENT_AUTH_BEARER,
                     "https://a/t", "plain", "-");
    assert_challenge("Basic realm=\"a \\\"b\\\", c\"", AGENT_AUTH_BASIC, "a \"b\", c", "-", "-");
    assert_challenge("Basic", AGENT_AUTH_BASIC, "-", "-", "-");
    assert_challenge("Bearer realm=\"u\",scope=\"a:b:pull,push\"", AGENT_AUTH_BEARER, "u", "-",
                     "a:b:pull,push");
}

static void test_bearer_is_preferred_wherever_it_stands(void **state)
{
    struct agent_challenge c = {0};
    (void) state;

    assert_challenge("Basic realm=\"x\", Bearer realm=\"y\"", AGENT_AUTH_BEARER, "y", "-", "-");
    assert_challenge("Bearer realm=\"y\", Basic realm=\"x\"", AGENT_AUTH_BEARER, "y", "-", "-");
    assert_challenge("Negotiate abc==, Basic realm=\"x\"", AGENT_AUTH_BASIC, "x", "-", "-");

    assert_int_equal(agent_challenge_read(&c, "Basic realm=\"x\""), 0);
    assert_int_equal(agent_challenge_read(&c, "Bearer realm=\"y\""), 0);
    assert_int_equal(c.scheme, AGENT_AUTH_BEARER);
    assert_string_equal(c.realm, "y");
    agent_challenge_fini(&c);
}

static void test_useless_challenges_are_none(void **state)
{
    (void) state;

    assert_challenge("", AGENT_AUTH_NONE, "-", "-", "-");
    assert_challenge(",,, ,", AGENT_AUTH_NONE, "-", "-", "-");
    assert_challenge("Digest realm=\"x\"", AGENT_AUTH_NONE, "-", "-", "-");
    assert_challenge("Bearer service=\"x\"", AGENT_AUTH_NONE, "-", "-", "-");
    assert_challenge("=\"\"=;", AGENT_AUTH_NONE, "-", "-", "-");
}

static void test_unfinished_quotes_end_with_the_value(void **state)
{
    (void) state;

    assert_challenge("Bearer realm=\"https://a", AGENT_AUTH_BEARER, "https://a", "-", "-");
    assert_challenge("Bearer realm=\"a\\", AGENT_AUTH_BEARER, "a\\", "-", "-");
}

static void test_retry_after_reads_seconds_and_dates(void **state)
{
    int64_t ms = -1;
    (void) state;

    assert_int_equal(agent_retry_after_read("120", 0, &ms), 0);
    assert_int_equal(ms, 120000);
    assert_int_equal(agent_retry_after_read("Sun, 06 Nov 1994 08:49:37 GMT", 784111770, &ms), 0);
    assert_int_equal(ms, 7000);
    assert_int_equal(agent_retry_after_read("Sun, 06 Nov 1994 08:49:37 GMT", 784111800, &ms), 0);
    assert_int_equal(ms, 0);
    assert_int_equal(agent_retry_after_read("999999999999", 0, &ms), 0);
    assert_int_equal(ms, 86400000);
    assert_int_equal(agent_retry_after_read("", 0, &ms), EDGE_EINVALID);
    assert_int_equal(agent_retry_after_read("-5", 0, &ms), EDGE_EINVALID);
    assert_int_equal(agent_retry_after_read("5s", 0, &ms), EDGE_EINVALID);
    assert_int_equal(agent_retry_after_read("1111111111111111111111", 0, &ms), EDGE_EINVALID);
    assert_int_equal(agent_retry_after_read("Sun, 06 Nov 1994 08:49:37", 0, &ms), EDGE_EINVALID);
}

static void test_content_range_is_read_or_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "bytes */10",
                                      "bytes 5-4/10",
                                      "bytes 5-9/9",
                                      "bytes 5-9",
                                      "bytes=5-9/10",
                                      "bytes -5-9/10",
                                      "bytes 5-9/10x",
                                      "bytes 5-99999999999999999999/10"};
    int64_t start = -1;
    int64_t total = -1;
    (void) state;

    assert_int_equal(agent_content_range_read("bytes 5-9/10", &start, &total), 0);
    assert_int_equal(start, 5);
    assert_int_equal(total, 10);
    assert_int_equal(agent_content_range_read("bytes 0-0/*", &start, &total), 0);
    assert_int_equal(start, 0);
    assert_int_equal(total, -1);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++)
        assert_int_equal(agent_content_range_read(bad[i], &start, &total), EDGE_EINVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_challenges_are_taken_apart),
        cmocka_unit_test(test_bearer_is_preferred_wherever_it_stands),
        cmocka_unit_test(test_useless_challenges_are_none),
        cmocka_unit_test(test_unfinished_quotes_end_with_the_value),
        cmocka_unit_test(test_retry_after_reads_seconds_and_dates),
        cmocka_unit_test(test_content_range_is_read_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
