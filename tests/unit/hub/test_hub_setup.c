/* What the environment and the command line say. */
#include "tests/unit/test.h"

#include <getopt.h>
#include <stdio.h>

#include "hub/setup.h"

static const char *const *environment; /* NAME, value, …, NULL */

static const char *get(const char *name)
{
    for (const char *const *at = environment; at && *at; at += 2) {
        if (strcmp(*at, name) == 0)
            return at[1];
    }
    return NULL;
}

static int read_all(const char *const *env, const char *const *arguments, struct hub_setup *ret,
                    struct edge_err *err)
{
    char *argv[8] = {"edge-hub"};
    int argc = 1;

    environment = env;
    optind = 0;
    for (; arguments && *arguments; arguments++)
        argv[argc++] = (char *) (uintptr_t) *arguments;
    return hub_setup_read(argc, argv, get, ret, err);
}

static void settings__of_nothing__are_the_defaults(void **state)
{
    struct hub_setup settings;
    struct edge_err err = {0};

    (void) state;
    assert_int_equal(read_all(NULL, NULL, &settings, &err), 0);
    assert_null(settings.listen);
    assert_string_equal(settings.storage, "/var/lib/edge-hub");
    assert_int_equal(settings.upstream, HUB_CLOUD_AMQP);
    assert_true(settings.mqtt && settings.amqp && settings.http && settings.metrics);
    assert_int_equal(settings.metrics_port, 9600);
    hub_setup_fini(&settings);
}

static void settings__from_both__are_read(void **state)
{
    static const char *const env[] = {"UpstreamProtocol",
                                      "mqttws",
                                      "StorageFolder",
                                      "/data",
                                      "MaxConnectedClients",
                                      "7",
                                      "AmqpSettings__Enabled",
                                      "False",
                                      "RuntimeLogLevel",
                                      "debug",
                                      NULL};
    static const char *const words[] = {"--listen", "127.0.0.10", NULL};
    struct hub_setup settings;
    struct edge_err err = {0};

    (void) state;
    assert_int_equal(read_all(env, words, &settings, &err), 0);
    assert_string_equal(settings.listen, "127.0.0.10");
    assert_string_equal(settings.storage, "/data/edgeHub");
    assert_int_equal(settings.upstream, HUB_CLOUD_MQTT_WS);
    assert_int_equal(settings.core.max_clients, 7);
    assert_false(settings.amqp);
    assert_int_equal(settings.log, EDGE_LOG_DEBUG);
    hub_setup_fini(&settings);
}

static void plain_port__is_taken_on_loopback_only(void **state)
{
    static const char *const good[][5] = {{"--plain", "1883", "--listen", "127.0.0.10", NULL},
                                          {"--listen", "::1", "--plain", "1883", NULL}};
    static const char *const bad[][5] = {{"--plain", "1883", NULL},
                                         {"--plain", "1883", "--listen", "10.0.0.1", NULL},
                                         {"--plain", "1883", "--listen", "::", NULL},
                                         {"--plain", "1883", "--listen", "localhost", NULL},
                                         {"--plain", "0", "--listen", "127.0.0.1", NULL},
                                         {"--plain", "65535", "--listen", "127.0.0.1", NULL},
                                         {"--plain", "18x", "--listen", "127.0.0.1", NULL}};
    struct hub_setup settings;
    struct edge_err err = {0};

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(good); i++) {
        assert_int_equal(read_all(NULL, good[i], &settings, &err), 0);
        assert_int_equal(settings.plain_port, 1883);
        hub_setup_fini(&settings);
    }
    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        assert_int_equal(read_all(NULL, bad[i], &settings, &err), EDGE_EINVALID);
        assert_non_null(strstr(err.text, "--plain"));
        hub_setup_fini(&settings);
    }
}

static void settings__with_a_word_for_storage__take_it_as_it_is(void **state)
{
    static const char *const env[] = {"StorageFolder", "/data", NULL};
    static const char *const words[] = {"--storage", "/here", NULL};
    struct hub_setup settings;
    struct edge_err err = {0};

    (void) state;
    assert_int_equal(read_all(env, words, &settings, &err), 0);
    assert_string_equal(settings.storage, "/here");
    hub_setup_fini(&settings);
}

static void settings__that_are_wrong__are_named(void **state)
{
    static const char *const wrong[][3] = {
        {"UpstreamProtocol", "Http", NULL},         {"MaxConnectedClients", "-1", NULL},
        {"MaxConnectedClients", "many", NULL},      {"MqttSettings__Enabled", "yes", NULL},
        {"Metrics__Listener__Port", "65536", NULL}, {"RuntimeLogLevel", "loud", NULL},
    };

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(wrong); i++) {
        struct hub_setup settings;
        struct edge_err err = {0};

        assert_int_equal(read_all(wrong[i], NULL, &settings, &err), EDGE_EINVALID);
        assert_non_null(strstr(err.text, wrong[i][0]));
        assert_non_null(strstr(err.text, wrong[i][1]));
        hub_setup_fini(&settings);
    }
}

static void words__that_are_unknown__are_named(void **state)
{
    static const char *const words[][2] = {{"--lisen", NULL}, {"here", NULL}};

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(words); i++) {
        struct hub_setup settings;
        struct edge_err err = {0};

        assert_int_equal(read_all(NULL, words[i], &settings, &err), EDGE_EINVALID);
        assert_non_null(strstr(err.text, words[i][0]));
        hub_setup_fini(&settings);
    }
}

static void environment__is_found_whatever_the_case(void **state)
{
    (void) state;
    assert_int_equal(setenv("storageFolder", "/x", 1), 0);
    assert_string_equal(hub_env("StorageFolder"), "/x");
    assert_int_equal(setenv("storageFolder", "", 1), 0);
    assert_null(hub_env("StorageFolder"));
    assert_null(hub_env("StorageFolde"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings__of_nothing__are_the_defaults),
        cmocka_unit_test(settings__from_both__are_read),
        cmocka_unit_test(plain_port__is_taken_on_loopback_only),
        cmocka_unit_test(settings__with_a_word_for_storage__take_it_as_it_is),
        cmocka_unit_test(settings__that_are_wrong__are_named),
        cmocka_unit_test(words__that_are_unknown__are_named),
        cmocka_unit_test(environment__is_found_whatever_the_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
