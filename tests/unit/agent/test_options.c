#include "tests/unit/test.h"

#include <stdio.h>

#include "agent/spec/options.h"

static struct agent_options *options;
static struct edge_err err;

static int parse(const char *text)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;

    options = agent_options_free(options);
    err = (struct edge_err){0};
    assert_int_equal(edge_json_parse(text, strlen(text), &json, NULL), 0);
    return agent_options_parse(json, &options, &err);
}

static void parse_ok(const char *text)
{
    int rc = parse(text);

    if (rc < 0)
        print_error("%s: %s\n", text, err.text);
    assert_int_equal(rc, 0);
}

/* Refused, and the error holds @p what. */
static void refused(const char *text, const char *what)
{
    int rc = parse(text);

    if (rc >= 0 || !strstr(err.text, what))
        print_error("%s: wanted `%s`, got `%s`\n", text, what, err.text);
    assert_true(rc == EDGE_EINVALID || rc == EDGE_ELIMIT);
    assert_non_null(strstr(err.text, what));
}

static int teardown(void **state)
{
    (void) state;
    options = agent_options_free(options);
    return 0;
}

static void assert_list(char *const *list, const char *joined)
{
    char text[1024] = "";

    for (; list && *list; list++)
        (void) snprintf(text + strlen(text), sizeof text - strlen(text), "%s|", *list);
    assert_string_equal(text, joined);
}

static void test_nothing_said_leaves_the_defaults(void **state)
{
    static const char *const texts[] = {"{}", "{\"HostConfig\":null}", "{\"HostConfig\":{}}",
                                        "{\"Env\":null,\"Cmd\":null}"};

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(texts); i++) {
        parse_ok(texts[i]);
        assert_null(options->env);
        assert_null(options->cmd);
        assert_int_equal(options->net_mode, AGENT_NET_BRIDGE);
        assert_int_equal(options->stop_timeout_s, -1);
        assert_int_equal(options->memory_swappiness, -1);
        assert_string_equal(options->ignored, "");
        assert_string_equal(options->pid_mode, "");
    }
    options = agent_options_free(options);
    assert_int_equal(agent_options_parse(NULL, &options, NULL), 0);
    refused("[]", "createOptions must be an object");
}

static void test_member_names_are_read_in_any_case_and_exact_ones_win(void **state)
{
    (void) state;
    parse_ok("{\"hostname\":\"a\",\"HOSTCONFIG\":{\"privileged\":\"true\",\"CapADD\":[\"X\"]}}");
    assert_string_equal(options->hostname, "a");
    assert_true(options->privileged);
    assert_list(options->cap_add, "X|");
    parse_ok("{\"hostname\":\"wrong\",\"Hostname\":\"right\"}");
    assert_string_equal(options->hostname, "right");
}

static void test_numbers_and_booleans_may_be_texts(void **state)
{
    (void) state;
    parse_ok("{\"Tty\":\"true\",\"OpenStdin\":1,\"StopTimeout\":\"20\",\"HostConfig\":{"
             "\"Privileged\":\"True\",\"Memory\":\"67108864\",\"ReadonlyRootfs\":\"false\","
             "\"NanoCpus\":5e8,\"ShmSize\":\"128m\",\"OomScoreAdj\":\"-500\"}}");
    assert_true(options->tty);
    assert_true(options->privileged);
    assert_false(options->read_only);
    assert_int_equal(options->stop_timeout_s, 20);
    assert_int_equal(options->memory, 67108864);
    assert_int_equal(options->nano_cpus, 500000000);
    assert_int_equal(options->shm_size, 128 << 20);
    assert_int_equal(options->oom_score_adj, -500);
    assert_true(options->oom_score_adj_set);
    refused("{\"HostConfig\":{\"Privileged\":\"maybe\"}}",
            "HostConfig.Privileged: must be true or false");
    refused("{\"HostConfig\":{\"Memory\":\"lots\"}}", "HostConfig.Memory: must be a whole number");
    refused("{\"HostConfig\":{\"Memory\":-5}}", "HostConfig.Memory: may not be negative");
    refused("{\"HostConfig\":[]}", "HostConfig: must be an object, not an array");
}

static void test_what_is_not_acted_on_is_listed_once(void **state)
{
    (void) state;
    parse_ok("{\"Foo\":1,\"Bar\":null,\"Baz\":[],\"AttachStdin\":true,\"HostConfig\":{"
             "\"DeviceRequests\":[{\"Count\":-1}],\"RestartPolicy\":{\"Name\":\"always\"},"
             "\"AutoRemove\":true,\"Links\":[\"a:b\"],\"KernelMemory\":0,\"UsernsMode\":\"host\","
             "\"VolumesFrom\":[\"x\"],\"VolumeDriver\":\"local\"}}");
    assert_string_equal(options->ignored,
                        "HostConfig.DeviceRequests, HostConfig.Links, HostConfig.VolumesFrom, Foo");
}

static void test_the_list_of_ignored_members_is_bounded(void **state)
{
    char text[40000] = "{";

    (void) state;
    for (int i = 0; i < 900; i++)
        (void) snprintf(text + strlen(text), 64, "%s\"Member%d\":1", i ? "," : "", i);
    (void) strcat(text, "}");
    parse_ok(text);
    assert_true(strlen(options->ignored) < 1400);
    assert_non_null(strstr(options->ignored, ", and more"));
}

static void test_env_without_a_value_is_empty_and_needs_a_name(void **state)
{
    (void) state;
    parse_ok("{\"Env\":[\"A=1\",\"B\",null,\"C=x=y\",5]}");
    assert_list(options->env, "A=1|B=|C=x=y|5=|");
    refused("{\"Env\":[\"ok=1\",\"=secret\"]}", "Env[1]: the variable has no name");
    assert_null(strstr(err.text, "secret"));
    refused("{\"Env\":{\"A\":1}}", "Env: must be a list of texts");
    refused("{\"Env\":[[]]}", "Env[0]: must be a text");
}

static void test_the_environment_is_bounded(void **state)
{
    static char text[140000];
    size_t len = (size_t) snprintf(text, sizeof text, "{\"Env\":[\"A=");

    (void) state;
    memset(text + len, 'x', 70000);
    (void) snprintf(text + len + 70000, 10, "\"]}");
    refused(text, "Env[0]: the environment is larger than 65536 bytes");
}

static void test_commands_may_be_lists_or_one_text(void **state)
{
    (void) state;
    parse_ok("{\"Cmd\":\"sleep 1\",\"Entrypoint\":[]}");
    assert_list(options->cmd, "sleep 1|");
    assert_non_null(options->entrypoint);
    assert_list(options->entrypoint, "");
    parse_ok("{\"Cmd\":[\"a\",\"b\"],\"Entrypoint\":[\"\"]}");
    assert_list(options->cmd, "a|b|");
    assert_list(options->entrypoint, "|");
    refused("{\"Cmd\":{}}", "Cmd: must be a list of texts, not an object");
}

static void assert_port(size_t i, const char *ip, unsigned host, unsigned container,
                        const char *protocol)
{
    assert_true(i < options->nports);
    assert_string_equal(options->ports[i].host_ip, ip);
    assert_int_equal(options->ports[i].host, host);
    assert_int_equal(options->ports[i].container, container);
    assert_string_equal(options->ports[i].protocol, protocol);
}

static void test_port_bindings_in_every_form(void **state)
{
    (void) state;
    parse_ok("{\"HostConfig\":{\"PortBindings\":{\"5671/tcp\":[{\"HostPort\":\"5671\"}],"
             "\"80\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":8080},{\"HostIP\":\"::1\"}],"
             "\"53/UDP\":[{\"HostPort\":\"\"}],\"99/sctp\":[{}],\"7/tcp\":null,\"9/tcp\":[],"
             "\"443/tcp\":{\"HostPort\":\"0443\"},\"81/tcp\":[null]}}}");
    assert_int_equal(options->nports, 7);
    assert_port(0, "", 5671, 5671, "tcp");
    assert_port(1, "127.0.0.1", 8080, 80, "tcp");
    assert_port(2, "::1", 0, 80, "tcp");
    assert_port(3, "", 0, 53, "udp");
    assert_port(4, "", 0, 99, "sctp");
    assert_port(5, "", 443, 443, "tcp");
    assert_port(6, "", 0, 81, "tcp");
}

static void test_port_ranges_go_pairwise(void **state)
{
    (void) state;
    parse_ok("{\"HostConfig\":{\"PortBindings\":{\"8000-8002/udp\":[{\"HostPort\":\"9000-9002\"}],"
             "\"100-101\":[{}]}}}");
    assert_int_equal(options->nports, 5);
    assert_port(0, "", 9000, 8000, "udp");
    assert_port(2, "", 9002, 8002, "udp");
    assert_port(3, "", 0, 100, "tcp");
    parse_ok("{\"HostConfig\":{\"PortBindings\":{\"80\":[{\"HostPort\":\"9000-9002\"}]}}}");
    assert_port(0, "", 9000, 80, "tcp");
    assert_string_equal(options->ignored, "HostConfig.PortBindings.80[0].HostPort");
    refused("{\"HostConfig\":{\"PortBindings\":{\"80-82\":[{\"HostPort\":\"1-2\"}]}}}",
            "HostConfig.PortBindings.80-82[0].HostPort: 2 ports of the host for 3");
}

static void test_bad_ports_are_refused_by_name(void **state)
{
    static const char *const bad[] = {"0/tcp",     "65536", "-1",      "a",   "80/icmp",
                                      "90-80/tcp", "",      "80-/tcp", "-80", "1-70000/udp"};
    char text[200];

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        (void) snprintf(text, sizeof text, "{\"HostConfig\":{\"PortBindings\":{\"%s\":[{}]}}}",
                        bad[i]);
        refused(text, "HostConfig.PortBindings.");
    }
    refused("{\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"99999\"}]}}}",
            "HostConfig.PortBindings.80/tcp[0].HostPort: `99999` is not a port");
    refused("{\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"localhost\"}]}}}",
            "HostIp: `localhost` is not an IP address");
    refused("{\"HostConfig\":{\"PortBindings\":{\"80/tcp\":\"80\"}}}",
            "HostConfig.PortBindings.80/tcp: must be an array");
    refused("{\"HostConfig\":{\"PortBindings\":{\"1-2000\":[{}]}}}", "more than 1024 ports");
}

static void test_one_host_port_belongs_to_one_container_port(void **state)
{
    (void) state;
    refused("{\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"8080\"}],"
            "\"81/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8080\"}]}}}",
            "the host's port 8080/tcp is asked for by 80/tcp and by 81/tcp");
    parse_ok("{\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":"
             "\"8080\"},{\"HostIp\":\"::\",\"HostPort\":\"8080\"}],"
             "\"80/udp\":[{\"HostPort\":\"8080\"}]}}}");
    assert_int_equal(options->nports, 2);
    assert_port(0, "", 8080, 80, "tcp");
    assert_port(1, "", 8080, 80, "udp");
}

static void test_publish_all_takes_exposed_ports_that_are_not_bound(void **state)
{
    (void) state;
    parse_ok("{\"ExposedPorts\":{\"80/tcp\":{},\"81/tcp\":{},\"90-91/udp\":{}},\"HostConfig\":{"
             "\"PublishAllPorts\":true,\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"1\"}]}}}");
    assert_int_equal(options->nports, 4);
    assert_port(0, "", 1, 80, "tcp");
    assert_port(1, "", 0, 81, "tcp");
    assert_port(3, "", 0, 91, "udp");
    parse_ok("{\"ExposedPorts\":{\"80/tcp\":{}}}");
    assert_int_equal(options->nports, 0);
    refused("{\"ExposedPorts\":{\"http\":{}}}", "ExposedPorts.http: is not a port");
}

static void assert_mount(size_t i, enum agent_mount_kind kind, const char *source,
                         const char *target, const char *text)
{
    assert_true(i < options->nmounts);
    assert_int_equal(options->mounts[i].kind, kind);
    assert_string_equal(options->mounts[i].source, source);
    assert_string_equal(options->mounts[i].target, target);
    assert_string_equal(options->mounts[i].options, text);
}

static void test_binds_are_paths_or_named_volumes(void **state)
{
    (void) state;
    parse_ok("{\"HostConfig\":{\"Binds\":[\"/srv//data/:/data/\",\"vol_1:/v:ro,nocopy\","
             "\"/dev:/dev2:rw,rslave\",\"/only\",null]}}");
    assert_int_equal(options->nmounts, 3);
    assert_mount(0, AGENT_MOUNT_BIND, "/srv/data", "/data", "");
    assert_true(options->mounts[0].create_source);
    assert_false(options->mounts[0].read_only);
    assert_mount(1, AGENT_MOUNT_VOLUME, "vol_1", "/v", "ro,nocopy");
    assert_true(options->mounts[1].read_only);
    assert_true(options->mounts[1].no_copy);
    assert_mount(2, AGENT_MOUNT_BIND, "/dev", "/dev2", "rw,rslave");
    assert_list(options->volumes, "/only|");
}

static void test_bad_binds_are_refused(void **state)
{
    (void) state;
    refused("{\"HostConfig\":{\"Binds\":[\"./data:/data\"]}}",
            "HostConfig.Binds[0]: `./data` is neither an absolute path nor a volume's name");
    refused("{\"HostConfig\":{\"Binds\":[\"/a:b\"]}}", "`b` is not an absolute path");
    refused("{\"HostConfig\":{\"Binds\":[\"/a:/../b\"]}}", "may not hold `..`");
    refused("{\"HostConfig\":{\"Binds\":[\"/a/../../etc:/b\"]}}", "may not hold `..`");
    refused("{\"HostConfig\":{\"Binds\":[\"/a:/\"]}}", "the target may not be `/`");
    refused("{\"HostConfig\":{\"Binds\":[\"/a:/b:readonly\"]}}",
            "`readonly` is not a mount option");
    refused("{\"HostConfig\":{\"Binds\":[\"/a:/b:ro:x\"]}}", "`ro:x` is not a mount option");
    refused("{\"HostConfig\":{\"Binds\":[\":/b\"]}}", "neither an absolute path");
    refused("{\"HostConfig\":{\"Binds\":[\"data\"]}}", "is not an absolute path");
    refused("{\"HostConfig\":{\"Binds\":[7]}}", "is not an absolute path");
    refused("{\"HostConfig\":{\"Binds\":{}}}", "HostConfig.Binds: must be an array");
}

static void test_mounts_of_every_type(void **state)
{
    (void) state;
    parse_ok("{\"HostConfig\":{\"Mounts\":["
             "{\"Type\":\"bind\",\"Source\":\"/a\",\"Target\":\"/x\",\"ReadOnly\":true,"
             "\"BindOptions\":{\"Propagation\":\"rshared\"}},"
             "{\"Type\":\"volume\",\"Source\":\"v\",\"Target\":\"/"
             "y\",\"VolumeOptions\":{\"NoCopy\":true,"
             "\"DriverConfig\":{\"Name\":\"nfs\"}}},"
             "{\"type\":\"VOLUME\",\"target\":\"/anon\"},"
             "{\"Type\":\"tmpfs\",\"Target\":\"/t\",\"TmpfsOptions\":{\"SizeBytes\":1048576,"
             "\"Mode\":1023}}]}}");
    assert_mount(0, AGENT_MOUNT_BIND, "/a", "/x", "rshared");
    assert_true(options->mounts[0].read_only);
    assert_false(options->mounts[0].create_source);
    assert_mount(1, AGENT_MOUNT_VOLUME, "v", "/y", "");
    assert_true(options->mounts[1].no_copy);
    assert_mount(2, AGENT_MOUNT_VOLUME, "", "/anon", "");
    assert_mount(3, AGENT_MOUNT_TMPFS, "", "/t", "size=1048576,mode=1777");
    assert_string_equal(options->ignored, "HostConfig.Mounts[1].VolumeOptions.DriverConfig.Name");
}

static void test_bad_mounts_are_refused(void **state)
{
    (void) state;
    refused("{\"HostConfig\":{\"Mounts\":[{\"Type\":\"npipe\",\"Target\":\"/x\"}]}}",
            "HostConfig.Mounts[0]: Type must be");
    refused("{\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/a\"}]}}",
            "Target is missing");
    refused("{\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Target\":\"/a\"}]}}",
            "Source is missing");
    refused(
        "{\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"a\",\"Target\":\"/a\"}]}}",
        "`a` is not an absolute path");
    refused("{\"HostConfig\":{\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"../a\",\"Target\":"
            "\"/a\"}]}}",
            "Source: `../a` is not a volume's name");
    refused("{\"HostConfig\":{\"Mounts\":[{\"Type\":\"tmpfs\",\"Target\":\"/a\",\"TmpfsOptions\":{"
            "\"Mode\":99999}}]}}",
            "is not a file mode");
    refused("{\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/a\",\"Target\":\"/a\","
            "\"BindOptions\":{\"Propagation\":\"often\"}}]}}",
            "BindOptions.Propagation: `often`");
    refused("{\"HostConfig\":{\"Mounts\":[7]}}", "HostConfig.Mounts[0]: must be an object");
}

static void test_two_mounts_on_one_target_are_refused_naming_both(void **state)
{
    (void) state;
    refused("{\"HostConfig\":{\"Binds\":[\"/a:/x\",\"vol:/x/\"]}}",
            "two mounts on /x: bind /a and volume vol");
    refused("{\"HostConfig\":{\"Binds\":[\"/a:/x\"],\"Tmpfs\":{\"/x\":\"\"}}}",
            "two mounts on /x: bind /a and tmpfs");
}

static void test_a_declared_volume_gives_way_to_a_mount(void **state)
{
    (void) state;
    parse_ok(
        "{\"Volumes\":{\"/x\":{},\"/y/\":{},\"/y\":{}},\"HostConfig\":{\"Binds\":[\"/a:/x\"]}}");
    assert_list(options->volumes, "/y|");
    parse_ok("{\"HostConfig\":{\"Tmpfs\":{\"/run\":\"rw,size=64m\",\"/t\":null}}}");
    assert_mount(0, AGENT_MOUNT_TMPFS, "", "/run", "rw,size=64m");
    assert_mount(1, AGENT_MOUNT_TMPFS, "", "/t", "");
}

static void assert_net(const char *text, enum agent_net_mode mode)
{
    parse_ok(text);
    assert_int_equal(options->net_mode, mode);
}

static void test_network_modes_as_iot_edge_users_write_them(void **state)
{
    (void) state;
    assert_net("{\"HostConfig\":{\"NetworkMode\":\"host\"}}", AGENT_NET_HOST);
    assert_net("{\"NetworkingConfig\":{\"EndpointsConfig\":{\"host\":{}}},"
               "\"HostConfig\":{\"NetworkMode\":\"host\"}}",
               AGENT_NET_HOST);
    assert_net("{\"NetworkingConfig\":{\"EndpointsConfig\":{\"host\":{}}}}", AGENT_NET_HOST);
    assert_net("{\"NetworkingConfig\":{\"EndpointsConfig\":{}}}", AGENT_NET_NONE);
    assert_net("{\"NetworkingConfig\":{\"EndpointsConfig\":null}}", AGENT_NET_BRIDGE);
    assert_net("{\"NetworkingConfig\":{\"EndpointsConfig\":{\"none\":null}}}", AGENT_NET_NONE);
    assert_net("{\"NetworkingConfig\":{\"EndpointsConfig\":{}},"
               "\"HostConfig\":{\"NetworkMode\":\"bridge\"}}",
               AGENT_NET_BRIDGE);
    assert_net("{\"HostConfig\":{\"NetworkMode\":\"default\"}}", AGENT_NET_BRIDGE);
    assert_net("{\"HostConfig\":{\"NetworkMode\":\"none\"}}", AGENT_NET_NONE);
    assert_net("{\"NetworkDisabled\":true}", AGENT_NET_NONE);
    assert_net("{\"HostConfig\":{\"NetworkMode\":\"container:cam\"}}", AGENT_NET_CONTAINER);
    assert_string_equal(options->net_container, "cam");
    assert_net("{\"HostConfig\":{\"NetworkMode\":\"mine\"}}", AGENT_NET_BRIDGE);
    assert_string_equal(options->ignored, "HostConfig.NetworkMode");
    assert_net(
        "{\"NetworkingConfig\":{\"EndpointsConfig\":{\"azure-iot-edge\":{\"Aliases\":[\"a\","
        "\"b\"],\"IPAMConfig\":{\"IPv4Address\":\"1.2.3.4\"}},\"x\":{\"Aliases\":[\"a\"]}}}}",
        AGENT_NET_BRIDGE);
    assert_list(options->aliases, "a|b|");
    assert_string_equal(options->ignored,
                        "NetworkingConfig.EndpointsConfig.azure-iot-edge.IPAMConfig");
    refused("{\"HostConfig\":{\"NetworkMode\":\"container:\"}}", "lacks the module's name");
}

static void test_ports_need_a_network_of_their_own(void **state)
{
    (void) state;
    parse_ok("{\"HostConfig\":{\"NetworkMode\":\"host\",\"PortBindings\":{\"80\":[{}]}}}");
    assert_int_equal(options->nports, 0);
    refused("{\"HostConfig\":{\"NetworkMode\":\"container:cam\",\"PortBindings\":{\"80\":[{}]}}}",
            "cannot publish ports");
}

static void test_names_and_addresses(void **state)
{
    (void) state;
    parse_ok("{\"MacAddress\":\"02-42-ac-11-00-02\",\"HostConfig\":{\"ExtraHosts\":["
             "\"db:10.0.0.1\",\"gw=host-gateway\",\"six:fe80::1\"],\"Dns\":[\"8.8.8.8\",\"::1\"],"
             "\"DnsSearch\":[\"example.com\"],\"DnsOptions\":[\"ndots:2\"]}}");
    assert_string_equal(options->mac_address, "02:42:ac:11:00:02");
    assert_list(options->extra_hosts, "db:10.0.0.1|gw:host-gateway|six:fe80::1|");
    assert_list(options->dns, "8.8.8.8|::1|");
    refused("{\"HostConfig\":{\"Dns\":[\"dns.example\"]}}", "HostConfig.Dns[0]: `dns.example`");
    refused("{\"HostConfig\":{\"DnsSearch\":[\"a\\nnameserver 6.6.6.6\"]}}", "DnsSearch[0]");
    refused("{\"HostConfig\":{\"ExtraHosts\":[\"db\"]}}", "`db` is not NAME:ADDRESS");
    refused("{\"HostConfig\":{\"ExtraHosts\":[\"db:x\"]}}", "`x` is not an IP address");
    refused("{\"MacAddress\":\"02:42\"}", "is not a MAC address");
    refused("{\"Hostname\":\"a b\"}", "Hostname: may not hold blanks");
    refused("{\"Hostname\":\"a/b\"}", "is not a host name");
}

static void test_log_config_in_docker_words(void **state)
{
    (void) state;
    parse_ok(
        "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-size\":\"4m\","
        "\"max-file\":\"7\",\"compress\":\"true\",\"tag\":\"x\"}}}}");
    assert_string_equal(options->log_type, "json-file");
    assert_int_equal(options->log_max_size, 4 << 20);
    assert_int_equal(options->log_max_file, 7);
    assert_true(options->log_compress);
    assert_string_equal(options->ignored, "HostConfig.LogConfig.Config.tag");
    parse_ok("{\"HostConfig\":{\"LogConfig\":{\"Type\":\"journald\",\"Config\":null}}}");
    assert_string_equal(options->ignored, "HostConfig.LogConfig.Type");
    parse_ok("{\"HostConfig\":{\"LogConfig\":{\"Type\":\"\",\"Config\":{\"max-size\":10000}}}}");
    assert_null(options->log_type);
    assert_int_equal(options->log_max_size, 10000);
    parse_ok("{\"HostConfig\":{\"LogConfig\":{\"Config\":{\"max-size\":\"1.5KiB\"}}}}");
    assert_int_equal(options->log_max_size, 1536);
    refused("{\"HostConfig\":{\"LogConfig\":{\"Config\":{\"max-size\":\"huge\"}}}}",
            "HostConfig.LogConfig.Config.max-size: `huge` is not a size");
    refused("{\"HostConfig\":{\"LogConfig\":{\"Config\":{\"max-file\":\"0\"}}}}", "1 or more");
}

static void test_health_check_durations_are_nanoseconds(void **state)
{
    (void) state;
    parse_ok("{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"exit 0\"],\"Interval\":30000000000,"
             "\"Timeout\":1e9,\"StartPeriod\":\"5s\",\"Retries\":\"3\"}}");
    assert_list(options->health.test, "CMD-SHELL|exit 0|");
    assert_int_equal(options->health.interval_ms, 30000);
    assert_int_equal(options->health.timeout_ms, 1000);
    assert_int_equal(options->health.start_ms, 5000);
    assert_int_equal(options->health.retries, 3);
    parse_ok("{\"Healthcheck\":{\"Test\":\"exit 0\"}}");
    assert_list(options->health.test, "CMD-SHELL|exit 0|");
    refused("{\"Healthcheck\":{\"Test\":[\"curl\"]}}", "Healthcheck.Test: must begin with");
    refused("{\"Healthcheck\":{\"Test\":[\"CMD\"]}}", "holds no command");
    refused("{\"Healthcheck\":{\"Interval\":30}}", "less than a millisecond");
    refused("{\"Healthcheck\":{\"Interval\":-1}}", "may not be negative");
}

static void test_devices_limits_and_settings(void **state)
{
    (void) state;
    parse_ok(
        "{\"HostConfig\":{\"Devices\":[{\"PathOnHost\":\"/dev/ttyS0\",\"PathInContainer\":"
        "\"/dev/tty0\",\"CgroupPermissions\":\"rw\"},{\"PathOnHost\":\"/dev/i2c-1\"}],"
        "\"DeviceCgroupRules\":[\"c 10:* rwm\"],\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":1024,"
        "\"Hard\":\"2048\"},{\"Name\":\"core\",\"Hard\":-1}],"
        "\"Sysctls\":{\"net.core.somaxconn\":1024}}}");
    assert_int_equal(options->ndevices, 2);
    assert_string_equal(options->devices[0].container, "/dev/tty0");
    assert_string_equal(options->devices[0].access, "rw");
    assert_string_equal(options->devices[1].container, "/dev/i2c-1");
    assert_string_equal(options->devices[1].access, "rwm");
    assert_int_equal(options->ulimits[0].soft, 1024);
    assert_int_equal(options->ulimits[0].hard, 2048);
    assert_true(options->ulimits[1].soft == UINT64_MAX);
    assert_string_equal(options->sysctls[0].value, "1024");
    refused("{\"HostConfig\":{\"Devices\":[{}]}}", "HostConfig.Devices[0]: PathOnHost is missing");
    refused(
        "{\"HostConfig\":{\"Devices\":[{\"PathOnHost\":\"/dev/a\",\"CgroupPermissions\":\"x\"}]}}",
        "must be letters of `rwm`");
    refused("{\"HostConfig\":{\"DeviceCgroupRules\":[\"c 1 rwm\"]}}", "is not a rule");
    refused("{\"HostConfig\":{\"Ulimits\":[{\"Name\":\"files\",\"Soft\":1}]}}", "`files`");
    refused("{\"HostConfig\":{\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":-1,\"Hard\":5}]}}",
            "Soft is larger than Hard");
    refused("{\"HostConfig\":{\"Sysctls\":{\"net/../kernel\":1}}}", "is not the name");
}

static void test_resources_that_contradict_each_other_are_refused(void **state)
{
    (void) state;
    refused("{\"HostConfig\":{\"Memory\":1048576}}", "less than 6 MiB");
    refused("{\"HostConfig\":{\"MemorySwap\":10485760}}", "of no use without");
    refused("{\"HostConfig\":{\"Memory\":20971520,\"MemorySwap\":10485760}}", "MemorySwap");
    refused("{\"HostConfig\":{\"NanoCpus\":1000000000,\"CpuQuota\":5000}}", "NanoCpus: excludes");
    refused("{\"HostConfig\":{\"CpuPeriod\":5}}", "CpuPeriod");
    refused("{\"HostConfig\":{\"CpusetCpus\":\"a\"}}", "CpusetCpus");
    refused("{\"HostConfig\":{\"MemorySwappiness\":101}}", "between -1 and 100");
    refused("{\"HostConfig\":{\"BlkioWeight\":5}}", "between 10 and 1000");
    refused("{\"HostConfig\":{\"PidMode\":\"mine\"}}", "`mine` is no such mode");
    parse_ok("{\"HostConfig\":{\"Memory\":\"64m\",\"MemorySwap\":-1,\"PidsLimit\":-1}}");
    assert_int_equal(options->memory, 64 << 20);
    assert_int_equal(options->memory_swap, -1);
    assert_int_equal(options->pids_limit, 0);
}

static void test_labels_are_bounded_with_their_names(void **state)
{
    char text[5000];
    char value[4097];

    (void) state;
    parse_ok("{\"Labels\":{\"a\":\"1\",\"b\":null,\"c\":true}}");
    assert_int_equal(options->nlabels, 3);
    assert_string_equal(options->labels[1].value, "");
    assert_string_equal(options->labels[2].value, "true");
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    (void) snprintf(text, sizeof text, "{\"Labels\":{\"k\":\"%s\"}}", value);
    refused(text, "Labels.k: name and value are longer than 4096 bytes");
    refused("{\"Labels\":{\"\":\"x\"}}", "a label has no name");
}

static void test_too_many_of_anything_is_refused(void **state)
{
    static char text[20000] = "{\"HostConfig\":{\"CapAdd\":[";

    (void) state;
    for (int i = 0; i < 1025; i++)
        (void) strcat(text, i ? ",\"A\"" : "\"A\"");
    (void) strcat(text, "]}}");
    refused(text, "HostConfig.CapAdd: holds 1025 entries, more than 1024");
}

static void test_stopping(void **state)
{
    (void) state;
    parse_ok("{\"StopSignal\":\"SIGINT\",\"StopTimeout\":-1}");
    assert_string_equal(options->stop_signal, "SIGINT");
    assert_int_equal(options->stop_timeout_s, 86400);
    parse_ok("{\"StopSignal\":\"\",\"StopTimeout\":0}");
    assert_null(options->stop_signal);
    assert_int_equal(options->stop_timeout_s, 0);
    refused("{\"StopSignal\":\"SIGWHAT\"}", "StopSignal: `SIGWHAT` is not a signal");
}

static void test_the_image_fills_what_is_not_said(void **state)
{
    static const char image[] =
        "{\"Volumes\":{\"/data\":{},\"/x\":{}},\"ExposedPorts\":{\"80/tcp\":{},\"81/tcp\":{}},"
        "\"StopSignal\":\"SIGQUIT\",\"Env\":[\"A=1\"],"
        "\"Healthcheck\":{\"Test\":[\"CMD\",\"/check\"],\"Interval\":1000000000,\"Retries\":7}}";
    EDGE_CLEANUP(edge_json_free) struct edge_json *config = NULL;

    (void) state;
    assert_int_equal(edge_json_parse(image, strlen(image), &config, NULL), 0);
    parse_ok("{\"Healthcheck\":{\"Retries\":2},\"HostConfig\":{\"Binds\":[\"/a:/x\"],"
             "\"PublishAllPorts\":true,\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"8\"}]}}}");
    assert_int_equal(agent_options_inherit(options, config, &err), 0);
    assert_int_equal(agent_options_inherit(options, config, &err), 0);
    assert_list(options->volumes, "/data|");
    assert_string_equal(options->stop_signal, "SIGQUIT");
    assert_list(options->health.test, "CMD|/check|");
    assert_int_equal(options->health.interval_ms, 1000);
    assert_int_equal(options->health.retries, 2);
    assert_int_equal(options->nports, 2);
    assert_port(1, "", 0, 81, "tcp");
    assert_string_equal(options->ignored, "");
    assert_int_equal(agent_options_inherit(options, NULL, &err), 0);
}

static void test_a_bad_image_is_named(void **state)
{
    static const char image[] = "{\"Volumes\":{\"data\":{}}}";
    EDGE_CLEANUP(edge_json_free) struct edge_json *config = NULL;

    (void) state;
    assert_int_equal(edge_json_parse(image, strlen(image), &config, NULL), 0);
    parse_ok("{}");
    assert_int_equal(agent_options_inherit(options, config, &err), EDGE_EINVALID);
    assert_non_null(strstr(err.text, "image.Volumes.data"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_said_leaves_the_defaults),
        cmocka_unit_test(test_member_names_are_read_in_any_case_and_exact_ones_win),
        cmocka_unit_test(test_numbers_and_booleans_may_be_texts),
        cmocka_unit_test(test_what_is_not_acted_on_is_listed_once),
        cmocka_unit_test(test_the_list_of_ignored_members_is_bounded),
        cmocka_unit_test(test_env_without_a_value_is_empty_and_needs_a_name),
        cmocka_unit_test(test_the_environment_is_bounded),
        cmocka_unit_test(test_commands_may_be_lists_or_one_text),
        cmocka_unit_test(test_port_bindings_in_every_form),
        cmocka_unit_test(test_port_ranges_go_pairwise),
        cmocka_unit_test(test_bad_ports_are_refused_by_name),
        cmocka_unit_test(test_one_host_port_belongs_to_one_container_port),
        cmocka_unit_test(test_publish_all_takes_exposed_ports_that_are_not_bound),
        cmocka_unit_test(test_binds_are_paths_or_named_volumes),
        cmocka_unit_test(test_bad_binds_are_refused),
        cmocka_unit_test(test_mounts_of_every_type),
        cmocka_unit_test(test_bad_mounts_are_refused),
        cmocka_unit_test(test_two_mounts_on_one_target_are_refused_naming_both),
        cmocka_unit_test(test_a_declared_volume_gives_way_to_a_mount),
        cmocka_unit_test(test_network_modes_as_iot_edge_users_write_them),
        cmocka_unit_test(test_ports_need_a_network_of_their_own),
        cmocka_unit_test(test_names_and_addresses),
        cmocka_unit_test(test_log_config_in_docker_words),
        cmocka_unit_test(test_health_check_durations_are_nanoseconds),
        cmocka_unit_test(test_devices_limits_and_settings),
        cmocka_unit_test(test_resources_that_contradict_each_other_are_refused),
        cmocka_unit_test(test_labels_are_bounded_with_their_names),
        cmocka_unit_test(test_too_many_of_anything_is_refused),
        cmocka_unit_test(test_stopping),
        cmocka_unit_test(test_the_image_fills_what_is_not_said),
        cmocka_unit_test(test_a_bad_image_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
