/* What is known of a twin: whole twins and patches in, differences out. */
#include "hub/core/twin_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/iothub/twin.h"
#include "hub/core/twin_pending.h"

struct hub_twin_state *hub_twin_state_create(void)
{
    EDGE_CLEANUP(hub_twin_state_free) struct hub_twin_state *state = calloc(1, sizeof *state);

    if (!state)
        return NULL;
    state->desired = edge_json_new_object();
    state->reported = edge_json_new_object();
    return state->desired && state->reported ? EDGE_TAKE(state) : NULL;
}

struct hub_twin_state *hub_twin_state_free(struct hub_twin_state *state)
{
    if (!state)
        return NULL;
    edge_json_free(state->desired);
    edge_json_free(state->reported);
    edge_json_free(state->told);
    for (size_t i = 0; i < state->npending; i++)
        edge_json_free(state->pending[i]);
    free(state);
    return NULL;
}

int64_t hub_twin_version(const struct edge_json *patch)
{
    int64_t version = edge_json_int(edge_json_get(patch, "$version"), 0);

    return version > 0 && version < HUB_TWIN_VERSION_MAX ? version : 0;
}

size_t hub_twin_bytes(const struct edge_json *section)
{
    EDGE_CLEANUP(edge_free) char *text = edge_json_text(section);

    return text ? strlen(text) : SIZE_MAX;
}

static int check_bytes(const struct edge_json *section, struct edge_err *err)
{
    size_t bytes = hub_twin_bytes(section);

    if (bytes == SIZE_MAX)
        return edge_fail(err, -ENOMEM, "no memory for the twin");
    if (bytes > HUB_TWIN_SECTION_BYTES)
        return edge_fail(err, EDGE_ELIMIT, "the section has %zu bytes, more than %d", bytes,
                         HUB_TWIN_SECTION_BYTES);
    return 0;
}

/* A section without its $version and $metadata. */
static struct edge_json *bare(const struct edge_json *section)
{
    struct edge_json *copy = edge_json_new_object();

    if (copy && edge_twin_merge(copy, section) < 0)
        return edge_json_free(copy);
    return copy;
}

/* What the client was told last is kept before it changes. */
static void replace_desired(struct hub_twin_state *state, struct edge_json *desired,
                            int64_t version)
{
    if (state->told_version != 0 && !state->told)
        state->told = EDGE_TAKE(state->desired);
    edge_json_free(state->desired);
    state->desired = desired;
    state->desired_version = version;
}

static int overlay(const struct hub_twin_state *state, struct edge_json *reported)
{
    int rc = 0;

    for (size_t i = 0; i < state->npending && rc == 0; i++)
        rc = edge_twin_merge(reported, state->pending[i]);
    return rc;
}

static int take_whole(struct hub_twin_state *state, const struct edge_json *desired,
                      const struct edge_json *reported, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *want = bare(desired);
    EDGE_CLEANUP(edge_json_free) struct edge_json *have = bare(reported);
    int64_t version = hub_twin_version(desired);
    int64_t count = hub_twin_version(reported);
    bool same;
    int rc;

    if (!want || !have || overlay(state, have) < 0)
        return edge_fail(err, -ENOMEM, "no memory for the twin");
    rc = check_bytes(want, err);
    if (rc == 0)
        rc = check_bytes(have, err);
    if (rc < 0)
        return rc;
    if (version < state->heard)
        return HUB_TWIN_GAP;
    same = state->known && state->desired_version == version && state->reported_version == count &&
           edge_json_equal(state->desired, want) && edge_json_equal(state->reported, have);
    if (same)
        return HUB_TWIN_SAME;
    if (state->desired_version != version || !edge_json_equal(state->desired, want))
        replace_desired(state, EDGE_TAKE(want), version);
    edge_json_free(state->reported);
    state->reported = EDGE_TAKE(have);
    state->reported_version = count;
    state->known = true;
    return 0;
}

int hub_twin_state_whole(struct hub_twin_state *state, const char *json, size_t len,
                         struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *twin = NULL;
    const struct edge_json *desired;
    const struct edge_json *reported;
    int rc;

    if (len > HUB_TWIN_TEXT_MAX)
        return edge_fail(err, EDGE_ELIMIT, "the twin has %zu bytes, more than %d", len,
                         HUB_TWIN_TEXT_MAX);
    rc = edge_json_parse(json, len, &twin, err);
    if (rc < 0)
        return rc;
    desired = edge_json_get(twin, "desired");
    reported = edge_json_get(twin, "reported");
    if (!edge_json_is(desired, EDGE_JSON_OBJECT) || !edge_json_is(reported, EDGE_JSON_OBJECT))
        return edge_fail(err, EDGE_EINVALID, "the twin has no desired or no reported section");
    return take_whole(state, desired, reported, err);
}

int hub_twin_state_desired(struct hub_twin_state *state, const struct edge_json *patch)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *desired = NULL;
    int64_t version = hub_twin_version(patch);

    if (version > state->heard)
        state->heard = version;
    if (!state->known || version != state->desired_version + 1)
        return HUB_TWIN_GAP;
    desired = edge_json_copy(state->desired);
    if (!desired || edge_twin_merge(desired, patch) < 0)
        return -ENOMEM;
    if (check_bytes(desired, NULL) < 0)
        return HUB_TWIN_GAP; /* the whole twin will say that it is too large */
    replace_desired(state, EDGE_TAKE(desired), version);
    return 0;
}

int hub_twin_state_report(struct hub_twin_state *state, const struct edge_json *patch,
                          struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *reported = NULL;
    int rc = edge_twin_check(patch, &edge_twin_limits_properties, err);

    if (rc < 0)
        return rc;
    reported = edge_json_copy(state->reported);
    if (!reported || edge_twin_merge(reported, patch) < 0)
        return edge_fail(err, -ENOMEM, "no memory for the twin");
    rc = edge_twin_check(reported, &edge_twin_limits_properties, err);
    if (rc == 0)
        rc = check_bytes(reported, err);
    if (rc == 0)
        rc = hub_twin_pending_add(state, patch, err);
    if (rc < 0)
        return rc;
    edge_json_free(state->reported);
    state->reported = EDGE_TAKE(reported);
    state->reported_version++;
    return 0;
}

static int put_section(struct edge_json *twin, const char *name, const struct edge_json *section,
                       int64_t version)
{
    struct edge_json *copy = edge_json_copy(section);
    int rc = copy ? edge_json_set(twin, name, copy) : -ENOMEM;

    return rc < 0 ? rc : edge_json_set_int(copy, "$version", version);
}

char *hub_twin_state_text(const struct hub_twin_state *state)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *twin = edge_json_new_object();

    if (!twin || put_section(twin, "desired", state->desired, state->desired_version) < 0 ||
        put_section(twin, "reported", state->reported, state->reported_version) < 0)
        return NULL;
    return edge_json_text(twin);
}

int hub_twin_state_news(const struct hub_twin_state *state, char **ret)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *news = NULL;

    *ret = NULL;
    if (state->told_version == 0 || !state->told)
        return 0;
    news = edge_twin_diff(state->told, state->desired);
    if (!news)
        return -ENOMEM;
    if (edge_json_len(news) == 0)
        return 0;
    if (edge_json_set_int(news, "$version", state->desired_version) < 0)
        return -ENOMEM;
    *ret = edge_json_text(news);
    return *ret ? 0 : -ENOMEM;
}

bool hub_twin_state_told(struct hub_twin_state *state)
{
    bool fresh = state->told || state->told_version != state->desired_version;

    state->told = edge_json_free(state->told);
    state->told_version = state->desired_version;
    return fresh;
}
