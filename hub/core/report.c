/* $edgeHub's reported properties: what has changed is merged and sent in one patch, not too often.
 *
 *   facts --make--> wanted --difference to what IoT Hub has--> patch */
#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/iothub/twin.h"
#include "hub/core/internal.h"
#include "hub/core/report_make.h"

enum { RETRY_MAX_MS = 300 * 1000, CLIENTS_MAX = 2000 };

struct hub_report {
    struct hub_core *core;
    struct hub_report_facts facts;
    char *description;
    struct hub_report_client *clients; /* in no order */
    size_t size;                       /* room of it */
    struct edge_json *known; /* what IoT Hub has; NULL: not known, the clients of an earlier start
                                are to be cleared first */
    struct edge_json *sent;  /* what it will have when it has taken what is under way */
    bool sending;
    bool dirty;
    int64_t sent_ms;   /* when the last patch began; 0: never */
    unsigned failures; /* in a row */
    struct edge_timer *timer;
};

static bool usable(const struct hub_report *report)
{
    return report->core->upstream && report->core->online;
}

static void plan(struct hub_report *report)
{
    int64_t wait = report->core->options.settings.reported_sync_s * INT64_C(1000);
    int64_t left;

    if (!report->dirty || report->sending || !usable(report) || edge_timer_armed(report->timer))
        return;
    for (unsigned i = 0; i < report->failures && wait < RETRY_MAX_MS; i++)
        wait *= 2;
    wait = wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS;
    left = report->sent_ms ? report->sent_ms + wait - edge_now_ms() : 0;
    edge_timer_arm(report->timer, left > 0 ? (uint64_t) left : 0);
}

static void changed(struct hub_report *report)
{
    report->dirty = true;
    plan(report);
}

static void on_patched(enum hub_result result, const char *why, int64_t version, void *arg)
{
    struct hub_core *core = hub_life_release(arg);
    struct hub_report *report = core ? core->report : NULL;

    (void) version;
    if (!report)
        return;
    report->sending = false;
    if (result == HUB_OK) {
        edge_json_free(report->known);
        report->known = EDGE_TAKE(report->sent);
        report->failures = 0;
    } else {
        report->sent = edge_json_free(report->sent);
        report->dirty = true;
        report->failures++;
        if (core->online)
            edge_warn("$edgeHub's reported properties are not taken, trying again: %s",
                      why ? why : "");
    }
    plan(report);
}

/* What turns what IoT Hub has into @p wanted; NULL without memory. */
static struct edge_json *difference(const struct hub_report *report, const struct edge_json *wanted)
{
    struct edge_json *patch;

    if (report->known)
        return edge_twin_diff(report->known, wanted);
    patch = edge_json_copy(wanted);
    if (patch && edge_json_set(patch, "clients", NULL) < 0)
        return edge_json_free(patch);
    return patch;
}

static void send(struct hub_report *report)
{
    const struct hub_upstream *upstream = report->core->upstream;
    bool first = !report->known;
    EDGE_CLEANUP(edge_json_free)
    struct edge_json *wanted = hub_report_make(&report->facts, report->clients, first);
    EDGE_CLEANUP(edge_json_free)
    struct edge_json *patch = wanted ? difference(report, wanted) : NULL;
    EDGE_CLEANUP(edge_free) char *text = patch ? edge_json_text(patch) : NULL;

    report->sent_ms = edge_now_ms();
    if (!text) {
        report->failures++;
        plan(report);
        return;
    }
    report->dirty = first; /* the clients follow */
    if (edge_json_len(patch) == 0)
        return;
    report->sending = true;
    report->sent = EDGE_TAKE(wanted);
    upstream->ops->twin_patch(upstream->self, &report->core->options.self->who, text, strlen(text),
                              on_patched, hub_life_hold(report->core));
}

static void on_timer(void *arg)
{
    struct hub_report *report = arg;

    if (report->dirty && !report->sending && usable(report))
        send(report);
}

void hub_report_online(struct hub_report *report)
{
    report->failures = 0;
    edge_timer_disarm(report->timer);
    plan(report);
}

void hub_report_status(struct hub_report *report, int code, const char *description,
                       int64_t desired_version)
{
    char *copy = edge_strdup(description);

    if (!copy)
        return;
    free(report->description);
    report->description = copy;
    report->facts.description = copy;
    report->facts.code = code;
    report->facts.desired_version = desired_version;
    changed(report);
}

/* Clients. */

static struct hub_report_client *find(const struct hub_report *report, const char *name)
{
    for (size_t i = 0; i < report->facts.nclients; i++)
        if (strcmp(report->clients[i].name, name) == 0)
            return &report->clients[i];
    return NULL;
}

/* The one that went first makes room; NULL: all are here. */
static struct hub_report_client *oldest(const struct hub_report *report)
{
    struct hub_report_client *oldest = NULL;

    for (size_t i = 0; i < report->facts.nclients; i++) {
        struct hub_report_client *at = &report->clients[i];

        if (!at->connected && (!oldest || at->disconnected_ns < oldest->disconnected_ns))
            oldest = at;
    }
    return oldest;
}

static struct hub_report_client *add(struct hub_report *report)
{
    size_t size = report->size ? 2 * report->size : 16;
    struct hub_report_client *more;

    if (report->facts.nclients == CLIENTS_MAX)
        return oldest(report);
    if (report->facts.nclients == report->size) {
        more = realloc(report->clients, size * sizeof *more);
        if (!more)
            return NULL;
        report->clients = more;
        report->size = size;
    }
    return &report->clients[report->facts.nclients++];
}

void hub_report_client(struct hub_report *report, const struct hub_client *client)
{
    struct hub_report_client *entry;

    if (edge_identity_equal(&client->who, &report->core->options.self->who))
        return;
    entry = find(report, client->name);
    if (!client->session && !client->who.module[0]) { /* devices are not shown when they are away */
        if (entry)
            *entry = report->clients[--report->facts.nclients];
        changed(report);
        return;
    }
    if (!entry)
        entry = add(report);
    if (!entry)
        return;
    memcpy(entry->name, client->name, sizeof entry->name);
    entry->connected = client->session != NULL;
    entry->connected_ns = client->connected_ns;
    entry->disconnected_ns = client->disconnected_ns;
    changed(report);
}

int hub_report_create(struct hub_core *core, struct hub_report **ret)
{
    struct hub_report *report = calloc(1, sizeof *report);

    if (!report)
        return -ENOMEM;
    report->core = core;
    report->facts.version = core->options.settings.version;
    report->dirty = true;
    report->timer = edge_timer_create(core->options.loop, on_timer, report);
    if (!report->timer) {
        free(report);
        return -ENOMEM;
    }
    *ret = report;
    return 0;
}

struct hub_report *hub_report_destroy(struct hub_report *report)
{
    if (!report)
        return NULL;
    edge_timer_destroy(report->timer);
    edge_json_free(report->known);
    edge_json_free(report->sent);
    free(report->description);
    free(report->clients);
    free(report);
    return NULL;
}
