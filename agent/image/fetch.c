/* The blobs of one image, several at once. The first failure stops the others; what they have
 * brought stays for the next attempt. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/image/internal.h"

enum { MAX_THREADS = 16 };

struct fetch {
    struct agent_run *run;
    const struct agent_manifest *manifest;
    pthread_mutex_t lock; /* guards all below */
    size_t next;          /* 0: the config, i: layer i-1 */
    int rc;
    struct edge_err *err;
};

/* The same layer may stand in a manifest twice; it is fetched and counted once. */
static bool is_repeated(const struct agent_manifest *manifest, size_t layer)
{
    for (size_t i = 0; i < layer; i++) {
        if (strcmp(manifest->layers[i].digest, manifest->layers[layer].digest) == 0)
            return true;
    }
    return false;
}

static int64_t total_bytes(const struct agent_manifest *manifest)
{
    int64_t total = manifest->config.size;

    for (size_t i = 0; i < manifest->nlayers; i++) {
        if (!is_repeated(manifest, i) && total < INT64_MAX - manifest->layers[i].size)
            total += manifest->layers[i].size;
    }
    return total;
}

static bool take(struct fetch *fetch, size_t *ret)
{
    bool more = false;

    pthread_mutex_lock(&fetch->lock);
    while (fetch->next > 0 && fetch->next <= fetch->manifest->nlayers &&
           is_repeated(fetch->manifest, fetch->next - 1))
        fetch->next++;
    if (fetch->rc == 0 && fetch->next <= fetch->manifest->nlayers) {
        *ret = fetch->next++;
        more = true;
    }
    pthread_mutex_unlock(&fetch->lock);
    return more;
}

static void fail(struct fetch *fetch, int rc, const struct edge_err *err)
{
    pthread_mutex_lock(&fetch->lock);
    if (fetch->rc == 0) {
        fetch->rc = rc;
        if (fetch->err)
            *fetch->err = *err;
    }
    pthread_mutex_unlock(&fetch->lock);
    edge_cancel_fire(fetch->run->stop);
}

static void *work(void *arg)
{
    struct fetch *fetch = arg;
    size_t index;

    while (take(fetch, &index)) {
        const struct agent_manifest_blob *blob =
            index == 0 ? &fetch->manifest->config : &fetch->manifest->layers[index - 1];
        struct edge_err err = {0};
        char what[40] = "config";
        int rc;

        if (index > 0)
            (void) snprintf(what, sizeof what, "layer %zu of %zu", index, fetch->manifest->nlayers);
        rc = agent_blob_bring(fetch->run, blob, what, &err);
        if (rc < 0)
            fail(fetch, rc, &err);
    }
    return NULL;
}

int agent_fetch_blobs(struct agent_run *run, const struct agent_manifest *manifest,
                      struct edge_err *err)
{
    struct fetch fetch = {.run = run, .manifest = manifest, .err = err};
    pthread_t threads[MAX_THREADS];
    size_t want = run->images->config.parallel_layers;
    size_t n = 0;

    if (want > MAX_THREADS)
        want = MAX_THREADS;
    if (want > manifest->nlayers + 1)
        want = manifest->nlayers + 1;
    agent_progress_total(&run->progress, total_bytes(manifest));
    pthread_mutex_init(&fetch.lock, NULL);
    while (n + 1 < want && pthread_create(&threads[n], NULL, work, &fetch) == 0)
        n++;
    work(&fetch); /* this thread is one of them, and enough when there is no other */
    while (n > 0)
        pthread_join(threads[--n], NULL);
    pthread_mutex_destroy(&fetch.lock);
    return fetch.rc;
}
