/* edge-sample - modules for the quickstart: `sensor` sends temperatures, `filter` passes on the
 * high ones. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "deploy/samples/sample.h"

static const struct word {
    const char *name;
    int (*run)(struct edge_loop *loop, const struct sample_env *env);
} words[] = {
    {"sensor", sample_sensor},
    {"filter", sample_filter},
};

static const struct word *find(const char *name)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(words); i++)
        if (strcmp(words[i].name, name) == 0)
            return &words[i];
    return NULL;
}

static void on_stop(int signum, void *arg)
{
    (void) signum;
    edge_loop_stop(arg);
}

static int run(const struct word *word)
{
    EDGE_CLEANUP(edge_loop_destroy) struct edge_loop *loop = NULL;
    struct sample_env env = {0};
    struct edge_err err = {0};
    int rc = sample_env_read(&env, &err);

    if (rc == 0)
        rc = edge_loop_create(&loop);
    if (rc == 0)
        rc = edge_loop_on_signal(loop, SIGTERM, on_stop, loop);
    if (rc == 0)
        rc = edge_loop_on_signal(loop, SIGINT, on_stop, loop);
    if (rc < 0)
        edge_error("%s: %s", word->name, *err.text ? err.text : edge_strerror(rc));
    else
        rc = word->run(loop, &env);
    loop = edge_loop_destroy(loop);
    sample_env_fini(&env);
    return rc;
}

int main(int argc, char **argv)
{
    const struct word *word = argc == 2 ? find(argv[1]) : NULL;

    if (!word) {
        (void) fprintf(stderr, "usage: edge-sample sensor|filter\n");
        return 2;
    }
    return run(word) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
