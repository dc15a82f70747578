#include "tests/emulator/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char options_help[] =
    "iothub-emulator - a local IoT Hub for development and tests\n"
    "\n"
    "  iothub-emulator --listen ADDRESS --hostname NAME --state FILE [options]\n"
    "\n"
    "Serves MQTT on port 8883, AMQP on 5671, HTTPS and WebSocket on 443 of ADDRESS. Prints "
    "`ready`\n"
    "on standard output when it serves.\n"
    "\n"
    "  --listen ADDRESS      address to listen on, e.g. 127.0.0.11\n"
    "  --hostname NAME       the hub's name, as in connection strings\n"
    "  --state FILE          all that is kept, one SQLite file; made when absent\n"
    "  --cert FILE --key FILE\n"
    "                        PEM of the server certificate with its intermediates, and its key.\n"
    "                        Without: a CA is made in STATE.ca.pem (and its key beside it), and a\n"
    "                        certificate for NAME at each start\n"
    "  --policy NAME=KEY     a shared access policy with this base64 key; its rights follow from\n"
    "                        the name. iothubowner, service, device, registryRead,\n"
    "                        registryReadWrite (and provisioningserviceowner) are made anyway\n"
    "  --show WHO            print the connection string of a policy, or of a device (d) or a\n"
    "                        module (d/m) first; without --listen end then\n"
    "  --device-ca FILE      PEM of CAs whose certificates prove devices (type\n"
    "                        certificateAuthority)\n"
    "  --dps                 serve device provisioning, too\n"
    "  --blob-host HOST --blob-container NAME --blob-sas QUERY\n"
    "                        where file uploads go\n"
    "  --max-devices N       identities kept (100000)\n"
    "  --max-clients N       connections a port (20000)\n"
    "  --partitions N        of telemetry (4)\n"
    "  --retention N         events kept a partition (100000)\n"
    "  --admin ADDRESS:PORT  knobs for faults by HTTP: GET and POST /emulator/faults\n"
    "  --latency MS          each answer comes so much later\n"
    "  --clock-offset S      the cloud's clock is so many seconds ahead\n"
    "  --refuse              refuse new connections\n"
    "  --throttle            answer 429\n"
    "  --freeze              accept, and answer nothing\n"
    "  --lose-acks N         store the next N messages without acknowledging them\n"
    "  --help                this text\n";

struct reader {
    const char *option;
    const char *value;
    struct edge_err *err;
};

static int read_number(const struct reader *r, int64_t least, int64_t most, int64_t *ret)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(r->value, &end, 10);
    if (*end || !*r->value || errno || number < least || number > most)
        return edge_fail(r->err, EDGE_EINVALID, "%s %s: a number from %lld to %lld is expected",
                         r->option, r->value, (long long) least, (long long) most);
    *ret = number;
    return 0;
}

static int read_unsigned(const struct reader *r, int64_t most, unsigned *ret)
{
    int64_t number = 0;
    int rc = read_number(r, 1, most, &number);

    if (rc == 0)
        *ret = (unsigned) number;
    return rc;
}

static int read_policy(const struct reader *r, struct emulator_options *o)
{
    if (!strchr(r->value, '='))
        return edge_fail(r->err, EDGE_EINVALID, "--policy is NAME=KEY");
    if (o->npolicies == OPTIONS_POLICIES_MAX)
        return edge_fail(r->err, EDGE_EINVALID, "more than %d policies", OPTIONS_POLICIES_MAX);
    o->policies[o->npolicies++] = r->value;
    return 0;
}

static bool read_text(const struct reader *r, struct emulator_options *o)
{
    const struct {
        const char *name;
        const char **value;
    } texts[] = {
        {"--listen", &o->listen},
        {"--hostname", &o->hostname},
        {"--state", &o->state},
        {"--cert", &o->cert},
        {"--key", &o->key},
        {"--device-ca", &o->device_ca},
        {"--admin", &o->admin},
        {"--show", &o->show},
        {"--blob-host", &o->blob_host},
        {"--blob-container", &o->blob_container},
        {"--blob-sas", &o->blob_sas},
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(texts); i++) {
        if (strcmp(r->option, texts[i].name) == 0) {
            *texts[i].value = r->value;
            return true;
        }
    }
    return false;
}

static bool read_flag(const char *option, struct emulator_options *o)
{
    const struct {
        const char *name;
        bool *value;
    } flags[] = {
        {"--dps", &o->dps},
        {"--refuse", &o->faults.refuse},
        {"--throttle", &o->faults.throttle},
        {"--freeze", &o->faults.freeze},
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(flags); i++) {
        if (strcmp(option, flags[i].name) == 0) {
            *flags[i].value = true;
            return true;
        }
    }
    return false;
}

static int read_value(const struct reader *r, struct emulator_options *o)
{
    static const int64_t century_s = 3153600000;

    if (read_text(r, o))
        return 0;
    if (strcmp(r->option, "--policy") == 0)
        return read_policy(r, o);
    if (strcmp(r->option, "--max-devices") == 0)
        return read_unsigned(r, INT32_MAX, &o->max_devices);
    if (strcmp(r->option, "--max-clients") == 0)
        return read_unsigned(r, INT32_MAX, &o->max_clients);
    if (strcmp(r->option, "--partitions") == 0)
        return read_unsigned(r, STORE_PARTITIONS_MAX, &o->partitions);
    if (strcmp(r->option, "--retention") == 0)
        return read_number(r, 1, INT64_MAX, &o->retention);
    if (strcmp(r->option, "--latency") == 0)
        return read_number(r, 0, 600000, &o->faults.latency_ms);
    if (strcmp(r->option, "--clock-offset") == 0)
        return read_number(r, -century_s, century_s, &o->faults.clock_offset_s);
    if (strcmp(r->option, "--lose-acks") == 0)
        return read_number(r, 0, INT32_MAX, &o->faults.lose_acks);
    return edge_fail(r->err, EDGE_EINVALID, "%s is no option; see --help", r->option);
}

static int check(const struct emulator_options *o, struct edge_err *err)
{
    if (!o->state || !o->hostname || (!o->listen && !o->show))
        return edge_fail(err, EDGE_EINVALID,
                         "--listen, --hostname and --state are needed; see --help");
    if (!o->cert != !o->key)
        return edge_fail(err, EDGE_EINVALID, "--cert and --key belong together");
    return 0;
}

int options_read(int argc, char **argv, struct emulator_options *ret, struct edge_err *err)
{
    struct emulator_options o = {0};
    int rc = 0;

    for (int i = 1; i < argc && rc == 0; i++) {
        struct reader r = {argv[i], i + 1 < argc ? argv[i + 1] : NULL, err};

        if (strcmp(argv[i], "--help") == 0)
            return OPTIONS_HELP;
        if (read_flag(argv[i], &o))
            continue;
        if (!r.value)
            return edge_fail(err, EDGE_EINVALID, "%s is no option, or lacks its value; see --help",
                             argv[i]);
        rc = read_value(&r, &o);
        i++;
    }
    if (rc == 0)
        rc = check(&o, err);
    if (rc == 0)
        *ret = o;
    return rc;
}
