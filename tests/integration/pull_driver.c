/* agent_images_* from the command line, for test_pull.py:
 *   pull_driver SOCKET NAMESPACE '{"registries":[…],"auths":[…],"do":[{"pull":"image"}, …]}'
 * Elements of "do" run one after another; {"pull":[…]} pulls several at once. Prints one JSON
 * object: "results", one for each, and the process's peak memory. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/image/images.h"
#include "common/base/file.h"
#include "common/json/json.h"

enum { MAX = 16 };

struct driver {
    struct agent_images *images;
    struct agent_registry_auth auths[MAX];
    size_t nauths;
    int64_t cancel_at;  /* bytes; 0: never */
    bool die_unpacking; /* as by kill -9 */
};

struct pull {
    struct driver *driver;
    const char *image;
    struct edge_cancel *cancel;
    struct agent_pull_progress last;
    int calls;
    bool went_back;
    struct edge_json *result;
};

static const char *text(const struct edge_json *object, const char *name)
{
    return edge_json_str(edge_json_get(object, name), NULL);
}

static struct edge_json *result_of(int rc, const struct edge_err *err,
                                   const struct agent_image *image)
{
    struct edge_json *result = edge_json_new_object();

    edge_json_set_int(result, "rc", rc);
    edge_json_set_str(result, "why", rc < 0 ? edge_strerror(rc) : "");
    edge_json_set_str(result, "error", rc < 0 ? err->text : "");
    if (rc == 0 && image) {
        edge_json_set_str(result, "name", image->name);
        edge_json_set_str(result, "digest", image->digest);
        edge_json_set_str(result, "config_digest", image->config_digest);
        edge_json_set_str(result, "chain_id", image->chain_id);
        edge_json_set(result, "config", edge_json_copy(image->config));
    }
    return result;
}

static void on_progress(const struct agent_pull_progress *progress, void *arg)
{
    struct pull *pull = arg;

    pull->calls++;
    pull->went_back = pull->went_back || progress->done_bytes < pull->last.done_bytes;
    pull->last = *progress;
    if (pull->driver->die_unpacking && progress->unpacking)
        raise(SIGKILL);
    if (pull->driver->cancel_at > 0 && progress->done_bytes >= pull->driver->cancel_at)
        edge_cancel_fire(pull->cancel);
}

static void *run_pull(void *arg)
{
    struct pull *pull = arg;
    EDGE_CLEANUP(agent_image_free) struct agent_image *image = NULL;
    struct edge_json *progress;
    struct edge_err err = {0};
    const struct agent_pull what = {
        .image = pull->image,
        .auths = pull->driver->auths,
        .nauths = pull->driver->nauths,
        .cancel = pull->cancel,
        .on_progress = on_progress,
        .arg = pull,
    };
    int rc = agent_images_pull(pull->driver->images, &what, &image, &err);

    pull->result = result_of(rc, &err, image);
    progress = edge_json_need_object(pull->result, "progress");
    edge_json_set_int(progress, "done", pull->last.done_bytes);
    edge_json_set_int(progress, "total", pull->last.total_bytes);
    edge_json_set_bool(progress, "unpacking", pull->last.unpacking);
    edge_json_set_int(progress, "calls", pull->calls);
    edge_json_set_bool(progress, "went_back", pull->went_back);
    return NULL;
}

static void do_pulls(struct driver *driver, const struct edge_json *names,
                     struct edge_json *results)
{
    struct pull pulls[MAX] = {0};
    pthread_t threads[MAX];
    size_t n = edge_json_is(names, EDGE_JSON_ARRAY) ? edge_json_len(names) : 1;

    for (size_t i = 0; i < n && i < MAX; i++) {
        const struct edge_json *name =
            edge_json_is(names, EDGE_JSON_ARRAY) ? edge_json_at(names, i) : names;

        pulls[i] = (struct pull){
            .driver = driver, .image = edge_json_str(name, ""), .cancel = edge_cancel_create()};
        if (pthread_create(&threads[i], NULL, run_pull, &pulls[i]) != 0)
            abort();
    }
    for (size_t i = 0; i < n && i < MAX; i++) {
        pthread_join(threads[i], NULL);
        edge_cancel_unref(pulls[i].cancel);
        edge_json_append(results, pulls[i].result);
    }
}

static void do_one(struct driver *driver, const struct edge_json *what, struct edge_json *results)
{
    EDGE_CLEANUP(agent_image_free) struct agent_image *image = NULL;
    struct edge_err err = {0};
    int rc;

    if (edge_json_has(what, "pull")) {
        do_pulls(driver, edge_json_get(what, "pull"), results);
        return;
    }
    if (edge_json_has(what, "find"))
        rc = agent_images_find(driver->images, text(what, "find"), NULL, &image, &err);
    else
        rc = agent_images_sweep(driver->images,
                                (int) edge_json_int(edge_json_get(what, "sweep"), 0), &err);
    edge_json_append(results, result_of(rc, &err, image));
}

static size_t read_registries(const struct edge_json *list, struct agent_registry registries[MAX])
{
    size_t n = 0;

    for (; n < edge_json_len(list) && n < MAX; n++) {
        const struct edge_json *item = edge_json_at(list, n);

        registries[n] = (struct agent_registry){
            .host = text(item, "host"),
            .ca = text(item, "ca"),
            .mirror = text(item, "mirror"),
            .username = text(item, "username"),
            .password = text(item, "password"),
            .plain_http = edge_json_bool(edge_json_get(item, "plain_http"), false),
        };
    }
    return n;
}

static void read_auths(const struct edge_json *list, struct driver *driver)
{
    for (; driver->nauths < edge_json_len(list) && driver->nauths < MAX; driver->nauths++) {
        const struct edge_json *item = edge_json_at(list, driver->nauths);

        driver->auths[driver->nauths] = (struct agent_registry_auth){
            text(item, "address"), text(item, "username"), text(item, "password")};
    }
}

static int open_images(struct agent_ctrd *ctrd, const struct edge_json *wanted,
                       struct driver *driver, struct edge_err *err)
{
    struct agent_registry registries[MAX];
    const struct agent_images_config config = {
        .registries = registries,
        .nregistries = read_registries(edge_json_get(wanted, "registries"), registries),
        .upstream = text(wanted, "upstream"),
        .parallel_layers = (unsigned) edge_json_int(edge_json_get(wanted, "parallel"), 3),
        .max_layer_bytes = edge_json_int(edge_json_get(wanted, "max_layer_bytes"), 0),
    };

    driver->cancel_at = edge_json_int(edge_json_get(wanted, "cancel_at"), 0);
    driver->die_unpacking = edge_json_bool(edge_json_get(wanted, "die_unpacking"), false);
    read_auths(edge_json_get(wanted, "auths"), driver);
    return agent_images_open(ctrd, &config, &driver->images, err);
}

/* getrusage would also tell of the program that started this one. */
static long peak_kb(void)
{
    struct edge_buf status;
    const char *line;
    long kb = -1;

    edge_buf_init(&status, 1 << 16);
    if (edge_file_read("/proc/self/status", &status, NULL) == 0 &&
        (line = strstr(status.data, "VmHWM:")) != NULL)
        kb = strtol(line + strlen("VmHWM:"), NULL, 10);
    edge_buf_fini(&status);
    return kb;
}

static void print_results(struct edge_json *results)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *all = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *out = NULL;

    edge_json_set_int(all, "peak_kb", peak_kb());
    edge_json_set(all, "results", results);
    out = edge_json_text(all);
    puts(out ? out : "{}");
}

static int run(const char *socket, const char *ns, const struct edge_json *wanted)
{
    EDGE_CLEANUP(agent_ctrd_close) struct agent_ctrd *ctrd = NULL;
    const struct edge_json *todo = edge_json_get(wanted, "do");
    struct edge_json *results = edge_json_new_array();
    struct driver driver = {0};
    struct edge_err err = {0};

    if (agent_ctrd_open(socket, ns, &ctrd, &err) < 0 ||
        agent_ctrd_need_namespace(ctrd, NULL, &err) < 0 ||
        open_images(ctrd, wanted, &driver, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        edge_json_free(results);
        return 1;
    }
    for (size_t i = 0; i < edge_json_len(todo); i++)
        do_one(&driver, edge_json_at(todo, i), results);
    agent_images_close(driver.images);
    print_results(results);
    return 0;
}

int main(int argc, char **argv)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = NULL;
    struct edge_err err = {0};

    if (argc != 4 || edge_json_parse(argv[3], strlen(argv[3]), &wanted, &err) < 0) {
        fprintf(stderr, "usage: %s SOCKET NAMESPACE JSON: %s\n", argv[0], err.text);
        return 2;
    }
    return run(argv[1], argv[2], wanted);
}
