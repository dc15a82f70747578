/* The management API with a made-up agent behind it, for test_manage.py.
 *
 *   manage_fake URI LOG-FOLDER
 *
 * Modules: cam (logs as cam-id), quiet (has never logged), busy (refuses to act). SIGUSR1 restarts
 * cam as far as the list tells; SIGTERM ends. Documents are judged by a word they contain. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/manage/manage.h"

static struct agent_manage *manage;
static struct edge_loop *loop;
static int restarts;

static void add_module(struct edge_json *list, const char *name, const char *status)
{
    struct edge_json *m = edge_json_new_object();

    edge_ignore(edge_json_set_str(m, "name", name));
    edge_ignore(edge_json_set_str(m, "status", status));
    edge_ignore(edge_json_set_str(m, "description", "Up 2 days"));
    edge_ignore(edge_json_set_str(m, "image", "registry:5000/\x1b[31mcam:1"));
    edge_ignore(edge_json_set_int(m, "restartCount", restarts));
    edge_ignore(edge_json_append(list, m));
}

static struct edge_json *list(void *arg)
{
    struct edge_json *modules = edge_json_new_array();

    (void) arg;
    add_module(modules, "busy", "unhealthy");
    add_module(modules, "cam", "running");
    add_module(modules, "quiet", "running");
    return modules;
}

static int act(const char *module, const char *verb, void *arg, struct edge_err *err)
{
    (void) arg;
    if (strcmp(module, "busy") == 0)
        return edge_fail(err, EDGE_ECONFLICT, "cannot %s busy now", verb);
    return strcmp(module, "cam") == 0 ? 0 : -ENOENT;
}

static int judge(struct edge_bytes text, struct edge_err *err)
{
    static const struct {
        const char *word;
        int code;
    } words[] = {{"bad", EDGE_EINVALID}, {"schema", EDGE_ESCHEMA}, {"empty", EDGE_EEMPTY}};

    for (size_t i = 0; i < EDGE_ARRAY_LEN(words); i++) {
        if (memmem(text.data, text.len, words[i].word, strlen(words[i].word)))
            return edge_fail(err, words[i].code, "module cam: \"%s\"", words[i].word);
    }
    return 0;
}

static int plan(struct edge_bytes text, struct edge_json **ret, void *arg, struct edge_err *err)
{
    static const char steps[] =
        "{\"steps\":[{\"step\":\"pull\",\"module\":\"cam\",\"startupOrder\":1,\"reason\":\"new\"},"
        "{\"step\":\"start\",\"module\":\"cam\",\"startupOrder\":1,\"reason\":\"stopped\"}]}";
    int rc = judge(text, err);

    (void) arg;
    return rc < 0 ? rc : edge_json_parse(steps, strlen(steps), ret, err);
}

static int apply(struct edge_bytes text, void *arg, struct edge_err *err)
{
    (void) arg;
    return judge(text, err);
}

static int log_id(const char *module, char **ret, void *arg, struct edge_err *err)
{
    (void) arg;
    if (strcmp(module, "cam") != 0 && strcmp(module, "quiet") != 0)
        return edge_fail(err, -ENOENT, "no module named %s", module);
    *ret = edge_format("%s-id", module);
    return *ret ? 0 : -ENOMEM;
}

static struct edge_json *systeminfo(void *arg)
{
    static const char info[] =
        "{\"version\":\"9.9\",\"deployment\":{\"code\":200,\"description\":\"\"}}";
    struct edge_json *value = NULL;

    (void) arg;
    edge_ignore(edge_json_parse(info, strlen(info), &value, NULL));
    return value;
}

static void on_change(int signum, void *arg)
{
    (void) signum;
    (void) arg;
    restarts++;
    for (int i = 0; i < 10; i++)
        agent_manage_changed(manage);
}

static void on_term(int signum, void *arg)
{
    (void) signum;
    (void) arg;
    edge_loop_stop(loop);
}

int main(int argc, char **argv)
{
    const struct agent_manage_ops ops = {list, act, plan, apply, log_id, systeminfo, NULL};
    struct edge_err err = {0};

    if (argc != 3 || edge_loop_create(&loop) < 0)
        return 2;
    if (edge_loop_on_signal(loop, SIGUSR1, on_change, NULL) < 0 ||
        edge_loop_on_signal(loop, SIGTERM, on_term, NULL) < 0 ||
        agent_manage_open(loop, argv[1], argv[2], &ops, &manage, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    edge_loop_run(loop);
    manage = agent_manage_close(manage);
    loop = edge_loop_destroy(loop);
    return 0;
}
