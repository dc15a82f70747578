#include "agent/state/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/state/store.h"
#include "common/base/aside.h"

struct agent_state {
    struct state_store *store;
};

enum {
    MAX_DEPLOYMENT = 1 << 20,
    MAX_VALUE = 64 << 10,
    MAX_NAME = 255,
    NAME_SIZE = MAX_NAME + 16,
};

/* A damaged file is moved away and a new one begun: counts are lost, containers are not. */
static int begin_anew(const char *path, struct state_store **ret, struct edge_err *err)
{
    static const struct edge_aside how = {.mark = ".bad-", .keep = 3};
    EDGE_CLEANUP(edge_free) char *aside = NULL;
    struct edge_err why = {0};
    int rc = edge_set_aside(path, &how, &aside, err);

    if (rc < 0)
        return rc;
    if (err)
        why = *err;
    rc = state_store_open(path, ret, err);
    if (rc != 0)
        return rc < 0 ? rc : EDGE_ESTORE;
    edge_fail(err, EDGE_ESTORE, "%s; it is now %s and a new one was begun", why.text, aside);
    return AGENT_STATE_SET_ASIDE;
}

int agent_state_open(const char *path, struct agent_state **ret, struct edge_err *err)
{
    EDGE_CLEANUP(agent_state_close) struct agent_state *state = calloc(1, sizeof *state);
    struct edge_err local = {0};
    int rc;

    if (!state)
        return -ENOMEM;
    if (!err)
        err = &local;
    rc = state_store_open(path, &state->store, err);
    if (rc == STATE_STORE_CORRUPT)
        rc = begin_anew(path, &state->store, err);
    if (rc < 0)
        return rc;
    *ret = EDGE_TAKE(state);
    return rc;
}

struct agent_state *agent_state_close(struct agent_state *state)
{
    if (state)
        state_store_close(state->store);
    free(state);
    return NULL;
}

int agent_state_get_deployment(struct agent_state *state, struct edge_buf *text,
                               struct edge_err *err)
{
    return state_store_get(state->store, "deployment", text, err);
}

int agent_state_set_deployment(struct agent_state *state, const char *text, size_t len,
                               struct edge_err *err)
{
    if (len > MAX_DEPLOYMENT)
        return edge_fail(err, EDGE_ELIMIT, "a deployment of %zu bytes is not kept: more than %d",
                         len, MAX_DEPLOYMENT);
    return state_store_put(state->store, "deployment", text, len, err);
}

/* "value/<key>" and "module/<name>" keep the kinds of names apart. */
static int full_name(const char *kind, const char *name, char full[NAME_SIZE], struct edge_err *err)
{
    if (!*name || strlen(name) > MAX_NAME)
        return edge_fail(err, EDGE_EINVALID, "a %s's name must have 1 to %d bytes", kind, MAX_NAME);
    (void) snprintf(full, NAME_SIZE, "%s/%s", kind, name);
    return 0;
}

int agent_state_get(struct agent_state *state, const char *key, char **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(MAX_VALUE);
    char name[NAME_SIZE];
    int rc = full_name("value", key, name, err);

    if (rc == 0)
        rc = state_store_get(state->store, name, &text, err);
    if (rc < 0)
        return rc;
    *ret = edge_buf_take(&text);
    return *ret ? 0 : -ENOMEM;
}

int agent_state_set(struct agent_state *state, const char *key, const char *value,
                    struct edge_err *err)
{
    char name[NAME_SIZE];
    int rc = full_name("value", key, name, err);

    if (rc < 0)
        return rc;
    if (strlen(value) > MAX_VALUE)
        return edge_fail(err, EDGE_ELIMIT, "the value of `%s` is longer than %d bytes", key,
                         MAX_VALUE);
    return state_store_put(state->store, name, value, strlen(value), err);
}

/* One line of numbers; the leading 1 is the version of the line. */
#define RECORD_PRINT "1 %" PRIu32 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d"
#define RECORD_SCAN  "1 %" SCNu32 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %d%n"

static int read_record(const char *text, struct agent_module_record *ret)
{
    int end = 0;
    int n = sscanf(text, RECORD_SCAN, &ret->restart_count, &ret->last_restart_ns,
                   &ret->last_start_ns, &ret->last_exit_ns, &ret->exit_code, &ret->down, &end);

    return n == 6 && text[end] == '\0' ? 0 : EDGE_ESTORE;
}

int agent_state_get_module(struct agent_state *state, const char *name,
                           struct agent_module_record *ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(256);
    struct agent_module_record record;
    char full[NAME_SIZE];
    int rc = full_name("module", name, full, err);

    if (rc == 0)
        rc = state_store_get(state->store, full, &text, err);
    if (rc < 0)
        return rc;
    if (read_record(text.data, &record) < 0)
        return edge_fail(err, EDGE_ESTORE, "what is remembered of module \"%s\" is not readable",
                         name);
    *ret = record;
    return 0;
}

int agent_state_set_module(struct agent_state *state, const char *name,
                           const struct agent_module_record *record, struct edge_err *err)
{
    char full[NAME_SIZE];
    char text[160];
    int rc = full_name("module", name, full, err);

    if (rc < 0)
        return rc;
    (void) snprintf(text, sizeof text, RECORD_PRINT, record->restart_count, record->last_restart_ns,
                    record->last_start_ns, record->last_exit_ns, record->exit_code, record->down);
    return state_store_put(state->store, full, text, strlen(text), err);
}

int agent_state_del_module(struct agent_state *state, const char *name, struct edge_err *err)
{
    char full[NAME_SIZE];
    int rc = full_name("module", name, full, err);

    return rc < 0 ? rc : state_store_del(state->store, full, err);
}
