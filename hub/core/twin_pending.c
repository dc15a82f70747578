#include "hub/core/twin_pending.h"

#include <errno.h>
#include <string.h>

#include "common/iothub/twin.h"

/* Would `first` and then `second` be the same as one patch of both? Not where an object comes after
 * something else: that has cleared the place, an object alone does not. */
static bool joins(const struct edge_json *first, const struct edge_json *second)
{
    for (edge_json_foreach (it, second)) {
        const struct edge_json *here = edge_json_get(first, it.name);

        if (!edge_json_is(it.value, EDGE_JSON_OBJECT) || !edge_json_has(first, it.name))
            continue;
        if (!edge_json_is(here, EDGE_JSON_OBJECT) || !joins(here, it.value))
            return false;
    }
    return true;
}

/* A merge that keeps nulls. */
static int join(struct edge_json *first, const struct edge_json *second)
{
    int rc = 0;

    for (edge_json_foreach (it, second)) {
        struct edge_json *here = edge_json_get(first, it.name);
        struct edge_json *copy = NULL;

        if (edge_json_is(it.value, EDGE_JSON_OBJECT) && edge_json_is(here, EDGE_JSON_OBJECT)) {
            rc = join(here, it.value);
        } else {
            copy = edge_json_copy(it.value);
            rc = copy || !it.value ? edge_json_set(first, it.name, copy) : -ENOMEM;
        }
        if (rc < 0)
            break;
    }
    return rc;
}

/* IoT Hub takes a patch no larger than a section. */
static bool fits(const struct edge_json *first, const struct edge_json *second)
{
    size_t a = hub_twin_bytes(first);
    size_t b = hub_twin_bytes(second);

    return a <= HUB_TWIN_SECTION_BYTES && b <= HUB_TWIN_SECTION_BYTES - a &&
           edge_twin_size(first) + edge_twin_size(second) <= edge_twin_limits_properties.section;
}

/* Is there room for one more? */
static bool has_room(const struct hub_twin_state *state, const struct edge_json *patch)
{
    size_t left = HUB_TWIN_PENDING_BYTES;

    for (size_t i = 0; i <= state->npending; i++) {
        size_t bytes = hub_twin_bytes(i < state->npending ? state->pending[i] : patch);

        if (bytes > left)
            return false;
        left -= bytes;
    }
    return true;
}

static int join_into(struct edge_json **first, const struct edge_json *second)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *both = edge_json_copy(*first);

    if (!both || join(both, second) < 0)
        return -ENOMEM;
    edge_json_free(*first);
    *first = EDGE_TAKE(both);
    return 0;
}

static int append(struct hub_twin_state *state, const struct edge_json *patch)
{
    struct edge_json *copy = edge_json_copy(patch);

    if (!copy)
        return -ENOMEM;
    state->pending[state->npending++] = copy;
    return 0;
}

static void take_out(struct hub_twin_state *state, size_t index)
{
    edge_json_free(state->pending[index]);
    state->npending--;
    memmove(&state->pending[index], &state->pending[index + 1],
            (state->npending - index) * sizeof state->pending[0]);
}

/* Neighbours that can be one become one; what is under way is left alone. */
static int compact(struct hub_twin_state *state)
{
    size_t i = state->sending ? 1 : 0;
    int rc = 0;

    while (i + 1 < state->npending && rc == 0) {
        const struct edge_json *next = state->pending[i + 1];

        if (!joins(state->pending[i], next) || !fits(state->pending[i], next)) {
            i++;
            continue;
        }
        rc = join_into(&state->pending[i], next);
        if (rc == 0)
            take_out(state, i + 1);
    }
    return rc;
}

int hub_twin_pending_add(struct hub_twin_state *state, const struct edge_json *patch,
                         struct edge_err *err)
{
    static const char full[] =
        "too many reported properties wait for IoT Hub, try again when it is back";
    size_t fixed = state->sending ? 1 : 0;
    struct edge_json **last = state->npending > fixed ? &state->pending[state->npending - 1] : NULL;

    if (!has_room(state, patch))
        return edge_fail(err, EDGE_ELIMIT, "%s", full);
    if (last && joins(*last, patch) && fits(*last, patch))
        return join_into(last, patch);
    if (state->npending == HUB_TWIN_PATCHES && compact(state) < 0)
        return -ENOMEM;
    if (state->npending < HUB_TWIN_PATCHES)
        return append(state, patch);
    return edge_fail(err, EDGE_ELIMIT, "%s", full);
}

char *hub_twin_state_next(struct hub_twin_state *state)
{
    char *text;

    if (compact(state) < 0 || state->npending == 0)
        return NULL;
    text = edge_json_text(state->pending[0]);
    state->sending = text != NULL;
    return text;
}

void hub_twin_state_sent(struct hub_twin_state *state, bool gone, int64_t version)
{
    state->sending = false;
    if (!gone)
        return;
    take_out(state, 0);
    if (version > 0)
        state->reported_version = version;
}
