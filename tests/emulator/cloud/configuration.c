#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/emulator/cloud/internal.h"
#include "tests/emulator/cloud/search.h"

enum { CONFIGURATIONS_MAX = 100, PRIORITY_MAX = 1000000000 };

static const char desired[] = "properties.desired";

static bool entry_key_valid(const char *key)
{
    size_t len = sizeof desired - 1;

    return strncmp(key, desired, len) == 0 &&
           (key[len] == '\0' || (key[len] == '.' && key[len + 1] != '\0'));
}

static int check_entry(const char *name, const struct edge_json *entry, struct edge_err *err)
{
    if (!edge_json_is(entry, EDGE_JSON_OBJECT))
        return cloud_refuse(err, CLOUD_INVALID, "the content of %s is no object", name);
    for (edge_json_foreach (it, entry)) {
        if (!entry_key_valid(it.name))
            return cloud_refuse(err, CLOUD_INVALID, "%s of %s is not %s or below it", it.name, name,
                                desired);
    }
    return 0;
}

int cloud_content_check(const struct edge_json *content, struct edge_err *err)
{
    const struct edge_json *modules = edge_json_get(content, "modulesContent");
    const struct edge_json *device = edge_json_get(content, "deviceContent");
    int rc = 0;

    if (modules && !edge_json_is(modules, EDGE_JSON_OBJECT))
        return cloud_refuse(err, CLOUD_INVALID, "modulesContent is no object");
    for (edge_json_foreach (it, modules)) {
        if (!edge_id_valid(it.name, strlen(it.name)))
            return cloud_refuse(err, CLOUD_INVALID, "a module id is not valid");
        rc = check_entry(it.name, it.value, err);
        if (rc != 0)
            return rc;
    }
    return device ? check_entry("deviceContent", device, err) : 0;
}

/* In memory, to be matched */

static struct cloud_configuration *free_one(struct cloud_configuration *c)
{
    query_free(c->target);
    edge_json_free(c->doc);
    free(c);
    return NULL;
}

void cloud_configurations_forget(struct cloud *cloud)
{
    while (cloud->configurations) {
        struct cloud_configuration *c = cloud->configurations;

        cloud->configurations = c->next;
        free_one(c);
    }
    cloud->configurations_read = false;
}

static bool higher(const struct cloud_configuration *a, const struct cloud_configuration *b)
{
    return a->priority != b->priority ? a->priority > b->priority
                                      : strcmp(a->created, b->created) > 0;
}

static void insert(struct cloud *cloud, struct cloud_configuration *c)
{
    struct cloud_configuration **at = &cloud->configurations;

    while (*at && higher(*at, c))
        at = &(*at)->next;
    c->next = *at;
    *at = c;
}

static int prepare(struct cloud *cloud, struct edge_json *doc)
{
    struct cloud_configuration *c = calloc(1, sizeof *c);
    const struct edge_json *content = edge_json_get(doc, "content");
    const char *target = edge_json_str(edge_json_get(doc, "targetCondition"), "");
    int rc;

    if (!c) {
        edge_json_free(doc);
        return -ENOMEM;
    }
    c->doc = doc;
    c->id = edge_json_str(edge_json_get(doc, "id"), "");
    c->etag = edge_json_str(edge_json_get(doc, "etag"), "");
    c->created = edge_json_str(edge_json_get(doc, "createdTimeUtc"), "");
    c->priority = edge_json_int(edge_json_get(doc, "priority"), 0);
    c->modules = edge_json_get(content, "modulesContent");
    c->device = edge_json_get(content, "deviceContent");
    c->layered = !edge_json_has(edge_json_get(c->modules, "$edgeAgent"), desired);
    /* A configuration without a condition targets nothing. */
    rc = *target ? query_parse_condition(target, strlen(target), &c->target, NULL) : 0;
    if (rc < 0) {
        free_one(c);
        return rc;
    }
    insert(cloud, c);
    return 0;
}

int cloud_configurations_read(struct cloud *cloud)
{
    char a[STORE_NAME] = "", b[STORE_NAME] = "";
    int rc = 0;

    if (cloud->configurations_read)
        return 0;
    while (rc == 0) {
        struct edge_json *doc = NULL;

        rc = cloud_next(cloud, STORE_CONFIGURATIONS, a, b, &doc);
        if (rc == 0)
            rc = prepare(cloud, doc);
    }
    if (rc < 0) {
        cloud_configurations_forget(cloud);
        return rc;
    }
    cloud->configurations_read = true;
    return 0;
}

/* Metrics: every count is the number of rows of a query, which is shown beside it. */

static int count_row(struct edge_json *document, const char *a, const char *b, void *arg)
{
    int64_t *count = arg;

    (void) document;
    (void) a;
    (void) b;
    ++*count;
    return 0;
}

static int64_t count_rows(struct cloud *cloud, const char *sql)
{
    EDGE_CLEANUP(query_free) struct query *query = NULL;
    int64_t count = 0;

    if (query_parse(sql, strlen(sql), &query, NULL) == 0)
        edge_ignore(cloud_search(cloud, query, count_row, &count));
    return count;
}

#define AGENTS "select deviceId from devices.modules where moduleId = '$edgeAgent' and "
#define UP_TO_DATE                                                                                 \
    " and properties.desired.$version = properties.reported.lastDesiredVersion and "               \
    "properties.reported.lastDesiredStatus.code "

static int add_query(struct edge_json *queries, const char *name, char *sql)
{
    int rc = sql ? edge_json_set_str(queries, name, sql) : -ENOMEM;

    free(sql);
    return rc;
}

static int system_queries(const struct edge_json *doc, struct edge_json *queries)
{
    const char *id = edge_json_str(edge_json_get(doc, "id"), "");
    const char *target = edge_json_str(edge_json_get(doc, "targetCondition"), "");
    bool edge = edge_json_get(edge_json_get(doc, "content"), "modulesContent") != NULL;
    bool all = strcmp(target, "*") == 0 || !*target;
    int rc = add_query(queries, "targetedCount",
                       edge_format("select deviceId from devices%s%s%s", all ? "" : " where ",
                                   all ? "" : target, ""));

    if (!edge)
        return rc == 0 ? add_query(queries, "appliedCount",
                                   edge_format("select deviceId from devices where "
                                               "configurations.[[%s]].status = 'Applied'",
                                               id))
                       : rc;
    if (rc == 0)
        rc = add_query(queries, "appliedCount",
                       edge_format(AGENTS "configurations.[[%s]].status = 'Applied'", id));
    if (rc == 0)
        rc = add_query(
            queries, "reportedSuccessfulCount",
            edge_format(AGENTS "configurations.[[%s]].status = 'Applied'" UP_TO_DATE "= 200", id));
    if (rc == 0)
        rc = add_query(
            queries, "reportedFailedCount",
            edge_format(AGENTS "configurations.[[%s]].status = 'Applied'" UP_TO_DATE "!= 200", id));
    return rc;
}

static int run_queries(struct cloud *cloud, struct edge_json *metrics)
{
    struct edge_json *results = edge_json_new_object();
    int rc = results ? 0 : -ENOMEM;

    for (edge_json_foreach (it, edge_json_get(metrics, "queries"))) {
        if (rc == 0)
            rc =
                edge_json_set_int(results, it.name, count_rows(cloud, edge_json_str(it.value, "")));
    }
    if (rc < 0) {
        edge_json_free(results);
        return rc;
    }
    return edge_json_set(metrics, "results", results);
}

/* The stored form to the one shown, in place. */
static int show(struct cloud *cloud, struct edge_json *doc)
{
    struct edge_json *system = edge_json_need_object(doc, "systemMetrics");
    struct edge_json *own = edge_json_need_object(doc, "metrics");
    struct edge_json *queries = system ? edge_json_need_object(system, "queries") : NULL;
    int rc = queries && own && edge_json_need_object(own, "queries") ? 0 : -ENOMEM;

    if (rc == 0 && *edge_json_str(edge_json_get(doc, "targetCondition"), ""))
        rc = system_queries(doc, queries);
    if (rc == 0)
        rc = run_queries(cloud, system);
    return rc == 0 ? run_queries(cloud, own) : rc;
}

/* Registry of configurations */

static int load(struct cloud *cloud, const char *id, struct edge_json **ret, struct edge_err *err)
{
    int rc = cloud_load(cloud, STORE_CONFIGURATIONS, id, "", ret);

    if (rc == STORE_ABSENT)
        return cloud_refuse(err, CLOUD_NO_CONFIGURATION, "there is no configuration %s", id);
    return rc;
}

int cloud_configuration_get(struct cloud *cloud, const char *id, struct edge_json **ret,
                            struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *doc = NULL;
    int rc = load(cloud, id, &doc, err);

    if (rc == 0)
        rc = show(cloud, doc);
    if (rc == 0)
        *ret = EDGE_TAKE(doc);
    return rc;
}

int cloud_configurations(struct cloud *cloud, size_t top, struct edge_json **ret)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *list = edge_json_new_array();
    char a[STORE_NAME] = "", b[STORE_NAME] = "";
    int rc = list ? 0 : -ENOMEM;

    while (rc == 0 && edge_json_len(list) < top) {
        struct edge_json *doc = NULL;

        rc = cloud_next(cloud, STORE_CONFIGURATIONS, a, b, &doc);
        if (rc != 0)
            break;
        rc = show(cloud, doc);
        if (rc == 0)
            rc = edge_json_append(list, doc);
        else
            edge_json_free(doc);
    }
    if (rc >= 0)
        *ret = EDGE_TAKE(list);
    return rc < 0 ? rc : 0;
}

static bool id_valid(const char *id)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-:+%_#*?!(),=@;$'";
    size_t len = strlen(id);

    return len > 0 && len <= EDGE_ID_MAX && strspn(id, allowed) == len;
}

static int check_target(const char *target, struct edge_err *err)
{
    EDGE_CLEANUP(query_free) struct query *query = NULL;
    struct edge_err why = {0};
    int rc = query_parse_condition(target, strlen(target), &query, &why);

    return rc == EDGE_EINVALID || rc == EDGE_ELIMIT || rc == EDGE_EUNSUPPORTED
               ? cloud_refuse(err, CLOUD_INVALID, "targetCondition: %s", why.text)
               : rc;
}

static int check_wanted(const char *id, const struct edge_json *wanted, struct edge_err *err)
{
    const struct edge_json *priority = edge_json_get(wanted, "priority");
    const struct edge_json *content = edge_json_get(wanted, "content");
    int rc;

    if (!id_valid(id) || strcmp(edge_json_str(edge_json_get(wanted, "id"), id), id) != 0)
        return cloud_refuse(err, CLOUD_INVALID,
                            "the configuration's id is not valid, or not the address's");
    if ((priority && !edge_json_is(priority, EDGE_JSON_INT)) || edge_json_int(priority, 0) < 0 ||
        edge_json_int(priority, 0) > PRIORITY_MAX)
        return cloud_refuse(err, CLOUD_INVALID, "priority is no number from 0 on");
    if (!edge_json_is(content, EDGE_JSON_OBJECT))
        return cloud_refuse(err, CLOUD_INVALID, "content is missing");
    rc = cloud_content_check(content, err);
    return rc == 0 ? check_target(edge_json_str(edge_json_get(wanted, "targetCondition"), ""), err)
                   : rc;
}

static int copy_member(struct edge_json *doc, const struct edge_json *wanted, const char *name)
{
    const struct edge_json *value = edge_json_get(wanted, name);

    return value ? edge_json_set(doc, name, edge_json_copy(value)) : 0;
}

static int fill(struct cloud *cloud, struct edge_json *doc, const char *id,
                const struct edge_json *wanted, const struct edge_json *old)
{
    static const char *const members[] = {"labels", "content", "targetCondition"};
    const struct edge_json *queries = edge_json_get(edge_json_get(wanted, "metrics"), "queries");
    char now[EDGE_TIME_TEXT];
    char etag[24];
    int rc = edge_json_set_str(doc, "id", id);

    cloud_time(cloud, now);
    cloud_etag_make(etag);
    if (rc == 0)
        rc = edge_json_set_str(doc, "schemaVersion", "1.0");
    for (size_t i = 0; i < EDGE_ARRAY_LEN(members) && rc == 0; i++)
        rc = copy_member(doc, wanted, members[i]);
    if (rc == 0)
        rc =
            edge_json_set_int(doc, "priority", edge_json_int(edge_json_get(wanted, "priority"), 0));
    if (rc == 0 && queries)
        rc = edge_json_set(edge_json_need_object(doc, "metrics"), "queries",
                           edge_json_copy(queries));
    if (rc == 0)
        rc = edge_json_set_str(doc, "createdTimeUtc",
                               edge_json_str(edge_json_get(old, "createdTimeUtc"), now));
    if (rc == 0)
        rc = edge_json_set_str(doc, "lastUpdatedTimeUtc", now);
    return rc == 0 ? edge_json_set_str(doc, "etag", etag) : rc;
}

static int check_room(struct cloud *cloud, struct edge_err *err)
{
    int64_t count = 0;
    int rc = store_count(cloud->store, STORE_CONFIGURATIONS, &count);

    if (rc == 0 && count >= CONFIGURATIONS_MAX)
        return cloud_refuse(err, CLOUD_QUOTA, "there are %d configurations already",
                            CONFIGURATIONS_MAX);
    return rc;
}

int cloud_configuration_put(struct cloud *cloud, const char *id, const struct edge_json *wanted,
                            const char *etag, struct edge_json **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *old = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *doc = edge_json_new_object();
    int rc = check_wanted(id, wanted, err);

    if (rc != 0)
        return rc;
    rc = load(cloud, id, &old, err);
    if (rc == 0 && !etag)
        return cloud_refuse(err, CLOUD_EXISTS, "configuration %s exists already", id);
    if (rc == 0 && !cloud_etag_matches(etag, edge_json_str(edge_json_get(old, "etag"), "")))
        return cloud_refuse(err, CLOUD_STALE, "configuration %s has changed", id);
    if (rc == CLOUD_NO_CONFIGURATION && !etag)
        rc = check_room(cloud, err);
    if (rc == 0)
        rc = doc ? fill(cloud, doc, id, wanted, old) : -ENOMEM;
    if (rc == 0)
        rc = cloud_save(cloud, STORE_CONFIGURATIONS, id, "", doc);
    cloud_configurations_forget(cloud);
    if (rc == 0)
        rc = cloud_deploy_all(cloud);
    return rc == 0 ? cloud_configuration_get(cloud, id, ret, err) : rc;
}

int cloud_configuration_delete(struct cloud *cloud, const char *id, const char *etag,
                               struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *old = NULL;
    int rc = load(cloud, id, &old, err);

    if (rc != 0)
        return rc;
    if (!cloud_etag_matches(etag, edge_json_str(edge_json_get(old, "etag"), "")))
        return cloud_refuse(err, CLOUD_STALE, "configuration %s has changed", id);
    rc = store_del(cloud->store, STORE_CONFIGURATIONS, id, "");
    cloud_configurations_forget(cloud);
    return rc == 0 ? cloud_deploy_all(cloud) : rc;
}

int cloud_configuration_test(struct cloud *cloud, const struct edge_json *request,
                             struct edge_json **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *result = edge_json_new_object();
    struct edge_json *errors =
        result ? edge_json_need_object(result, "customMetricQueryErrors") : NULL;
    struct edge_err why = {0};
    int rc = check_target(edge_json_str(edge_json_get(request, "targetCondition"), ""), &why);

    (void) cloud;
    (void) err;
    if (rc < 0 || !errors || edge_json_set_str(result, "targetConditionError", why.text) < 0)
        return rc < 0 ? rc : -ENOMEM;
    for (edge_json_foreach (it, edge_json_get(request, "customMetricQueries"))) {
        EDGE_CLEANUP(query_free) struct query *query = NULL;
        const char *sql = edge_json_str(it.value, "");

        memset(&why, 0, sizeof why);
        if (query_parse(sql, strlen(sql), &query, &why) < 0 &&
            edge_json_set_str(errors, it.name, why.text) < 0)
            return -ENOMEM;
    }
    *ret = EDGE_TAKE(result);
    return 0;
}
