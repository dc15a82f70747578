#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/cloud/internal.h"
#include "tests/emulator/query/query.h"

static const char desired[] = "properties.desired";

/* Set what @p path ("a.b.c") names below @p object; null deletes it. */
static int set_path(struct edge_json *object, const char *path, const struct edge_json *value)
{
    EDGE_CLEANUP(edge_free) char *copy = edge_strdup(path);
    char *rest = copy;
    char *step;

    if (!copy)
        return -ENOMEM;
    while ((step = strsep(&rest, ".")) != NULL && rest) {
        if (edge_json_get(object, step) &&
            !edge_json_is(edge_json_get(object, step), EDGE_JSON_OBJECT))
            edge_json_del(object, step);
        object = edge_json_need_object(object, step);
        if (!object)
            return -ENOMEM;
    }
    if (!value) {
        edge_json_del(object, step);
        return 0;
    }
    return edge_json_set(object, step, edge_json_copy(value));
}

/* What an entry of a content makes of the desired properties @p now. NULL without memory. */
static struct edge_json *entry_on(const struct edge_json *entry, const struct edge_json *now)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *made = NULL;
    const struct edge_json *whole = edge_json_get(entry, desired);

    if (edge_json_has(entry, desired))
        made = whole ? edge_json_copy(whole) : edge_json_new_object();
    else
        made = now ? edge_json_copy(now) : edge_json_new_object();
    for (edge_json_foreach (it, entry)) {
        if (made && it.name[sizeof desired - 1] == '.' &&
            set_path(made, it.name + sizeof desired, it.value) < 0)
            return NULL;
    }
    return EDGE_TAKE(made);
}

static int desire(struct cloud *cloud, const char *device, const char *module,
                  struct edge_json *twin, const struct edge_json *wanted, struct edge_err *err)
{
    struct edge_identity who = {0};

    snprintf(who.device, sizeof who.device, "%s", device);
    snprintf(who.module, sizeof who.module, "%s", module);
    return cloud_twin_desire(cloud, &who, twin, wanted, true, err);
}

/* Content given for this one device */

static int apply_entry(struct cloud *cloud, const char *device, const char *module,
                       const struct edge_json *entry, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *twin = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = NULL;
    int rc = *module ? cloud_module_need(cloud, device, module, err) : 0;

    if (rc == 0)
        rc = cloud_twin_load(cloud, device, module, &twin, err);
    if (rc != 0)
        return rc;
    wanted = entry_on(entry, edge_json_get(twin, "desired"));
    rc = wanted ? desire(cloud, device, module, twin, wanted, err) : -ENOMEM;
    return rc == 0 ? cloud_twin_save(cloud, device, module, twin) : rc;
}

int cloud_apply(struct cloud *cloud, const char *device, const struct edge_json *content,
                struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;
    const struct edge_json *modules = edge_json_get(content, "modulesContent");
    const struct edge_json *own = edge_json_get(content, "deviceContent");
    int rc = cloud_identity_load(cloud, device, "", &identity, err);

    if (rc == 0)
        rc = cloud_content_check(content, err);
    if (rc == 0 && !modules && !own)
        return cloud_refuse(err, CLOUD_INVALID,
                            "neither modulesContent nor deviceContent is given");
    if (rc == 0 && modules && !cloud_identity_is_edge(identity))
        return cloud_refuse(err, CLOUD_INVALID, "device %s is no edge device", device);
    for (edge_json_foreach (it, modules)) {
        if (rc == 0)
            rc = apply_entry(cloud, device, it.name, it.value, err);
    }
    return rc == 0 && own ? apply_entry(cloud, device, "", own, err) : rc;
}

/* Automatic deployments */

/* What is decided for one device. */
struct verdict {
    struct edge_json *modules;  /* module to its desired properties; NULL: nothing deployed */
    struct edge_json *device;   /* desired properties of the device, or NULL */
    struct edge_json *statuses; /* configuration to {"status":"Applied|Targeted"} */
    struct edge_buf signature;  /* of all that was decided on */
};

static void verdict_fini(struct verdict *v)
{
    edge_json_free(v->modules);
    edge_json_free(v->device);
    edge_json_free(v->statuses);
    edge_buf_fini(&v->signature);
}

static int note(struct verdict *v, const struct cloud_configuration *c, bool applied)
{
    struct edge_json *status = edge_json_need_object(v->statuses, c->id);

    edge_buf_printf(&v->signature, "%s:%s:%d,", c->id, c->etag, applied);
    return status ? edge_json_set_str(status, "status", applied ? "Applied" : "Targeted") : -ENOMEM;
}

static int lay(struct edge_json *modules, const struct cloud_configuration *c)
{
    for (edge_json_foreach (it, c->modules)) {
        struct edge_json *made = entry_on(it.value, edge_json_get(modules, it.name));

        if (!made || edge_json_set(modules, it.name, made) < 0)
            return -ENOMEM;
    }
    return 0;
}

static bool targets(const struct cloud_configuration *c, const struct edge_json *shown)
{
    return c->target && query_matches(c->target, shown);
}

/* Layers go on from the lowest priority to the highest: the list, backwards. */
static int lay_above(struct verdict *v, const struct cloud_configuration *c,
                     const struct cloud_configuration *base, const struct edge_json *shown)
{
    int rc;

    if (!c || c->priority <= base->priority)
        return 0;
    rc = lay_above(v, c->next, base, shown);
    if (rc < 0 || !c->layered || !c->modules || !targets(c, shown))
        return rc;
    return lay(v->modules, c);
}

static int decide_modules(struct cloud *cloud, const struct edge_json *shown, struct verdict *v)
{
    const struct cloud_configuration *base = NULL;
    int rc = 0;

    for (const struct cloud_configuration *c = cloud->configurations; c && !base; c = c->next) {
        if (c->modules && !c->layered && targets(c, shown))
            base = c;
    }
    for (const struct cloud_configuration *c = cloud->configurations; c && rc == 0; c = c->next) {
        if (c->modules && targets(c, shown))
            rc = note(v, c, c == base || (base && c->layered && c->priority > base->priority));
    }
    if (rc < 0 || !base)
        return rc;
    v->modules = edge_json_new_object();
    rc = v->modules ? lay(v->modules, base) : -ENOMEM;
    return rc == 0 ? lay_above(v, cloud->configurations, base, shown) : rc;
}

static int decide_device(const struct cloud_configuration *c, const struct edge_json *shown,
                         const struct edge_json *now, struct verdict *v)
{
    struct edge_json *made;
    int rc;

    if (!c)
        return 0;
    rc = decide_device(c->next, shown, now, v);
    if (rc < 0 || !c->device || !targets(c, shown))
        return rc;
    made = entry_on(c->device, v->device ? v->device : now);
    if (!made)
        return -ENOMEM;
    edge_json_free(v->device);
    v->device = made;
    return note(v, c, true);
}

/* What is deployed stays until something else is decided: so that a change by hand is not undone
 * by a tag that has nothing to do with it. */
static bool decided_before(const struct edge_json *twin, struct verdict *v)
{
    return strcmp(edge_json_str(edge_json_get(twin, "deployed"), ""),
                  v->signature.data ? v->signature.data : "") == 0;
}

static int remember(struct edge_json *twin, const struct verdict *v)
{
    int rc = edge_json_set_str(twin, "deployed", v->signature.data ? v->signature.data : "");

    return rc == 0 ? edge_json_set(twin, "configurations", edge_json_copy(v->statuses)) : rc;
}

static int deploy_module(struct cloud *cloud, const char *device, const char *module,
                         const struct edge_json *wanted)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *twin = NULL;
    int rc = cloud_module_need(cloud, device, module, NULL);

    if (rc == 0)
        rc = cloud_twin_load(cloud, device, module, &twin, NULL);
    if (rc == 0 && edge_json_equal(edge_json_get(twin, "desired"), wanted))
        return 0;
    if (rc == 0)
        rc = desire(cloud, device, module, twin, wanted, NULL);
    if (rc == 0)
        rc = cloud_twin_save(cloud, device, module, twin);
    return rc < 0 ? rc : 0; /* what the limits refuse is refused for this module alone */
}

/* $edgeAgent's twin says what is applied, as the queries behind the metrics ask it. */
static int note_agent(struct cloud *cloud, const char *device, const struct verdict *v)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *twin = NULL;
    int rc = cloud_twin_load(cloud, device, "$edgeAgent", &twin, NULL);

    if (rc == 0)
        rc = edge_json_set(twin, "configurations", edge_json_copy(v->statuses));
    return rc == 0 ? cloud_twin_save(cloud, device, "$edgeAgent", twin) : rc < 0 ? rc : 0;
}

static int carry_out(struct cloud *cloud, const char *device, bool edge, struct edge_json *twin,
                     const struct verdict *v)
{
    int rc = remember(twin, v);

    if (rc == 0 && v->device && !edge_json_equal(edge_json_get(twin, "desired"), v->device))
        rc = desire(cloud, device, "", twin, v->device, NULL);
    if (rc >= 0)
        rc = cloud_twin_save(cloud, device, "", twin);
    for (edge_json_foreach (it, v->modules)) {
        if (rc == 0)
            rc = deploy_module(cloud, device, it.name, it.value);
    }
    return rc == 0 && edge ? note_agent(cloud, device, v) : rc;
}

static int decide(struct cloud *cloud, const struct edge_json *identity,
                  const struct edge_json *twin, struct verdict *v)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *shown = cloud_twin_show(cloud, identity, twin);
    int rc;

    v->statuses = edge_json_new_object();
    if (!shown || !v->statuses)
        return -ENOMEM;
    rc = cloud_identity_is_edge(identity) ? decide_modules(cloud, shown, v) : 0;
    if (rc == 0)
        rc = decide_device(cloud->configurations, shown, edge_json_get(twin, "desired"), v);
    return rc == 0 ? edge_buf_error(&v->signature) : rc;
}

int cloud_deploy(struct cloud *cloud, const char *device)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *twin = NULL;
    struct verdict v = {.signature = EDGE_BUF_INIT(CLOUD_TEXT_MAX)};
    int rc = cloud_configurations_read(cloud);

    if (rc == 0)
        rc = cloud_identity_load(cloud, device, "", &identity, NULL);
    if (rc == 0)
        rc = cloud_twin_load(cloud, device, "", &twin, NULL);
    if (rc != 0 || (!cloud->configurations && !edge_json_get(twin, "configurations")))
        return rc < 0 ? rc : 0;
    rc = decide(cloud, identity, twin, &v);
    if (rc == 0 && !decided_before(twin, &v))
        rc = carry_out(cloud, device, cloud_identity_is_edge(identity), twin, &v);
    verdict_fini(&v);
    return rc < 0 ? rc : 0;
}

int cloud_deploy_all(struct cloud *cloud)
{
    char a[STORE_NAME] = "", b[STORE_NAME] = "";
    int rc = 0;

    while (rc == 0) {
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(CLOUD_TEXT_MAX);

        rc = store_next(cloud->store, STORE_IDENTITIES, a, b, &text);
        if (rc == 0 && !*b)
            rc = cloud_deploy(cloud, a);
        snprintf(b, sizeof b, "\x7f"); /* its modules are passed over */
    }
    return rc < 0 ? rc : 0;
}
