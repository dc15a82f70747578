#include "agent/plan/reason.h"

#include <stdarg.h>
#include <stdio.h>

/* Text that grows up to its end and is then cut at a word. */
struct text {
    char *at;
    size_t len;
    bool full;
};

static void EDGE_PRINTF(2, 3) put(struct text *t, const char *fmt, ...)
{
    static const char more[] = " …";
    size_t room = PLAN_REASON - sizeof more - t->len;
    va_list args;
    int n;

    if (t->full)
        return;
    va_start(args, fmt);
    n = vsnprintf(t->at + t->len, room, fmt, args);
    va_end(args);
    if (n >= 0 && (size_t) n < room) {
        t->len += (size_t) n;
        return;
    }
    memcpy(t->at + t->len, more, sizeof more);
    t->full = true;
}

static void separate(struct text *t)
{
    if (t->len > 0)
        put(t, "; ");
}

/* Both texts whole when there is room, else only that they differ. */
static void put_change(struct text *t, const char *what, const char *from, const char *to)
{
    separate(t);
    if (strlen(what) + strlen(from) + strlen(to) + t->len + 24 < PLAN_REASON)
        put(t, "%s changed from %s to %s", what, from, to);
    else
        put(t, "%s changed", what);
}

/* One name that came, went or changed; the first of a list brings the heading along. */
static void put_name(struct text *t, bool *first, const char *heading, char sign, const char *name)
{
    if (*first) {
        separate(t);
        put(t, "%s changed:", heading);
        *first = false;
    }
    put(t, " %c%.*s", sign, 40, name);
}

/* Both lists are sorted by name. */
static void put_env(struct text *t, const struct agent_module_spec *old,
                    const struct agent_module_spec *new)
{
    bool first = true;
    size_t i = 0;
    size_t j = 0;

    while (i < old->nenv || j < new->nenv) {
        int order = i == old->nenv   ? 1
                    : j == new->nenv ? -1
                                     : strcmp(old->env[i].name, new->env[j].name);

        if (order < 0)
            put_name(t, &first, "env", '-', old->env[i].name);
        else if (order > 0)
            put_name(t, &first, "env", '+', new->env[j].name);
        else if (strcmp(old->env[i].value, new->env[j].value) != 0)
            put_name(t, &first, "env", '~', new->env[j].name);
        i += order <= 0;
        j += order >= 0;
    }
}

static void put_options(struct text *t, const struct edge_json *old, const struct edge_json *new)
{
    bool first = true;

    for (edge_json_foreach (it, old)) {
        if (!edge_json_has(new, it.name))
            put_name(t, &first, "createOptions", '-', it.name);
    }
    for (edge_json_foreach (it, new)) {
        if (!edge_json_has(old, it.name))
            put_name(t, &first, "createOptions", '+', it.name);
        else if (!edge_json_equal(edge_json_get(old, it.name), it.value))
            put_name(t, &first, "createOptions", '~', it.name);
    }
}

void plan_reason_replace(const struct agent_module_spec *old, const struct agent_module_spec *new,
                         char reason[PLAN_REASON])
{
    struct text t = {.at = reason};

    reason[0] = '\0';
    if (!old) {
        put(&t, "what it was made from cannot be read");
        return;
    }
    if (strcmp(old->image, new->image) != 0)
        put_change(&t, "image", old->image, new->image);
    if (strcmp(old->digest, new->digest) != 0)
        put_change(&t, "digest", old->digest, new->digest);
    put_options(&t, old->create_options, new->create_options);
    put_env(&t, old, new);
    if (t.len == 0)
        put(&t, "made by another version");
}

void plan_reason_relabel(const struct agent_module_spec *old, const struct agent_module_spec *new,
                         char reason[PLAN_REASON])
{
    struct text t = {.at = reason};

    reason[0] = '\0';
    if (!old) {
        put(&t, "what it was made from cannot be read");
        return;
    }
    if (old->want != new->want)
        put_change(&t, "status", agent_want_name(old->want), agent_want_name(new->want));
    if (old->policy != new->policy)
        put_change(&t, "restartPolicy", agent_policy_name(old->policy),
                   agent_policy_name(new->policy));
    if (old->pull != new->pull)
        put_change(&t, "imagePullPolicy", agent_pull_policy_name(old->pull),
                   agent_pull_policy_name(new->pull));
    if (old->startup_order != new->startup_order) {
        separate(&t);
        put(&t, "startupOrder changed from %u to %u", old->startup_order, new->startup_order);
    }
    if (strcmp(old->version, new->version) != 0) {
        separate(&t);
        put(&t, "version changed");
    }
    if (t.len == 0)
        put(&t, "written anew");
}
