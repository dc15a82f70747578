#include "hub/setup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define STORAGE_DEFAULT "/var/lib/edge-hub"

enum { METRICS_PORT = 9600, PORT_MAX = 65535, SECONDS_MAX = 1000000000 };

static const char help[] =
    "edge-hub - local proxy of IoT Hub for modules and downstream devices\n"
    "\n"
    "  edge-hub [--listen ADDRESS] [--storage DIR] [--plain PORT]\n"
    "\n"
    "Serves MQTT on port 8883, AMQP on 5671, HTTPS and WebSocket on 443, metrics on 9600. Prints\n"
    "`ready` on standard output when it serves: once routes are known, from IoT Hub or from disk.\n"
    "\n"
    "  --listen ADDRESS   default: every address, IPv6 and IPv4\n"
    "  --storage DIR      default: edgeHub in $StorageFolder, else " STORAGE_DEFAULT "\n"
    "  --plain PORT       for measurements: MQTT without TLS on this port, AMQP on the next;\n"
    "                     --listen must be a loopback address\n"
    "  --version\n"
    "  --help             this text\n"
    "\n"
    "Who it is comes from the environment: IOTEDGE_IOTHUBHOSTNAME, IOTEDGE_DEVICEID,\n"
    "IOTEDGE_MODULEID, IOTEDGE_MODULEGENERATIONID, IOTEDGE_WORKLOADURI and EdgeDeviceHostName, as "
    "the\n"
    "agent sets them. Without a workload API, for debugging: IotHubConnectionString and\n"
    "EdgeHubDevServerCertificateFile, EdgeHubDevServerPrivateKeyFile, EdgeHubDevTrustBundleFile.\n"
    "Settings from the environment: UpstreamProtocol (Amqp, AmqpWs, Mqtt, MqttWs), https_proxy,\n"
    "MaxConnectedClients, MessageAckTimeoutSecs, ConfigRefreshFrequencySecs, "
    "MinTwinSyncPeriodSecs,\n"
    "ReportedPropertiesSyncFrequencySecs, DeviceScopeCacheRefreshRateSecs,\n"
    "DeviceScopeCacheRefreshDelaySecs, MqttSettings__Enabled, AmqpSettings__Enabled,\n"
    "HttpSettings__Enabled, ClientCertAuthEnabled, Metrics__MetricsEnabled, "
    "Metrics__Listener__Port,\n"
    "RuntimeLogLevel, CommitDelayUs, EDGEHUBUSER_ID.\n"
    "Ends on SIGTERM; gets its server certificate anew on SIGHUP, and when a fifth of its life is\n"
    "left. Exit codes: 0 ended on a signal, 1 failed, 153 bad arguments or environment.\n";

const char *hub_env(const char *name)
{
    size_t len = strlen(name);

    for (char **at = environ; at && *at; at++) {
        if (strncasecmp(*at, name, len) == 0 && (*at)[len] == '=')
            return (*at)[len + 1] ? *at + len + 1 : NULL;
    }
    return NULL;
}

struct reader {
    const char *(*get)(const char *name);
    struct edge_err *err;
    int rc; /* the first failure */
};

static void read_unsigned(struct reader *r, const char *name, unsigned long most, unsigned *ret)
{
    const char *text = r->get(name);
    unsigned long number;
    char *end;

    if (!text || r->rc < 0)
        return;
    errno = 0;
    number = strtoul(text, &end, 10);
    if (*end || *text == '-' || errno || number > most)
        r->rc = edge_fail(r->err, EDGE_EINVALID, "%s is \"%s\": a number up to %lu is expected",
                          name, text, most);
    else
        *ret = (unsigned) number;
}

static void read_bool(struct reader *r, const char *name, bool *ret)
{
    const char *text = r->get(name);

    if (!text || r->rc < 0)
        return;
    if (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0)
        r->rc =
            edge_fail(r->err, EDGE_EINVALID, "%s is \"%s\": true or false is expected", name, text);
    else
        *ret = strcasecmp(text, "true") == 0;
}

static void read_upstream(struct reader *r, enum hub_cloud_protocol *ret)
{
    static const char *const names[] = {[HUB_CLOUD_AMQP] = "Amqp",
                                        [HUB_CLOUD_AMQP_WS] = "AmqpWs",
                                        [HUB_CLOUD_MQTT] = "Mqtt",
                                        [HUB_CLOUD_MQTT_WS] = "MqttWs"};
    const char *text = r->get("UpstreamProtocol");

    *ret = HUB_CLOUD_AMQP;
    if (!text || r->rc < 0)
        return;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++) {
        if (strcasecmp(text, names[i]) == 0) {
            *ret = (enum hub_cloud_protocol) i;
            return;
        }
    }
    r->rc = edge_fail(r->err, EDGE_EINVALID,
                      "UpstreamProtocol is \"%s\": Amqp, AmqpWs, Mqtt or MqttWs is expected", text);
}

static void read_level(struct reader *r, enum edge_log_level *ret)
{
    const char *text = r->get("RuntimeLogLevel");

    *ret = EDGE_LOG_INFO;
    if (text && r->rc == 0 && edge_log_parse_level(text, ret) < 0)
        r->rc =
            edge_fail(r->err, EDGE_EINVALID,
                      "RuntimeLogLevel is \"%s\": fatal, error, warning, info, debug or verbose "
                      "is expected",
                      text);
}

static void read_core(struct reader *r, struct hub_core_settings *ret)
{
    read_unsigned(r, "MaxConnectedClients", 100000, &ret->max_clients);
    read_unsigned(r, "MessageAckTimeoutSecs", SECONDS_MAX, &ret->ack_timeout_s);
    read_unsigned(r, "ReportedPropertiesSyncFrequencySecs", SECONDS_MAX, &ret->reported_sync_s);
    read_unsigned(r, "ConfigRefreshFrequencySecs", SECONDS_MAX, &ret->config_refresh_s);
    read_unsigned(r, "MinTwinSyncPeriodSecs", SECONDS_MAX, &ret->twin_sync_s);
    ret->version = EDGE_VERSION;
}

static int read_environment(const char *(*get)(const char *name), struct hub_setup *ret,
                            struct edge_err *err)
{
    struct reader r = {.get = get, .err = err};

    read_upstream(&r, &ret->upstream);
    ret->proxy = get("https_proxy");
    read_bool(&r, "MqttSettings__Enabled", &ret->mqtt);
    read_bool(&r, "AmqpSettings__Enabled", &ret->amqp);
    read_bool(&r, "HttpSettings__Enabled", &ret->http);
    read_bool(&r, "ClientCertAuthEnabled", &ret->client_certificates);
    read_bool(&r, "Metrics__MetricsEnabled", &ret->metrics);
    read_unsigned(&r, "Metrics__Listener__Port", PORT_MAX, &ret->metrics_port);
    read_unsigned(&r, "EDGEHUBUSER_ID", INT32_MAX, &ret->user);
    read_unsigned(&r, "CommitDelayUs", 1000000, &ret->commit_delay_us);
    read_unsigned(&r, "DeviceScopeCacheRefreshRateSecs", SECONDS_MAX, &ret->scope_refresh_s);
    read_unsigned(&r, "DeviceScopeCacheRefreshDelaySecs", SECONDS_MAX, &ret->scope_delay_s);
    read_level(&r, &ret->log);
    read_core(&r, &ret->core);
    return r.rc;
}

static int find_storage(const char *(*get)(const char *name), struct hub_setup *ret)
{
    const char *folder = get("StorageFolder");

    if (ret->storage)
        return 0;
    ret->storage_made = folder ? edge_format("%s/edgeHub", folder) : strdup(STORAGE_DEFAULT);
    ret->storage = ret->storage_made;
    return ret->storage ? 0 : -ENOMEM;
}

static bool is_loopback(const char *address)
{
    struct in6_addr six;
    struct in_addr four;

    if (address && inet_pton(AF_INET, address, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return address && inet_pton(AF_INET6, address, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

/* Tokens must not be seen on a wire. */
static int take_plain(const char *port, struct hub_setup *ret, struct edge_err *err)
{
    char *end = NULL;
    unsigned long number = port ? strtoul(port, &end, 10) : 0;

    if (!port)
        return 0;
    if (*port < '0' || *port > '9' || *end || number == 0 || number >= PORT_MAX)
        return edge_fail(err, EDGE_EINVALID, "--plain is \"%s\": a port is expected", port);
    if (!is_loopback(ret->listen))
        return edge_fail(err, EDGE_EINVALID,
                         "--plain is for measurements on this machine: it needs --listen with a "
                         "loopback address, and %s is none",
                         ret->listen ? ret->listen : "every address");
    ret->plain_port = (unsigned) number;
    return 0;
}

static int read_arguments(int argc, char **argv, struct hub_setup *ret, struct edge_err *err)
{
    static const struct option options[] = {
        {"listen", required_argument, NULL, 'l'}, {"storage", required_argument, NULL, 's'},
        {"plain", required_argument, NULL, 'p'},  {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    const char *plain = NULL;
    int opt;

    opterr = 0;
    while ((opt = getopt_long(argc, argv, "l:s:vh", options, NULL)) >= 0) {
        if (opt == 'l')
            ret->listen = optarg;
        else if (opt == 's')
            ret->storage = optarg;
        else if (opt == 'p')
            plain = optarg;
        else if (opt == 'v' || opt == 'h')
            return fputs(opt == 'v' ? "edge-hub " EDGE_VERSION "\n" : help, stdout), HUB_SETUP_DONE;
        else
            return edge_fail(err, EDGE_EINVALID, "unknown option %s; --help says what there is",
                             argv[optind - 1]);
    }
    if (optind < argc)
        return edge_fail(err, EDGE_EINVALID, "unknown argument %s; --help says what there is",
                         argv[optind]);
    return take_plain(plain, ret, err);
}

int hub_setup_read(int argc, char **argv, const char *(*get)(const char *name),
                   struct hub_setup *ret, struct edge_err *err)
{
    int rc;

    *ret = (struct hub_setup){
        .mqtt = true,
        .amqp = true,
        .http = true,
        .client_certificates = true,
        .metrics = true,
        .metrics_port = METRICS_PORT,
    };
    rc = read_arguments(argc, argv, ret, err);
    if (rc == 0)
        rc = read_environment(get, ret, err);
    return rc == 0 ? find_storage(get, ret) : rc;
}

void hub_setup_fini(struct hub_setup *settings)
{
    free(settings->storage_made);
    settings->storage_made = NULL;
}
