#include "agent/source/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/crypto/sha256.h"

enum {
    DOCUMENT_MAX = 1 << 20,
    STATUS_OK = 200,
    STATUS_UNKNOWN = 406,
    STATUS_FAILED = 500,
    RETRY_MS = 60000,
};

#define KEY_SEEN "deployment-file-sha256"

struct agent_source {
    struct agent_source_config cfg;
    char *path; /* NULL: the twin is the source */
    int64_t version;
    struct edge_watch *watch;
    char refused[EDGE_SHA256_HEX]; /* digest of the document refused last, "" for none */
    char good[EDGE_SHA256_HEX];    /* of the twin's document in force, "" for none */
    char *pending;                 /* twin's document that is in order but could not be kept */
    struct edge_timer *again;
    int status;
    char text[sizeof((struct edge_err *) 0)->text];
};

static void set_status(struct agent_source *source, int status, const char *text)
{
    source->status = status;
    (void) snprintf(source->text, sizeof source->text, "%.*s", (int) sizeof source->text - 1, text);
}

/* On disk first: what is made true must survive the next power cut. */
static int take(struct agent_source *source, const char *text, size_t len, struct edge_err *err)
{
    struct agent_desired *desired = NULL;
    int rc = agent_desired_parse(text, len, &source->cfg.rules, &desired, err);

    if (rc == 0)
        rc = agent_state_set_deployment(source->cfg.state, text, len, err);
    if (rc < 0) {
        agent_desired_free(desired);
        set_status(source, agent_desired_status(rc), err->text);
        return rc;
    }
    set_status(source, STATUS_OK, "");
    source->version = desired->version;
    edge_info("deployment accepted modules=%zu version=%lld", desired->nmodules,
              (long long) desired->version);
    source->cfg.on_desired(desired, source->cfg.arg);
    return 0;
}

int agent_source_apply(struct agent_source *source, const char *text, size_t len,
                       struct edge_err *err)
{
    struct edge_err local = {0};
    int rc = source->path ? take(source, text, len, &local)
                          : edge_fail(&local, EDGE_ECONFLICT,
                                      "the deployment comes from IoT Hub: change it there, or set "
                                      "provisioning.source to file");

    if (rc < 0 && err)
        *err = local;
    return rc;
}

/* As it is kept: the version stands where IoT Hub puts it. The caller frees it. */
static char *twin_text(const struct edge_json *desired, int64_t version)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *whole = edge_json_copy(desired);

    if (!whole || edge_json_set_int(whole, "$version", version) < 0)
        return NULL;
    return edge_json_canonical(whole);
}

static void note_good(struct agent_source *source, const char *digest)
{
    memmove(source->good, digest, sizeof source->good);
    source->refused[0] = '\0';
}

/* Takes over @p text. A full disk must not cost the deployment: IoT Hub will not send it again. */
static int take_twin(struct agent_source *source, char *text)
{
    char digest[EDGE_SHA256_HEX];
    struct edge_err err = {0};
    int rc;

    edge_sha256_of(text, strlen(text), digest);
    rc = take(source, text, strlen(text), &err);
    if (rc == 0)
        note_good(source, digest);
    else if (strcmp(digest, source->refused) != 0) {
        memcpy(source->refused, digest, sizeof digest);
        edge_error("deployment refused code=%d, the last good one goes on: %s", source->status,
                   err.text);
    }
    if (rc < 0 && source->status == STATUS_FAILED) {
        source->pending = text;
        edge_timer_arm(source->again, source->cfg.retry_ms ? source->cfg.retry_ms : RETRY_MS);
    } else {
        free(text);
    }
    return rc;
}

static void on_again(void *arg)
{
    struct agent_source *source = arg;

    if (source->pending)
        edge_ignore(take_twin(source, EDGE_TAKE(source->pending)));
}

int agent_source_twin(struct agent_source *source, const struct edge_json *desired, int64_t version)
{
    char *text = twin_text(desired, version);
    char digest[EDGE_SHA256_HEX];

    if (!text)
        return -ENOMEM;
    free(EDGE_TAKE(source->pending));
    edge_timer_disarm(source->again);
    edge_sha256_of(text, strlen(text), digest);
    if (strcmp(digest, source->good) != 0)
        return take_twin(source, text);
    free(text);
    note_good(source, digest); /* also after another one was refused */
    set_status(source, STATUS_OK, "");
    return 0;
}

static bool is_known(struct agent_source *source, const char *digest)
{
    EDGE_CLEANUP(edge_free) char *seen = NULL;

    if (strcmp(source->refused, digest) == 0)
        return true;
    return agent_state_get(source->cfg.state, KEY_SEEN, &seen, NULL) == 0 &&
           strcmp(seen, digest) == 0;
}

static void take_file(struct agent_source *source, const struct edge_buf *file)
{
    struct edge_err err = {0};
    char digest[EDGE_SHA256_HEX];

    edge_sha256_of(file->data ? file->data : "", file->len, digest);
    if (is_known(source, digest))
        return;
    if (take(source, file->data ? file->data : "", file->len, &err) < 0) {
        memcpy(source->refused, digest, sizeof digest);
        edge_error("deployment refused file=%s code=%d, the last good one goes on: %s",
                   source->path, source->status, err.text);
        return;
    }
    source->refused[0] = '\0';
    if (agent_state_set(source->cfg.state, KEY_SEEN, digest, &err) < 0)
        edge_warn("%s", err.text);
}

static void look(void *arg)
{
    struct agent_source *source = arg;
    struct edge_err err = {0};
    struct edge_buf file;
    int rc;

    edge_buf_init(&file, DOCUMENT_MAX);
    rc = edge_file_read(source->path, &file, &err);
    if (rc == 0)
        take_file(source, &file);
    else if (rc == -ENOENT)
        edge_info("no deployment file yet file=%s", source->path);
    else
        edge_error("deployment refused, the last good one goes on: %s", err.text);
    edge_buf_fini(&file);
}

static void recall(struct agent_source *source)
{
    struct agent_desired *desired;
    struct edge_err err = {0};
    struct edge_buf text;
    int rc;

    edge_buf_init(&text, DOCUMENT_MAX);
    rc = agent_state_get_deployment(source->cfg.state, &text, &err);
    if (rc == 0)
        rc = agent_desired_parse(text.data, text.len, &source->cfg.rules, &desired, &err);
    if (rc == 0) {
        set_status(source, STATUS_OK, "");
        source->version = desired->version;
        edge_sha256_of(text.data, text.len, source->good);
        source->cfg.on_desired(desired, source->cfg.arg);
    } else if (rc != -ENOENT) {
        edge_error("the last good deployment cannot be used: %s", err.text);
    }
    edge_buf_fini(&text);
}

static int need_folder(const char *path, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *folder = strdup(path);
    char *slash = folder ? strrchr(folder, '/') : NULL;

    if (!folder)
        return -ENOMEM;
    if (!slash || slash == folder)
        return 0;
    *slash = '\0';
    return edge_mkdirs(folder, 0755, err);
}

static int watch(struct agent_source *source, struct edge_err *err)
{
    int rc = need_folder(source->path, err);

    if (rc < 0)
        return rc;
    rc = edge_watch_create(source->cfg.loop, source->path, look, source, &source->watch);
    if (rc < 0)
        return edge_fail(err, rc, "cannot watch %s: %s", source->path, edge_strerror(rc));
    return 0;
}

int agent_source_open(const struct agent_source_config *config, struct agent_source **ret,
                      struct edge_err *err)
{
    struct agent_source *source = calloc(1, sizeof *source);
    int rc;

    if (!source)
        return -ENOMEM;
    source->cfg = *config;
    source->path = edge_strdup(config->path);
    source->again = edge_timer_create(config->loop, on_again, source);
    set_status(source, STATUS_UNKNOWN, "no deployment yet");
    rc = source->again && !config->path == !source->path ? 0 : -ENOMEM;
    if (rc == 0 && source->path)
        rc = watch(source, err);
    if (rc < 0) {
        agent_source_close(source);
        return rc;
    }
    recall(source);
    if (source->path)
        look(source);
    *ret = source;
    return 0;
}

struct agent_source *agent_source_close(struct agent_source *source)
{
    if (!source)
        return NULL;
    edge_watch_destroy(source->watch);
    edge_timer_destroy(source->again);
    free(source->pending);
    free(source->path);
    free(source);
    return NULL;
}

int64_t agent_source_version(const struct agent_source *source)
{
    return source->version;
}

int agent_source_status(const struct agent_source *source, const char **ret_text)
{
    *ret_text = source->text;
    return source->status;
}
