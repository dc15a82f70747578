#include "hub/core/report_make.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/iothub/twin.h"

enum { STATUS_MAX = 512 /* bytes of a description: four times in a twin is nothing */ };

/* IoT Hub takes no '.', '$', '#' or blank in names. */
static char *encode(const char *name)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(6 * EDGE_ID_MAX + 8);

    for (; *name; name++) {
        if (strchr(".$# ", *name))
            edge_buf_printf(&out, "%%%02X", (unsigned char) *name);
        else
            edge_buf_append(&out, name, 1);
    }
    return edge_buf_take(&out);
}

static int put_time(struct edge_json *entry, const char *name, int64_t wall_ns)
{
    char text[EDGE_TIME_TEXT];

    if (wall_ns == 0)
        return 0;
    edge_time_format(wall_ns, text);
    return edge_json_set_str(entry, name, text);
}

static struct edge_json *make_entry(const struct hub_report_client *client)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *entry = edge_json_new_object();

    if (!entry ||
        edge_json_set_str(entry, "status", client->connected ? "Connected" : "Disconnected") < 0 ||
        put_time(entry, "lastConnectedTimeUtc", client->connected_ns) < 0 ||
        put_time(entry, "lastDisconnectedTimeUtc", client->disconnected_ns) < 0)
        return NULL;
    return EDGE_TAKE(entry);
}

/* Those to be kept come first: connected before gone, late before early. */
static int compare(const void *a, const void *b)
{
    const struct hub_report_client *x = a;
    const struct hub_report_client *y = b;
    int64_t since_x = x->connected ? x->connected_ns : x->disconnected_ns;
    int64_t since_y = y->connected ? y->connected_ns : y->disconnected_ns;

    if (x->connected != y->connected)
        return x->connected ? -1 : 1;
    return (since_x < since_y) - (since_x > since_y);
}

static int put_clients(struct edge_json *report, struct hub_report_client *clients, size_t n)
{
    struct edge_json *list = edge_json_need_object(report, "clients");
    size_t left = edge_twin_limits_properties.section;
    size_t used = edge_twin_size(report);

    if (n > 1)
        qsort(clients, n, sizeof *clients, compare);
    for (size_t i = 0; i < n; i++) {
        EDGE_CLEANUP(edge_free) char *name = encode(clients[i].name);
        struct edge_json *entry = name ? make_entry(&clients[i]) : NULL;
        int rc = list && entry ? 0 : -ENOMEM;

        used += rc == 0 ? strlen(name) + edge_twin_size(entry) : 0;
        if (used > left) {
            edge_json_free(entry);
            return 0;
        }
        if (rc == 0)
            rc = edge_json_set(list, name, entry);
        else
            edge_json_free(entry);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int put_version(struct edge_json *report, const char *version)
{
    struct edge_json *object = edge_json_need_object(report, "version");

    if (!object || edge_json_set_str(object, "version", version ? version : "") < 0 ||
        edge_json_set_str(object, "build", "") < 0 || edge_json_set_str(object, "commit", "") < 0)
        return -ENOMEM;
    return 0;
}

static int put_status(struct edge_json *report, const struct hub_report_facts *facts)
{
    struct edge_json *object = edge_json_need_object(report, "lastDesiredStatus");
    struct edge_json *text;
    size_t len = strlen(facts->description);

    text = edge_json_new_str_len(facts->description, len < STATUS_MAX ? len : STATUS_MAX);
    if (!object || edge_json_set_int(object, "code", facts->code) < 0) {
        edge_json_free(text);
        return -ENOMEM;
    }
    if (!text || edge_json_set(object, "description", text) < 0)
        return -ENOMEM;
    return edge_json_set_int(report, "lastDesiredVersion", facts->desired_version);
}

struct edge_json *hub_report_make(const struct hub_report_facts *facts,
                                  struct hub_report_client *clients, bool bare)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *report = edge_json_new_object();

    if (!report || edge_json_set_str(report, "schemaVersion", "1.0") < 0 ||
        put_version(report, facts->version) < 0 ||
        (facts->code != 0 && put_status(report, facts) < 0) ||
        (!bare && put_clients(report, clients, facts->nclients) < 0))
        return NULL;
    return EDGE_TAKE(report);
}
