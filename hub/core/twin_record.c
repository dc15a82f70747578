/* A twin's document on disk: {"known", "desired", "desiredVersion", …}, JSON. */
#include <errno.h>

#include "hub/core/twin_state.h"

static int put(struct edge_json *record, const char *name, const struct edge_json *value)
{
    struct edge_json *copy = edge_json_copy(value);

    return copy ? edge_json_set(record, name, copy) : -ENOMEM;
}

static int put_pending(struct edge_json *record, const struct hub_twin_state *state)
{
    struct edge_json *list = edge_json_need_array(record, "pending");
    int rc = list ? 0 : -ENOMEM;

    for (size_t i = 0; i < state->npending && rc == 0; i++) {
        struct edge_json *copy = edge_json_copy(state->pending[i]);

        rc = copy ? edge_json_append(list, copy) : -ENOMEM;
    }
    return rc;
}

char *hub_twin_state_write(const struct hub_twin_state *state)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *record = edge_json_new_object();

    if (!record || edge_json_set_bool(record, "known", state->known) < 0 ||
        put(record, "desired", state->desired) < 0 ||
        edge_json_set_int(record, "desiredVersion", state->desired_version) < 0 ||
        put(record, "reported", state->reported) < 0 ||
        edge_json_set_int(record, "reportedVersion", state->reported_version) < 0 ||
        put_pending(record, state) < 0 ||
        edge_json_set_int(record, "toldVersion", state->told_version) < 0)
        return NULL;
    if (state->told && put(record, "told", state->told) < 0)
        return NULL;
    return edge_json_text(record);
}

static int get(const struct edge_json *record, const char *name, struct edge_json **ret)
{
    const struct edge_json *section = edge_json_get(record, name);
    struct edge_json *copy;

    if (!edge_json_is(section, EDGE_JSON_OBJECT))
        return EDGE_EPROTOCOL;
    copy = edge_json_copy(section);
    if (!copy)
        return -ENOMEM;
    edge_json_free(*ret);
    *ret = copy;
    return 0;
}

static int64_t get_version(const struct edge_json *record, const char *name)
{
    int64_t version = edge_json_int(edge_json_get(record, name), 0);

    return version > 0 && version < HUB_TWIN_VERSION_MAX ? version : 0;
}

static int get_pending(const struct edge_json *record, struct hub_twin_state *state)
{
    const struct edge_json *list = edge_json_get(record, "pending");

    if (edge_json_len(list) > HUB_TWIN_PATCHES)
        return EDGE_EPROTOCOL;
    for (size_t i = 0; i < edge_json_len(list); i++) {
        const struct edge_json *patch = edge_json_at(list, i);

        if (!edge_json_is(patch, EDGE_JSON_OBJECT))
            return EDGE_EPROTOCOL;
        state->pending[i] = edge_json_copy(patch);
        if (!state->pending[i])
            return -ENOMEM;
        state->npending++;
    }
    return 0;
}

int hub_twin_state_read(struct edge_bytes bytes, struct hub_twin_state **ret)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *record = NULL;
    EDGE_CLEANUP(hub_twin_state_free) struct hub_twin_state *state = hub_twin_state_create();
    int rc;

    if (!state)
        return -ENOMEM;
    rc = edge_json_parse((const char *) bytes.data, bytes.len, &record, NULL);
    if (rc < 0)
        return rc == EDGE_EINVALID ? EDGE_EPROTOCOL : rc;
    rc = get(record, "desired", &state->desired);
    if (rc == 0)
        rc = get(record, "reported", &state->reported);
    if (rc == 0)
        rc = get_pending(record, state);
    if (rc == 0 && edge_json_has(record, "told"))
        rc = get(record, "told", &state->told);
    if (rc < 0)
        return rc;
    state->known = edge_json_bool(edge_json_get(record, "known"), false);
    state->desired_version = get_version(record, "desiredVersion");
    state->reported_version = get_version(record, "reportedVersion");
    state->told_version = get_version(record, "toldVersion");
    *ret = EDGE_TAKE(state);
    return 0;
}
