/* process: command, environment, user, limits. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/spec/build.h"
#include "agent/spec/options_read.h"

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum { ENV_MAX = 1024 };

static const struct edge_json *image_member(const struct spec_build *build, const char *name)
{
    return edge_json_get_nocase(build->facts->image_config, name);
}

/* --- environment: later ones win, the place in the list is the first one's --- */

static int env_put(char ***env, const char *text)
{
    size_t name = strcspn(text, "=");

    for (char **at = *env; at && *at; at++) {
        if (strncmp(*at, text, name) == 0 && (*at)[name] == '=')
            return opt_keep(at, strdup(text));
    }
    return opt_strv_add(env, strdup(text));
}

static bool env_has(char *const *env, const char *name)
{
    size_t len = strlen(name);

    for (; env && *env; env++) {
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return true;
    }
    return false;
}

static int env_put_pair(char ***env, const char *name, const char *value)
{
    EDGE_CLEANUP(edge_free) char *text = edge_format("%s=%s", name, value);

    return text ? env_put(env, text) : -ENOMEM;
}

static int env_put_image(struct spec_build *build, char ***env)
{
    const struct edge_json *list = image_member(build, "Env");
    int rc = 0;

    if (edge_json_len(list) > ENV_MAX)
        return edge_fail(build->err, EDGE_ELIMIT, "the image has more than %d variables", ENV_MAX);
    for (size_t i = 0; rc == 0 && i < edge_json_len(list); i++) {
        const char *text = edge_json_str(edge_json_at(list, i), NULL);

        if (text && *text != '=' && strchr(text, '='))
            rc = env_put(env, text);
    }
    return rc;
}

static int env_put_list(char ***env, const char *const *list)
{
    int rc = 0;

    for (; list && *list && rc == 0; list++)
        rc = env_put(env, *list);
    return rc;
}

static int merge_env(struct spec_build *build, char ***env)
{
    const struct agent_spec_facts *facts = build->facts;
    int rc = env_put(env, DEFAULT_PATH);

    if (rc == 0)
        rc = env_put_pair(env, "HOSTNAME", facts->hostname);
    if (rc == 0 && build->options->tty)
        rc = env_put(env, "TERM=xterm");
    if (rc == 0)
        rc = env_put_image(build, env);
    if (rc == 0)
        rc = env_put_list(env, facts->env);
    if (rc == 0)
        rc = env_put_list(env, (const char *const *) build->options->env);
    if (rc == 0 && !env_has(*env, "HOME"))
        rc = env_put_pair(env, "HOME", facts->user->home);
    return rc;
}

static int put_env(struct spec_build *build)
{
    char **env = NULL;
    int rc = merge_env(build, &env);

    if (rc == 0)
        spec_texts(build, build->process, "env", env);
    opt_strv_free(env);
    return rc;
}

/* --- command: an Entrypoint in createOptions takes the image's Cmd away too --- */

static bool is_list(const struct edge_json *value)
{
    return edge_json_is(value, EDGE_JSON_ARRAY) && edge_json_len(value) > 0;
}

static void push_image_list(struct spec_build *build, struct edge_json *args, const char *member)
{
    const struct edge_json *list = image_member(build, member);

    if (edge_json_is(list, EDGE_JSON_STRING))
        spec_push(build, args, edge_json_str(list, ""));
    for (size_t i = 0; is_list(list) && i < edge_json_len(list); i++)
        spec_push(build, args, edge_json_str(edge_json_at(list, i), ""));
}

static void push_list(struct spec_build *build, struct edge_json *args, char *const *list)
{
    for (; list && *list; list++)
        spec_push(build, args, *list);
}

static void put_args(struct spec_build *build)
{
    const struct agent_options *options = build->options;
    struct edge_json *args = spec_array(build, build->process, "args");
    size_t entry_len = opt_strv_len(options->entrypoint);
    bool cleared = entry_len == 1 && !*options->entrypoint[0]; /* Docker's [""] */

    if (spec_with_init(build))
        spec_push_words(build, args, "/sbin/docker-init --");
    if (!options->entrypoint)
        push_image_list(build, args, "Entrypoint");
    else if (!cleared)
        push_list(build, args, options->entrypoint);
    if (opt_strv_len(options->cmd) > 0)
        push_list(build, args, options->cmd);
    else if (entry_len == 0)
        push_image_list(build, args, "Cmd");
}

static int check_args(struct spec_build *build)
{
    const struct edge_json *args = edge_json_get(build->process, "args");
    size_t own = spec_with_init(build) ? 2 : 0;
    const char *first = edge_json_str(edge_json_at(args, own), "");

    if (build->oom < 0 || *first)
        return 0;
    return edge_fail(build->err, EDGE_EINVALID,
                     "Cmd: neither the image nor createOptions say what to run");
}

/* --- the rest --- */

static int put_cwd(struct spec_build *build)
{
    const char *cwd = build->options->workdir;

    if (!cwd || !*cwd)
        cwd = edge_json_str(image_member(build, "WorkingDir"), "/");
    if (!*cwd)
        cwd = "/";
    if (*cwd == '/') {
        spec_text(build, build->process, "cwd", cwd);
        return 0;
    }
    return edge_fail(build->err, EDGE_EINVALID,
                     "WorkingDir: the image's `%.100s` is not an absolute path", cwd);
}

static void put_user(struct spec_build *build)
{
    const struct agent_user *who = build->facts->user;
    struct edge_json *user = spec_object(build, build->process, "user");
    struct edge_json *groups = spec_array(build, user, "additionalGids");

    spec_int(build, user, "uid", who->uid);
    spec_int(build, user, "gid", who->gid);
    for (size_t i = 0; i < who->ngroups; i++) {
        if (!groups || edge_json_append(groups, edge_json_new_int(who->groups[i])) < 0)
            build->oom = -ENOMEM;
    }
}

static void put_rlimits(struct spec_build *build)
{
    struct edge_json *list = NULL;

    for (size_t i = 0; i < build->options->nulimits; i++) {
        const struct agent_ulimit *limit = &build->options->ulimits[i];
        struct edge_json *item;
        char type[32];

        list = spec_array(build, build->process, "rlimits");
        item = spec_item(build, list);
        (void) snprintf(type, sizeof type, "RLIMIT_%s", limit->name);
        for (char *c = type; *c; c++)
            *c = (char) toupper((unsigned char) *c);
        spec_text(build, item, "type", type);
        spec_uint(build, item, "soft", limit->soft);
        spec_uint(build, item, "hard", limit->hard);
    }
}

/* Without a say the score is 0, not that of containerd; lowering it takes a capability. */
static void put_oom_score(struct spec_build *build)
{
    unsigned bit = 0;

    (void) spec_cap_parse("SYS_RESOURCE", &bit);
    if (build->options->oom_score_adj_set || build->facts->host->capabilities & UINT64_C(1) << bit)
        spec_int(build, build->process, "oomScoreAdj", build->options->oom_score_adj);
}

int spec_put_process(struct spec_build *build)
{
    int rc;

    spec_bool(build, build->process, "terminal", build->options->tty);
    put_user(build);
    put_args(build);
    rc = check_args(build);
    if (rc == 0)
        rc = put_env(build);
    if (rc == 0)
        rc = put_cwd(build);
    spec_put_caps(build);
    put_rlimits(build);
    put_oom_score(build);
    if (build->options->init && !build->facts->init_path)
        spec_notice(build, "Init has no effect: no init program is installed.");
    return rc;
}
