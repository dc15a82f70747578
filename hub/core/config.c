/* $edgeHub's own twin: what it says is checked as a whole, put in force at once, and kept for a
 * start without IoT Hub.
 *
 *   disk --at start--+
 *   whole twin ------+--> desired --checked--> in force, kept, reported 200
 *   patch, the next -+                 '-----> the old one stays, reported 400 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/iothub/twin.h"
#include "hub/core/config_read.h"
#include "hub/core/internal.h"
#include "hub/core/seal.h"
#include "hub/core/twin_state.h"

#define KIND "config"
#define NAME "desired"

enum { RETRY_MS = 5 * 1000, RETRY_MAX_MS = 300 * 1000, TEXT_MAX_BYTES = 512 * 1024 };

struct hub_config {
    struct hub_core *core;
    struct edge_json *desired; /* as it was read last, good or bad; NULL: never */
    int64_t version;           /* of it */
    bool told;                 /* IoT Hub has been told how it was taken */
    struct hub_task stored;    /* puts the one from disk in force */
    struct edge_timer *timer;  /* the next look, or try */
    unsigned failures;         /* in a row */
    bool asking;               /* for the whole twin */
    bool again;                /* something came meanwhile that it may not have */
    bool configured;
    bool waits; /* said in the log that there is nothing to begin with */
};

static void ask(struct hub_config *config);

static void keep(const struct hub_config *config)
{
    EDGE_CLEANUP(edge_free) char *text = edge_json_text(config->desired);
    int rc = text ? hub_document_set(config->core, KIND, NAME, text, NULL, NULL) : -ENOMEM;

    if (rc < 0)
        edge_error("configuration cannot be kept on disk: %s", edge_strerror(rc));
}

static void put_in_force(struct hub_config *config, struct hub_settings *settings)
{
    struct hub_core *core = config->core;

    hub_store_set_limit(core->options.store, settings->max_bytes, settings->policy);
    hub_methods_permit(core->methods, EDGE_TAKE(settings->permissions));
    edge_info("configuration in force: version=%" PRId64 " routes=%zu timeToLiveSecs=%" PRId64,
              config->version, edge_routes_count(settings->routes), settings->ttl_s);
    hub_router_set(core->router, EDGE_TAKE(settings->routes), settings->ttl_s);
    if (config->configured)
        return;
    config->configured = true;
    if (core->options.configured)
        core->options.configured(core->options.arg);
}

static void refuse(struct hub_config *config, const struct edge_err *err)
{
    char text[sizeof err->text + 64];

    (void) snprintf(text, sizeof text, "Error while parsing desired properties - %s", err->text);
    edge_error("configuration refused, the old one stays: version=%" PRId64 " %s", config->version,
               text);
    hub_report_status(config->core->report, 400, text, config->version);
}

/* @p desired becomes ours. @p fresh  from IoT Hub */
static void consider(struct hub_config *config, struct edge_json *desired, bool fresh)
{
    EDGE_CLEANUP(hub_settings_fini) struct hub_settings settings = {0};
    struct edge_err err = {0};

    if (config->desired && edge_json_equal(config->desired, desired)) { /* what is in force */
        edge_json_free(desired);
        if (!config->told)
            hub_report_status(config->core->report, 200, "", config->version);
        config->told = true;
        return;
    }
    edge_json_free(config->desired);
    config->desired = desired;
    config->version = hub_twin_version(desired);
    config->told = fresh;
    if (hub_settings_read(desired, &settings, &err) < 0) {
        config->told = true; /* also of one from disk, which an earlier version took */
        refuse(config, &err);
        return;
    }
    if (fresh) {
        keep(config);
        hub_report_status(config->core->report, 200, "", config->version);
    }
    put_in_force(config, &settings);
}

/* Whole twins. */

static void arm(struct hub_config *config, uint64_t ms)
{
    edge_timer_arm(config->timer, ms);
}

static void try_again(struct hub_config *config)
{
    uint64_t ms = RETRY_MS;

    for (unsigned i = 0; i < config->failures && ms < RETRY_MAX_MS; i++)
        ms *= 2;
    config->failures++;
    arm(config, ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS);
}

static int read_twin(struct hub_config *config, const char *json, size_t len, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *twin = NULL;
    struct edge_json *desired;
    int rc;

    if (len > TEXT_MAX_BYTES)
        return edge_fail(err, EDGE_ELIMIT, "the twin of %zu bytes is too large", len);
    rc = edge_json_parse(json, len, &twin, err);
    if (rc < 0)
        return rc;
    desired = edge_json_get(twin, "desired");
    if (!edge_json_is(desired, EDGE_JSON_OBJECT))
        return edge_fail(err, EDGE_EINVALID, "the twin has no desired properties");
    edge_json_del(desired, "$metadata");
    desired = edge_json_copy(desired);
    if (!desired)
        return edge_fail(err, -ENOMEM, "no memory");
    consider(config, desired, true);
    return 0;
}

static void on_twin(enum hub_result result, const char *why, const char *json, size_t len,
                    void *arg)
{
    struct hub_core *core = hub_life_release(arg);
    struct hub_config *config = core ? core->config : NULL;
    struct edge_err err = {0};

    if (!config)
        return;
    config->asking = false;
    if (result != HUB_OK)
        (void) edge_fail(&err, EDGE_EREMOTE, "%s", why && *why ? why : "no answer");
    else if (read_twin(config, json, len, &err) == 0)
        config->failures = 0;
    if (err.code == 0 && config->again)
        ask(config);
    else if (err.code == 0)
        arm(config, core->options.settings.config_refresh_s * UINT64_C(1000));
    else if (core->online) {
        edge_warn("$edgeHub's twin cannot be read, trying again: %s", err.text);
        try_again(config);
    }
}

static void ask(struct hub_config *config)
{
    struct hub_core *core = config->core;

    config->again = config->asking;
    if (config->asking || !core->upstream || !core->online)
        return;
    config->asking = true;
    edge_timer_disarm(config->timer);
    core->upstream->ops->twin_get(core->upstream->self, &core->options.self->who, on_twin,
                                  hub_life_hold(core));
}

static void on_timer(void *arg)
{
    struct hub_config *config = arg;

    if (!config->configured && !config->waits && !config->core->online) {
        config->waits = true;
        edge_warn("no configuration yet: none is on disk and IoT Hub cannot be reached; clients "
                  "are let in when it has come");
    }
    ask(config);
}

void hub_config_start(struct hub_core *core)
{
    const struct hub_wish wish = {EDGE_FEATURE_DESIRED | EDGE_FEATURE_METHODS, "", ""};

    core->upstream->ops->want(core->upstream->self, &core->options.self->who, &wish);
    arm(core->config, RETRY_MS);
}

void hub_config_online(struct hub_core *core)
{
    core->config->failures = 0;
    ask(core->config);
}

/* Patches. */

static struct edge_json *merged(const struct hub_config *config, const struct edge_json *patch)
{
    struct edge_json *desired = edge_json_copy(config->desired);

    if (desired && (edge_twin_merge(desired, patch) < 0 ||
                    edge_json_set_int(desired, "$version", hub_twin_version(patch)) < 0))
        return edge_json_free(desired);
    return desired;
}

void hub_config_desired(struct hub_core *core, const char *patch, size_t len)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    struct hub_config *config = core->config;
    struct edge_json *desired = NULL;

    if (len <= TEXT_MAX_BYTES && edge_json_parse(patch, len, &json, NULL) == 0 && config->desired &&
        !config->asking && hub_twin_version(json) == config->version + 1)
        desired = merged(config, json);
    if (desired)
        consider(config, desired, true);
    else
        ask(config); /* only the whole twin tells */
}

/* From disk. */

static void on_stored(struct hub_task *task)
{
    struct hub_config *config = EDGE_CONTAINER_OF(task, struct hub_config, stored);
    struct edge_json *desired = EDGE_TAKE(config->desired);

    consider(config, desired, false);
}

static void on_document(const char *name, struct edge_bytes data, void *arg)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf plain = EDGE_BUF_INIT(HUB_STORE_DOCUMENT_MAX);
    struct hub_config *config = arg;
    int rc;

    if (strcmp(name, NAME) != 0 || config->desired)
        return;
    rc = hub_document_open(config->core, KIND, NAME, data, &plain);
    if (rc == 0)
        rc = edge_json_parse(plain.data, plain.len, &config->desired, NULL);
    if (rc < 0)
        edge_warn("stored configuration cannot be read: %s", edge_strerror(rc));
}

int hub_config_create(struct hub_core *core, struct hub_config **ret, struct edge_err *err)
{
    struct hub_config *config = calloc(1, sizeof *config);
    int rc;

    if (!config)
        return edge_fail(err, -ENOMEM, "no memory for the configuration");
    config->core = core;
    config->stored.run = on_stored;
    config->timer = edge_timer_create(core->options.loop, on_timer, config);
    rc = config->timer ? hub_store_each(core->options.store, KIND, on_document, config)
                       : edge_fail(err, -ENOMEM, "no memory for the configuration");
    if (rc < 0) {
        (void) hub_config_destroy(config);
        return edge_wrap(err, rc, "stored configuration");
    }
    if (config->desired)
        hub_later(core, &config->stored);
    *ret = config;
    return 0;
}

struct hub_config *hub_config_destroy(struct hub_config *config)
{
    if (!config)
        return NULL;
    hub_never(&config->stored);
    edge_timer_destroy(config->timer);
    edge_json_free(config->desired);
    free(config);
    return NULL;
}
