/* A seccomp profile as Docker writes it (SecurityOpt seccomp={…}) becomes one as OCI wants it:
 * conditions on capabilities, architecture and kernel are settled, the rest is passed on. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/spec/build.h"

static int bad(struct spec_build *build, const char *what)
{
    return edge_fail(build->err, EDGE_EINVALID, "HostConfig.SecurityOpt: seccomp profile: %s",
                     what);
}

static bool caps_hold(const struct spec_build *build, const struct edge_json *caps)
{
    for (size_t i = 0; i < edge_json_len(caps); i++) {
        unsigned bit = 0;

        if (spec_cap_parse(edge_json_str(edge_json_at(caps, i), ""), &bit) < 0 ||
            !(build->capabilities & UINT64_C(1) << bit))
            return false;
    }
    return true;
}

static bool names_us(const struct edge_json *arches, const char *go)
{
    for (size_t i = 0; i < edge_json_len(arches); i++) {
        if (strcmp(edge_json_str(edge_json_at(arches, i), ""), go) == 0)
            return true;
    }
    return false;
}

static bool kernel_is(const struct spec_build *build, const char *least)
{
    unsigned major = 0;
    unsigned minor = 0;

    if (sscanf(least, "%3u.%3u", &major, &minor) != 2)
        return false;
    return build->facts->host->kernel >= (major << 8 | minor);
}

/* Every condition that is there must hold for `includes`. */
static bool includes(const struct spec_build *build, const struct edge_json *rule, const char *go)
{
    const struct edge_json *when = edge_json_get(rule, "includes");
    const struct edge_json *arches = edge_json_get(when, "arches");
    const char *least = edge_json_str(edge_json_get(when, "minKernel"), NULL);

    return caps_hold(build, edge_json_get(when, "caps")) &&
           (edge_json_len(arches) == 0 || names_us(arches, go)) &&
           (!least || kernel_is(build, least));
}

/* One that holds is enough for `excludes`. */
static bool excludes(const struct spec_build *build, const struct edge_json *rule, const char *go)
{
    const struct edge_json *when = edge_json_get(rule, "excludes");
    const struct edge_json *caps = edge_json_get(when, "caps");
    const char *least = edge_json_str(edge_json_get(when, "minKernel"), NULL);

    return (edge_json_len(caps) > 0 && caps_hold(build, caps)) ||
           names_us(edge_json_get(when, "arches"), go) || (least && kernel_is(build, least));
}

static void copy_member(struct spec_build *build, const struct edge_json *from, const char *name,
                        struct edge_json *to)
{
    const struct edge_json *value = edge_json_get(from, name);
    struct edge_json *copy = edge_json_copy(value);

    if (value && (!copy || edge_json_set(to, name, copy) < 0))
        build->oom = -ENOMEM;
}

static int copy_rule(struct spec_build *build, const struct edge_json *rule,
                     struct edge_json *rules)
{
    const char *name = edge_json_str(edge_json_get(rule, "name"), NULL);
    const struct edge_json *names = edge_json_get(rule, "names");
    struct edge_json *item;

    if (!edge_json_str(edge_json_get(rule, "action"), NULL) ||
        (!name && !edge_json_is(names, EDGE_JSON_ARRAY)))
        return bad(build, "a rule lacks `names` or `action`");
    item = spec_item(build, rules);
    if (name)
        spec_push(build, spec_array(build, item, "names"), name);
    else
        copy_member(build, rule, "names", item);
    copy_member(build, rule, "action", item);
    copy_member(build, rule, "errnoRet", item);
    if (edge_json_len(edge_json_get(rule, "args")) > 0)
        copy_member(build, rule, "args", item);
    return 0;
}

static int put(struct spec_build *build, const struct edge_json *profile)
{
    const char *go = "";
    const char *arches = spec_seccomp_arches(build->facts->host->machine, &go);
    const struct edge_json *rules = edge_json_get(profile, "syscalls");
    struct edge_json *seccomp = spec_object(build, build->linux_, "seccomp");
    struct edge_json *list = spec_array(build, seccomp, "syscalls");
    int rc = 0;

    if (!edge_json_str(edge_json_get(profile, "defaultAction"), NULL))
        return bad(build, "`defaultAction` is missing");
    copy_member(build, profile, "defaultAction", seccomp);
    copy_member(build, profile, "defaultErrnoRet", seccomp);
    copy_member(build, profile, "flags", seccomp);
    if (edge_json_len(edge_json_get(profile, "architectures")) > 0)
        copy_member(build, profile, "architectures", seccomp);
    else if (arches)
        spec_push_words(build, spec_array(build, seccomp, "architectures"), arches);
    for (size_t i = 0; i < edge_json_len(rules) && rc == 0; i++) {
        const struct edge_json *rule = edge_json_at(rules, i);

        if (includes(build, rule, go) && !excludes(build, rule, go))
            rc = copy_rule(build, rule, list);
    }
    return rc;
}

int spec_put_seccomp_profile(struct spec_build *build, const char *text)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *profile = NULL;
    int rc = edge_json_parse(text, strlen(text), &profile, build->err);

    if (rc < 0)
        return edge_wrap(build->err, rc, "HostConfig.SecurityOpt: seccomp profile");
    if (!edge_json_is(profile, EDGE_JSON_OBJECT))
        return bad(build, "must be an object");
    return put(build, profile);
}
