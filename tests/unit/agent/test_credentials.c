#include "tests/unit/test.h"

#include "agent/image/backoff.h"
#include "agent/image/credentials.h"
#include "common/base/clock.h"

static const struct agent_registry registries[] = {
    {.host = "Registry.Example:5000", .username = "config", .password = "c"},
    {.host = "docker.io", .username = "hub", .password = "h"},
    {.host = "plain.example", .plain_http = true},
};
static const struct agent_images_config config = {
    .registries = registries, .nregistries = 3, .upstream = "parent.local"};
static const struct agent_registry_auth auths[] = {
    {"https://index.docker.io/v1/", "deployed-hub", "x"},
    {"registry.example:5000", "deployed", "x"},
    {"registry.example:5000", "second", "x"},
    {"$upstream:8000", "parent", "x"},
    {"https://Azure.Example/", "azure", "x"},
};

static void assert_user(const char *host, const char *repository, size_t nauths, const char *want)
{
    struct agent_credentials c = agent_credentials_for(&config, auths, nauths, host, repository);

    assert_string_equal(c.username ? c.username : "-", want);
}

static void test_deployment_wins_over_configuration_and_the_first_match_counts(void **state)
{
    (void) state;

    assert_user("registry.example:5000", "a/b", 5, "deployed");
    assert_user("registry.example:5000", "a/b", 0, "config");
    assert_user("registry.example", "a/b", 5, "-");
    assert_user("plain.example", "a/b", 5, "-");
    assert_user("azure.example", "a/b", 5, "azure");
}

static void test_docker_hub_goes_by_its_old_address(void **state)
{
    (void) state;

    assert_user("docker.io", "team/app", 5, "deployed-hub");
    assert_user("docker.io", "library/busybox", 5,
                "hub"); /* no slash, no deployment's credentials */
    assert_true(agent_same_registry("https://index.docker.io/v1/", "registry-1.docker.io"));
    assert_false(agent_same_registry("docker.io", "docker.io.example"));
    assert_false(agent_same_registry("", ""));
}

static void test_upstream_is_the_parent_in_addresses_too(void **state)
{
    (void) state;

    assert_user("parent.local:8000", "a", 5, "parent");
    assert_user("parent.local:443", "a", 5, "-");
    assert_user("other.local:8000", "a", 5, "-");
}

static void test_configured_registry_is_found_without_case(void **state)
{
    (void) state;

    assert_ptr_equal(agent_registry_find(&config, "REGISTRY.example:5000"), &registries[0]);
    assert_ptr_equal(agent_registry_find(&config, "index.docker.io"), &registries[1]);
    assert_null(agent_registry_find(&config, "elsewhere"));
}

static void test_backoff_gives_up_and_hears_cancellation(void **state)
{
    EDGE_CLEANUP(edge_cancel_unref) struct edge_cancel *cancel = edge_cancel_create();
    struct agent_backoff spent = {AGENT_BACKOFF_TRIES};
    struct agent_backoff fresh = {0};
    (void) state;

    assert_false(agent_backoff_again(&spent, -1, NULL));
    assert_true(agent_backoff_again(&fresh, -1, cancel));
    assert_int_equal(fresh.tries, 1);
    edge_cancel_fire(cancel);
    assert_false(agent_backoff_again(&fresh, 86400000, cancel));
}

static void test_no_try_comes_earlier_than_the_server_asks(void **state)
{
    enum { ASKED_MS = 300, TRIES = 6 };
    (void) state;

    for (int i = 0; i < TRIES; i++) {
        struct agent_backoff backoff = {0};
        int64_t begun_ms = edge_now_ms();

        assert_true(agent_backoff_again(&backoff, ASKED_MS, NULL));
        assert_true(edge_now_ms() - begun_ms >= ASKED_MS - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deployment_wins_over_configuration_and_the_first_match_counts),
        cmocka_unit_test(test_docker_hub_goes_by_its_old_address),
        cmocka_unit_test(test_upstream_is_the_parent_in_addresses_too),
        cmocka_unit_test(test_configured_registry_is_found_without_case),
        cmocka_unit_test(test_backoff_gives_up_and_hears_cancellation),
        cmocka_unit_test(test_no_try_comes_earlier_than_the_server_asks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
