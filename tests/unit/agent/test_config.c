#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config/config.h"
#include "common/base/bytes.h"
#include "common/base/file.h"

static char folder[] = "/tmp/test-config-XXXXXX";
static char path[64];
static char warnings[16384];

static int make_folder(void **state)
{
    (void) state;
    if (!mkdtemp(folder))
        return -1;
    (void) snprintf(path, sizeof path, "%s/c.yaml", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void) state;
    return edge_remove_tree(folder, NULL);
}

static void note(const char *text, void *arg)
{
    (void) arg;
    (void) snprintf(warnings + strlen(warnings), sizeof warnings - strlen(warnings), "%s\n",
                    text + strlen(folder) + 1);
}

static int load(const char *text, struct agent_config **ret, struct edge_err *err)
{
    warnings[0] = '\0';
    assert_int_equal(edge_file_write(path, text, strlen(text), 0600, NULL), 0);
    return agent_config_load(path, note, NULL, ret, err);
}

/* The text is refused, with this error behind the path. */
static void refuses(const char *text, int code, const char *error)
{
    struct agent_config *config = NULL;
    struct edge_err err = {0};

    assert_int_equal(load(text, &config, &err), code);
    assert_null(config);
    assert_string_equal(err.text + strlen(folder) + 1, error);
}

static void warns(const char *text, const char *expected)
{
    EDGE_CLEANUP(agent_config_free) struct agent_config *config = NULL;
    struct edge_err err = {0};
    int rc = load(text, &config, &err);

    assert_string_equal(err.text, "");
    assert_int_equal(rc, 0);
    assert_string_equal(warnings, expected);
}

static void test_a_missing_file_is_no_silent_default(void **state)
{
    struct agent_config *config = NULL;
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(agent_config_load("/nowhere/x.yaml", NULL, NULL, &config, &err), -ENOENT);
    assert_null(config);
    assert_string_equal(err.text, "there is no configuration file /nowhere/x.yaml");
}

static void test_absent_keys_have_their_defaults(void **state)
{
    static const char *const texts[] = {"", "# nothing\n", "{}", "homedir:\nnetwork: ~\n",
                                        "---\n...\n"};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(texts); i++) {
        EDGE_CLEANUP(agent_config_free) struct agent_config *c = NULL;
        struct edge_err err = {0};

        assert_int_equal(load(texts[i], &c, &err), 0);
        assert_string_equal(warnings, "");
        assert_string_equal(c->homedir, "/var/lib/edge");
        assert_string_equal(c->rundir, "/run/edge");
        assert_string_equal(c->provisioning.source, "file");
        assert_string_equal(c->provisioning.deployment, "/etc/edge/deployment.json");
        assert_string_equal(c->containerd.uri, "unix:///run/containerd/containerd.sock");
        assert_string_equal(c->containerd.ns, "edge");
        assert_string_equal(c->network.name, "azure-iot-edge");
        assert_string_equal(c->network.subnet, "172.30.0.0/16");
        assert_non_null(c->network.cni_bin);
        assert_true(strlen(c->hostname) > 0);
        assert_int_equal(c->nregistries, 0);
        assert_string_equal(c->listen.management_uri, "unix:///run/edge/mgmt.sock");
        assert_int_equal(c->agent.max_restart_count, 0);
        assert_int_equal(c->agent.cool_off_unit_s, 10);
        assert_int_equal(c->agent.intensive_care_minutes, 10);
        assert_string_equal(c->agent.log_level, "info");
    }
}

static void test_every_key_is_read(void **state)
{
    EDGE_CLEANUP(agent_config_free) struct agent_config *c = NULL;
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(load("hostname: gw-1.example.org\n"
                          "homedir: /data/edge/\n"
                          "rundir: '/run/e2'\n"
                          "provisioning:\n  source: file\n  deployment: /etc/d.json\n"
                          "containerd: {uri: /run/c.sock, namespace: edge-2}\n"
                          "network: {name: br0, subnet: \"10.1.0.0/24\", cni_bin: /opt/x}\n"
                          "registries:\n"
                          "  127.0.0.1:5000: {plain_http: true}\n"
                          "  cr.example.org:\n    username: joe\n    password: \"12 34\"\n"
                          "    ca: /etc/ca.pem\n    mirror: m.local:5000/hub\n    plain_http: no\n"
                          "  docker.io:\n"
                          "agent:\n  env:\n    MaxRestartCount: \"20\"\n"
                          "    CoolOffTimeUnitInSeconds: 0\n    intensivecaretimeinminutes: 5\n"
                          "    RuntimeLogLevel: Debug\n    UpstreamProtocol: Mqtt\n    Other: {}\n",
                          &c, &err),
                     0);
    assert_string_equal(warnings, "");
    assert_string_equal(c->hostname, "gw-1.example.org");
    assert_string_equal(c->homedir, "/data/edge");
    assert_string_equal(c->provisioning.deployment, "/etc/d.json");
    assert_string_equal(c->containerd.uri, "/run/c.sock");
    assert_string_equal(c->containerd.ns, "edge-2");
    assert_string_equal(c->network.name, "br0");
    assert_string_equal(c->network.subnet, "10.1.0.0/24");
    assert_string_equal(c->network.cni_bin, "/opt/x");
    assert_string_equal(c->listen.management_uri, "unix:///run/e2/mgmt.sock");
    assert_int_equal(c->agent.max_restart_count, 20);
    assert_int_equal(c->agent.cool_off_unit_s, 0);
    assert_int_equal(c->agent.intensive_care_minutes, 5);
    assert_string_equal(c->agent.log_level, "Debug");
    assert_int_equal(c->nregistries, 3);
    assert_string_equal(c->registries[0].host, "127.0.0.1:5000");
    assert_true(c->registries[0].plain_http);
    assert_null(c->registries[0].username);
    assert_string_equal(c->registries[1].username, "joe");
    assert_string_equal(c->registries[1].password, "12 34");
    assert_string_equal(c->registries[1].ca, "/etc/ca.pem");
    assert_string_equal(c->registries[1].mirror, "m.local:5000/hub");
    assert_false(c->registries[1].plain_http);
    assert_string_equal(c->registries[2].host, "docker.io");
}

static void test_an_unknown_key_is_a_warning_that_helps(void **state)
{
    (void) state;

    warns("hostnam: x\nzzzzzz: 1\n", "c.yaml:1:1: unknown key `hostnam` ignored (did you mean "
                                     "`hostname`?)\nc.yaml:2:1: unknown key `zzzzzz` ignored\n");
    warns("network:\n  subent: x\n  a.b: 1\n",
          "c.yaml:2:3: unknown key `network.subent` ignored (did you mean `network.subnet`?)\n"
          "c.yaml:3:3: unknown key `network.a.b` ignored\n");
    warns("registries: {h: {plainhttp: true}}",
          "c.yaml:1:18: unknown key `registries.h.plainhttp` ignored (did you mean "
          "`plain_http`?)\n");
    warns("agent: {evn: {}}", "c.yaml:1:9: unknown key `agent.evn` ignored (did you mean "
                              "`agent.env`?)\n");
    warns("\"a\\nb\": 1\n", "c.yaml:1:1: unknown key `a b` ignored\n");
}

static void test_keys_of_iot_edge_without_effect_are_told_apart(void **state)
{
    (void) state;

    warns("agent:\n  name: edgeAgent\n  type: docker\n  env: {}\n  config: {image: x, auth: {}}\n"
          "connect: {management_uri: x}\nmoby_runtime: {uri: x}\ncertificates:\n"
          "listen:\n  workload_uri: x\nwatchdog: {max_retries: infinite}\n",
          "c.yaml:2:3: the key `agent.name` is not used by this version\n"
          "c.yaml:3:3: the key `agent.type` is not used by this version\n"
          "c.yaml:5:3: the key `agent.config` is not used by this version\n"
          "c.yaml:6:1: the key `connect` is not used by this version\n"
          "c.yaml:7:1: the key `moby_runtime` is not used by this version\n"
          "c.yaml:10:3: the key `listen.workload_uri` is not used by this version\n"
          "c.yaml:11:12: the key `watchdog.max_retries` is not used by this version\n");
    warns("listen: {management_uri: 'fd://iotedge.mgmt.socket'}\n",
          "c.yaml:1:26: `listen.management_uri` is not taken from `fd://iotedge.mgmt.socket`: the "
          "default is used\n");
    warns("agent: {env: {UpstreamProtocol: AmqpWs}}",
          "c.yaml:1:1: `agent.env.UpstreamProtocol: AmqpWs`: the agent itself speaks MqttWs "
          "instead\n");
}

static void test_warnings_come_to_an_end(void **state)
{
    EDGE_CLEANUP(agent_config_free) struct agent_config *config = NULL;
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(1 << 20);
    size_t lines = 0;
    (void) state;

    for (int i = 0; i < 2000; i++)
        edge_buf_printf(&text, "unknown%d: 1\n", i);
    assert_int_equal(load(text.data, &config, NULL), 0);
    for (const char *c = warnings; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 51);
    assert_non_null(strstr(warnings, "more warnings are not shown"));
}

static void test_a_wrong_value_is_an_error_with_its_place(void **state)
{
    (void) state;

    refuses("homedir: [a]\n", EDGE_EINVALID, "c.yaml:1:10: `homedir` must be a text");
    refuses("homedir: lib\n", EDGE_EINVALID,
            "c.yaml:1:10: `homedir` is `lib` but must be an absolute path");
    refuses("\nnetwork: 5\n", EDGE_EINVALID, "c.yaml:2:10: `network` must be a group of keys");
    refuses("[1]", EDGE_EINVALID, "c.yaml:1:1: `this file` must be a group of keys");
    refuses("provisioning: {source: cloud}", EDGE_EINVALID,
            "c.yaml:1:24: `provisioning.source` is `cloud` but must be file, manual or dps");
    refuses("containerd: {uri: http://x}", EDGE_EINVALID,
            "c.yaml:1:19: `containerd.uri` is `http://x` but must be unix:///path or an absolute "
            "path of a socket");
    refuses("containerd: {namespace: a..b}", EDGE_EINVALID,
            "c.yaml:1:25: `containerd.namespace` is `a..b` but must be letters and digits with "
            "single `-`, `_` or dots between, at most 76 long");
    refuses("network: {subnet: ''}", EDGE_EINVALID,
            "c.yaml:1:19: `network.subnet` is `` but must be an IPv4 network such as "
            "172.30.0.0/16");
    refuses("network: {subnet: 172.30.0.0}", EDGE_EINVALID,
            "c.yaml:1:19: `network.subnet` is `172.30.0.0` but must be an IPv4 network such as "
            "172.30.0.0/16");
    refuses("network: {subnet: 172.30.0/16}", EDGE_EINVALID,
            "c.yaml:1:19: `network.subnet` is `172.30.0/16` but must be an IPv4 network such as "
            "172.30.0.0/16");
    refuses("network: {subnet: 172.30.0.0/33}", EDGE_EINVALID,
            "c.yaml:1:19: `network.subnet` is `172.30.0.0/33` but must be an IPv4 network such as "
            "172.30.0.0/16");
    refuses("agent: {env: {RuntimeLogLevel: loud}}", EDGE_EINVALID,
            "c.yaml:1:32: `agent.env.RuntimeLogLevel` is `loud` but must be error, warning, info "
            "or debug");
    refuses("registries: {h: {plain_http: maybe}}", EDGE_EINVALID,
            "c.yaml:1:30: `registries.h.plain_http` must be true or false");
    refuses("registries: {h: {username: joe}}", EDGE_EINVALID,
            "c.yaml:1:14: `registries.h` needs both `username` and `password`, or neither");
    refuses("registries: {h: {mirror: 'https://m'}}", EDGE_EINVALID,
            "c.yaml:1:26: `registries.h.mirror` is `https://m` but must be host:port or "
            "host:port/prefix, without https://");
    refuses("registries: {'a b': {}}", EDGE_EINVALID,
            "c.yaml:1:14: a key of `registries` is `a b` but must be a registry's host, "
            "host:port");
    refuses("registries: [a]", EDGE_EINVALID,
            "c.yaml:1:13: `registries` must be a group of keys, one for each registry host");
}

static const char *text_or(const char *text)
{
    return text ? text : "(none)";
}

/* What IoT Edge 1.0 and 1.1 install, filled in as their documentation says. */
static void test_files_of_iot_edge_work_unchanged(void **state)
{
    static const struct {
        const char *name;
        const char *source;
        const char *id;
    } files[] = {
        {"manual-1.0.yaml", "manual", "(none)"},   {"manual-x509-1.1.yaml", "manual", "my-device"},
        {"dps-symmetric-1.1.yaml", "dps", "gw-7"}, {"dps-x509-1.1.yaml", "dps", "(none)"},
        {"manual-1.1.yaml", "manual", "(none)"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(files); i++) {
        EDGE_CLEANUP(agent_config_free) struct agent_config *c = NULL;
        EDGE_CLEANUP(edge_free)
        char *file = edge_format(TEST_DATA "/config/%s", files[i].name);
        struct edge_err err = {0};
        int rc = agent_config_load(file, NULL, NULL, &c, &err);

        assert_string_equal(err.text, "");
        assert_int_equal(rc, 0);
        assert_string_equal(c->provisioning.source, files[i].source);
        assert_string_equal(text_or(i == 1 ? c->provisioning.authentication.device_id
                                           : c->provisioning.attestation.registration_id),
                            files[i].id);
        assert_string_equal(c->listen.management_uri, "unix:///run/edge/mgmt.sock");
        assert_string_equal(c->homedir, "/var/lib/iotedge");
    }
}

static void test_provisioning_is_read(void **state)
{
    EDGE_CLEANUP(agent_config_free) struct agent_config *c = NULL;
    EDGE_CLEANUP(agent_config_free) struct agent_config *x = NULL;
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(agent_config_load(TEST_DATA "/config/manual-1.0.yaml", note, NULL, &c, &err),
                     0);
    assert_string_equal(c->provisioning.connection_string,
                        "HostName=hub.azure-devices.net;DeviceId=edge-1;SharedAccessKey=MDEy");
    assert_string_equal(c->certificates.device_ca_cert, "/var/secrets/ca.pem");
    assert_string_equal(c->certificates.device_ca_pk, "/var/secrets/ca.key.pem");
    assert_string_equal(c->certificates.trusted_ca_certs, "/var/secrets/root.pem");
    assert_true(c->provisioning.always_reprovision);
    assert_false(c->provisioning.dynamic);
    assert_true(c->watchdog.agent);
    assert_int_equal(c->certificates.lifetime_days, 90);

    assert_int_equal(load("provisioning:\n  source: dps\n  scope_id: 0ne1\n"
                          "  global_endpoint: https://127.0.0.1:444\n"
                          "  attestation: {method: X509, identity_cert: 'file:///c.pem', "
                          "identity_pk: 'pkcs11:object=k'}\n"
                          "  always_reprovision_on_startup: false\n"
                          "  dynamic_reprovisioning: true\n"
                          "cloud: {trusted_ca: /ca.pem}\n"
                          "keys: {pkcs11: 'pkcs11:token=t', token_files: /var/lib/softhsm}\n"
                          "certificates: {auto_generated_ca_lifetime_days: 7}\n"
                          "watchdog: {agent: no}\n"
                          "listen: {identity_uri: 'unix:///run/i.sock'}\n"
                          "agent: {env: {UpstreamProtocol: MqttWs, HTTPS_PROXY: 'http://p:3128', "
                          "no_proxy: localhost}}\n",
                          &x, &err),
                     0);
    assert_string_equal(warnings, "");
    assert_string_equal(x->provisioning.attestation.method, "x509");
    assert_string_equal(x->provisioning.attestation.identity_cert, "/c.pem");
    assert_string_equal(x->provisioning.attestation.identity_pk, "pkcs11:object=k");
    assert_string_equal(x->provisioning.global_endpoint, "https://127.0.0.1:444");
    assert_false(x->provisioning.always_reprovision);
    assert_true(x->provisioning.dynamic);
    assert_string_equal(x->cloud.trusted_ca, "/ca.pem");
    assert_string_equal(x->keys.pkcs11, "pkcs11:token=t");
    assert_string_equal(x->keys.token_files, "/var/lib/softhsm");
    assert_int_equal(x->certificates.lifetime_days, 7);
    assert_false(x->watchdog.agent);
    assert_string_equal(x->listen.identity_uri, "unix:///run/i.sock");
    assert_true(x->agent.upstream_websocket);
    assert_string_equal(x->agent.https_proxy, "http://p:3128");
    assert_string_equal(x->agent.no_proxy, "localhost");
}

static void test_provisioning_that_cannot_work_is_refused(void **state)
{
    (void) state;

    refuses("provisioning: {source: manual}", EDGE_EINVALID,
            "c.yaml: `provisioning.source: manual` needs `provisioning.device_connection_string`");
    refuses("provisioning: {source: manual, device_connection_string: '<ADD IT HERE>'}",
            EDGE_EINVALID,
            "c.yaml:1:58: `provisioning.device_connection_string` must be a connection string, "
            "HostName=…;DeviceId=…;SharedAccessKey=…");
    refuses("provisioning: {source: dps, scope_id: x, attestation: {method: tpm}}", EDGE_EINVALID,
            "c.yaml:1:64: `provisioning.attestation.method` is `tpm` but must be symmetric_key or "
            "x509: attestation by TPM is not offered by this version");
    refuses("provisioning: {source: dps, scope_id: x, registration_id: y}", EDGE_EINVALID,
            "c.yaml: `provisioning.source: dps` needs `provisioning.attestation` with `method: "
            "symmetric_key` or `x509`; without it a TPM was meant, which is not offered by this "
            "version");
    refuses("provisioning: {source: external, endpoint: 'http://x'}", EDGE_EINVALID,
            "c.yaml:1:24: `provisioning.source` is `external` but must be file, manual or dps: "
            "provisioning by an external endpoint is not offered");
    refuses("provisioning: {attestation: {symmetric_key: 'no base64'}}", EDGE_EINVALID,
            "c.yaml:1:45: `provisioning.attestation.symmetric_key` must be a key in base64 or a "
            "pkcs11: URI");
    refuses("certificates: {device_ca_cert: /a}", EDGE_EINVALID,
            "c.yaml: `certificates` needs both `device_ca_cert` and `device_ca_pk`, or neither");
}

static void test_numbers_have_ranges(void **state)
{
    static const char *const bad[] = {"-1", "301",  "1.5", "''", "ten", "99999999999999999999",
                                      "{}", "0x10", "' 1'"};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        EDGE_CLEANUP(edge_free)
        char *text = edge_format("agent: {env: {CoolOffTimeUnitInSeconds: %s}}", bad[i]);

        refuses(text, EDGE_EINVALID,
                "c.yaml:1:41: `agent.env.CoolOffTimeUnitInSeconds` must be a whole number from 0 "
                "to 300");
    }
}

static void test_host_names_follow_rfc_1123(void **state)
{
    static const char *const good[] = {"a", "A-1", "gw.example.org", "1.2", "x--y"};
    static const char *const bad[] = {
        "''",
        "-a",
        "a-",
        "a..b",
        ".a",
        "a.",
        "a_b",
        "<ADD>",
        "a b",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaa",
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(good) + EDGE_ARRAY_LEN(bad); i++) {
        bool is_good = i < EDGE_ARRAY_LEN(good);
        EDGE_CLEANUP(agent_config_free) struct agent_config *config = NULL;
        EDGE_CLEANUP(edge_free)
        char *text =
            edge_format("hostname: %s\n", is_good ? good[i] : bad[i - EDGE_ARRAY_LEN(good)]);

        assert_int_equal(load(text, &config, NULL), is_good ? 0 : EDGE_EINVALID);
    }
}

static void test_a_socket_path_fits_into_an_address(void **state)
{
    EDGE_CLEANUP(agent_config_free) struct agent_config *config = NULL;
    char text[200];
    char dir[102];
    (void) state;

    memset(dir, 'd', sizeof dir);
    dir[0] = '/';
    dir[sizeof dir - 1] = '\0';
    (void) snprintf(text, sizeof text, "rundir: %s\n", dir);
    refuses(text, EDGE_EINVALID,
            "c.yaml: `rundir` is too long: sockets are made in it, and a socket's path has at most "
            "107 bytes");
    dir[93] = '\0';
    (void) snprintf(text, sizeof text, "rundir: %s\n", dir);
    assert_int_equal(load(text, &config, NULL), 0);
}

static void test_broken_yaml_is_refused_with_its_place(void **state)
{
    (void) state;

    refuses("a: 1\na: 2\n", EDGE_EINVALID,
            "c.yaml:2:1: the key `a` is here a second time, first in line 1");
    refuses("a: [1\nb: 2\n", EDGE_EINVALID, "c.yaml:2:2: did not find expected ',' or ']'");
    refuses("a: *b\n", EDGE_EINVALID, "c.yaml:1:4: an alias without an anchor");
    refuses("a: &b [*b]\n", EDGE_EINVALID, "c.yaml:1:8: an alias within its own anchor");
    refuses("? [x]\n: 1\n", EDGE_EINVALID, "c.yaml:1:3: a key must be a simple text");
    refuses("a: 1\n---\nb: 1\n", EDGE_EINVALID, "c.yaml:3:1: a second document begins here");
    refuses("a: \"x\\0\"\n", EDGE_EINVALID, "c.yaml:1:4: this text holds a NUL byte");
    refuses("a: \xff\n", EDGE_EINVALID, "c.yaml: byte 3: invalid leading UTF-8 octet");
}

static void test_aliases_are_filled_in(void **state)
{
    EDGE_CLEANUP(agent_config_free) struct agent_config *c = NULL;
    (void) state;

    assert_int_equal(load("registries:\n  a: &x {username: u, password: p}\n  b: *x\n", &c, NULL),
                     0);
    assert_int_equal(c->nregistries, 2);
    assert_string_equal(c->registries[1].password, "p");
}

static void test_growth_has_limits(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(3 << 20);
    struct edge_err err = {0};
    struct agent_config *config = NULL;
    (void) state;

    refuses("a: [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\n", EDGE_ELIMIT,
            "c.yaml:1:20: nested too deeply");
    edge_buf_puts(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 12; i++)
        edge_buf_printf(&text, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1,
                        i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    assert_int_equal(load(text.data, &config, &err), EDGE_ELIMIT);
    assert_non_null(strstr(err.text, "too many values"));
    while (text.len <= 1 << 20)
        edge_buf_puts(&text, "# a long line of a comment that makes the file grow and grow\n");
    assert_int_equal(load(text.data, &config, &err), EDGE_ELIMIT);
    assert_non_null(strstr(err.text, "larger than 1048576 bytes"));
    assert_null(config);
}

static void test_a_password_everyone_can_read_is_a_warning(void **state)
{
    EDGE_CLEANUP(agent_config_free) struct agent_config *a = NULL;
    EDGE_CLEANUP(agent_config_free) struct agent_config *b = NULL;
    (void) state;

    assert_int_equal(load("registries: {h: {username: u, password: p}}", &a, NULL), 0);
    assert_string_equal(warnings, "");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(agent_config_load(path, note, NULL, &b, NULL), 0);
    assert_string_equal(
        warnings,
        "c.yaml:1:1: this file holds a password or key and every user can read it: chmod 0600\n");
}

static void test_the_sample_is_read_without_a_warning(void **state)
{
    EDGE_CLEANUP(agent_config_free) struct agent_config *config = NULL;
    struct edge_err err = {0};
    (void) state;

    warnings[0] = '\0';
    assert_int_equal(agent_config_load(SAMPLE, note, NULL, &config, &err), 0);
    assert_string_equal(warnings, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_missing_file_is_no_silent_default),
        cmocka_unit_test(test_absent_keys_have_their_defaults),
        cmocka_unit_test(test_every_key_is_read),
        cmocka_unit_test(test_an_unknown_key_is_a_warning_that_helps),
        cmocka_unit_test(test_keys_of_iot_edge_without_effect_are_told_apart),
        cmocka_unit_test(test_warnings_come_to_an_end),
        cmocka_unit_test(test_a_wrong_value_is_an_error_with_its_place),
        cmocka_unit_test(test_files_of_iot_edge_work_unchanged),
        cmocka_unit_test(test_provisioning_is_read),
        cmocka_unit_test(test_provisioning_that_cannot_work_is_refused),
        cmocka_unit_test(test_numbers_have_ranges),
        cmocka_unit_test(test_host_names_follow_rfc_1123),
        cmocka_unit_test(test_a_socket_path_fits_into_an_address),
        cmocka_unit_test(test_broken_yaml_is_refused_with_its_place),
        cmocka_unit_test(test_aliases_are_filled_in),
        cmocka_unit_test(test_growth_has_limits),
        cmocka_unit_test(test_a_password_everyone_can_read_is_a_warning),
        cmocka_unit_test(test_the_sample_is_read_without_a_warning),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
