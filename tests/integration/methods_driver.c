/* methods_driver LOGDIR NAME PAYLOAD: one direct method of the agent on a device whose modules are
 * the folders of LOGDIR. Prints status and answer; then, for an upload, the task's status and
 * message. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/methods/methods.h"

struct driver {
    const char *log_dir;
    struct edge_loop *loop;
    struct agent_methods *methods;
    struct edge_timer *look;
    struct edge_json *question; /* GetTaskStatus' payload */
};

static struct edge_json *list(void *arg)
{
    struct driver *d = arg;
    struct edge_json *modules = edge_json_new_array();
    DIR *dir = opendir(d->log_dir);

    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct edge_json *module = edge_json_new_object();

        if (entry->d_name[0] == '.') {
            edge_json_free(module);
            continue;
        }
        edge_ignore(edge_json_set_str(module, "name", entry->d_name));
        edge_ignore(edge_json_append(modules, module));
    }
    if (dir)
        closedir(dir);
    return modules;
}

static int act(const char *module, const char *verb, void *arg, struct edge_err *err)
{
    (void) module;
    (void) verb;
    (void) arg;
    (void) err;
    return 0;
}

static int log_id(const char *module, char **ret, void *arg, struct edge_err *err)
{
    (void) arg;
    (void) err;
    *ret = strdup(module);
    return 0;
}

static struct edge_json *systeminfo(void *arg)
{
    struct edge_json *info = edge_json_new_object();
    (void) arg;

    edge_ignore(edge_json_set_str(info, "osType", "linux"));
    return info;
}

static void on_status(int status, const struct edge_json *payload, void *arg)
{
    struct driver *d = arg;
    const char *word = edge_json_str(edge_json_get(payload, "status"), "");

    if (status == 200 && strcmp(word, "Running") == 0) {
        edge_timer_arm(d->look, 20);
        return;
    }
    (void) printf("%s %s\n", word, edge_json_str(edge_json_get(payload, "message"), ""));
    edge_loop_stop(d->loop);
}

static void look(void *arg)
{
    struct driver *d = arg;

    agent_methods_call(d->methods, "GetTaskStatus", d->question, on_status, d);
}

static void on_answer(int status, const struct edge_json *payload, void *arg)
{
    struct driver *d = arg;
    const struct edge_json *id = edge_json_get(payload, "correlationId");
    char *text = edge_json_text(payload);

    (void) printf("%d %s\n", status, text ? text : "");
    free(text);
    if (id) {
        edge_ignore(edge_json_set_str(d->question, "correlationId", edge_json_str(id, "")));
        edge_timer_arm(d->look, 0);
    } else {
        edge_loop_stop(d->loop);
    }
}

static void drive(struct driver *d, const char *name, const char *text)
{
    static const char *const argv[] = {"echo", "all is well", NULL};
    static const char *const absent[] = {"/no/such/program", NULL};
    static const struct agent_methods_program programs[] = {
        {"check.json", argv}, {"logs/absent.txt", absent}, {NULL, NULL}};
    const struct agent_methods_config config = {
        .loop = d->loop,
        .ops = {list, act, log_id, systeminfo, d},
        .log_dir = d->log_dir,
        .temp_dir = "/tmp",
        .hub = "hub.test",
        .device = "edge1",
        .programs = programs,
        .retry_ms = 20,
    };
    struct edge_json *payload = NULL;

    if (edge_json_parse(text, strlen(text), &payload, NULL) == 0 &&
        agent_methods_create(&config, &d->methods) == 0) {
        agent_methods_call(d->methods, name, payload, on_answer, d);
        edge_loop_run(d->loop);
        d->methods = agent_methods_destroy(d->methods);
    }
    edge_json_free(payload);
}

int main(int argc, char **argv)
{
    struct driver d = {.log_dir = argc == 4 ? argv[1] : NULL};

    if (!d.log_dir || edge_loop_create(&d.loop) < 0)
        return 2;
    d.look = edge_timer_create(d.loop, look, &d);
    d.question = edge_json_new_object();
    edge_ignore(edge_json_set_str(d.question, "schemaVersion", "1.0"));
    drive(&d, argv[2], argv[3]);
    edge_json_free(d.question);
    edge_timer_destroy(d.look);
    edge_loop_destroy(d.loop);
    return 0;
}
