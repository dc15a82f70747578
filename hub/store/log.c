#include "hub/store/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "hub/store/segment.h"

enum {
    WINDOW_MIN = 16 * 1024,
    WINDOW_MAX = 256 * 1024, /* of what is read one after the other */
    TRIES = 3,               /* of a read that fails */
    PAUSE_MS = 20,           /* between them */
    PARTS = 16,              /* segments that what waits may fill, at least */
};

char *hub_log_path(const struct hub_log *log, const char *name)
{
    return edge_format("%s/%s", log->dir, name);
}

char *hub_segment_path(const struct hub_log *log, const struct hub_segment_head *head)
{
    return edge_format("%s/segment-%016" PRIx64 "-%016" PRIx64 ".log", log->dir, head->id,
                       head->salt);
}

struct hub_segment *hub_segment_create(void)
{
    return calloc(1, sizeof(struct hub_segment));
}

struct hub_segment *hub_segment_destroy(struct hub_segment *segment)
{
    if (segment) {
        hub_catalog_fini(&segment->catalog);
        free(segment);
    }
    return NULL;
}

uint64_t hub_segment_salt(void)
{
    uint64_t salt = 0;

    while (salt == 0) {
        if (getrandom(&salt, sizeof salt, 0) != (ssize_t) sizeof salt)
            salt = 0;
    }
    return salt;
}

int hub_log_add(struct hub_log *log, struct hub_segment *segment)
{
    int rc = 0;

    pthread_mutex_lock(&log->lock);
    if (log->count == log->size) {
        size_t size = log->size ? log->size * 2 : 16;
        struct hub_segment **segments = realloc(log->segments, size * sizeof(struct hub_segment *));

        if (segments) {
            log->segments = segments;
            log->size = size;
        } else {
            rc = -ENOMEM;
        }
    }
    if (rc == 0)
        log->segments[log->count++] = segment;
    pthread_mutex_unlock(&log->lock);
    return rc;
}

static bool holds(const struct hub_segment *segment, uint64_t message)
{
    return message >= segment->catalog.first && message <= segment->catalog.last;
}

/* Segments without messages are few, but in the way of a search by halves. */
struct hub_segment *hub_log_find(struct hub_log *log, uint64_t message)
{
    size_t low = 0;
    size_t high = log->count;

    if (log->hint < log->count && holds(log->segments[log->hint], message))
        return log->segments[log->hint];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        size_t at = middle;

        while (at < high && log->segments[at]->catalog.first == 0)
            at++;
        if (at == high)
            high = middle;
        else if (log->segments[at]->catalog.last < message)
            low = at + 1;
        else if (log->segments[at]->catalog.first > message)
            high = middle;
        else {
            log->hint = at;
            return log->segments[at];
        }
    }
    return NULL;
}

/* A disk that gives errors may be well again in a moment. */
static ssize_t read_patiently(struct hub_file_source *source, size_t len, uint64_t at)
{
    struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    ssize_t n = source->files->read(source->fd, source->window, len, at);

    for (int i = 1; n < 0 && i < TRIES; i++) {
        nanosleep(&pause, NULL);
        n = source->files->read(source->fd, source->window, len, at);
    }
    return n;
}

static int open_patiently(struct hub_file_source *source)
{
    struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    int fd = source->files->open(source->path, O_RDONLY);

    for (int i = 1; fd < 0 && fd != -ENOENT && i < TRIES; i++) {
        nanosleep(&pause, NULL);
        fd = source->files->open(source->path, O_RDONLY);
    }
    return fd;
}

/* Who reads on gets more at a time. */
static size_t window_for(struct hub_file_source *source, uint64_t at, size_t len)
{
    bool goes_on = source->have > 0 && at > source->at && at <= source->at + source->have;

    source->ahead = goes_on && source->ahead < WINDOW_MAX / 2 ? source->ahead * 2
                    : goes_on                                 ? WINDOW_MAX
                                                              : WINDOW_MIN;
    return len > source->ahead ? len : source->ahead;
}

static const uint8_t *view(struct hub_source *base, uint64_t at, size_t len)
{
    struct hub_file_source *source = EDGE_CONTAINER_OF(base, struct hub_file_source, source);
    size_t want;
    ssize_t n;

    if (at >= source->at && at + len <= source->at + source->have)
        return source->window + (at - source->at);
    source->failed = 0;
    if (at + len > base->size)
        return NULL;
    if (source->fd < 0)
        source->fd = open_patiently(source);
    if (source->fd < 0) {
        source->failed = base->fatal = source->fd;
        return NULL;
    }
    want = window_for(source, at, len);
    if (want > base->size - at)
        want = (size_t) (base->size - at);
    if (want > source->window_size) {
        uint8_t *window = realloc(source->window, want);

        if (!window) {
            source->failed = base->fatal = -ENOMEM;
            return NULL;
        }
        source->window = window;
        source->window_size = want;
    }
    source->at = at;
    source->have = 0;
    n = read_patiently(source, want, at);
    if (n < 0 && want > len)
        n = read_patiently(source, len, at);
    source->have = n > 0 ? (size_t) n : 0;
    source->failed = n < 0 ? (int) n : 0;
    return source->have >= len ? source->window : NULL;
}

static void rest(struct hub_source *base)
{
    struct hub_file_source *source = EDGE_CONTAINER_OF(base, struct hub_file_source, source);

    source->fd = edge_close(source->fd);
    source->window = edge_free(source->window);
    source->window_size = source->have = 0;
}

void hub_file_source_init(struct hub_file_source *source, const struct hub_files *files, char *path,
                          uint64_t size)
{
    *source = (struct hub_file_source){.source = {.view = view, .rest = rest, .size = size},
                                       .files = files,
                                       .path = path,
                                       .fd = -1};
}

void hub_file_source_fini(struct hub_file_source *source)
{
    rest(&source->source);
    source->path = edge_free(source->path);
}

static uint64_t segment_bytes(uint64_t max_bytes)
{
    uint64_t bytes = max_bytes / PARTS / 4096 * 4096;

    if (bytes > HUB_SEGMENT_BYTES)
        return HUB_SEGMENT_BYTES;
    return bytes < HUB_SEGMENT_BYTES_MIN ? HUB_SEGMENT_BYTES_MIN : bytes;
}

EDGE_DEFINE_CLEANUP(struct hub_log *, hub_log_close)

int hub_log_open(const struct hub_log_options *options, const struct hub_scan_found *found,
                 uint64_t *ret_next_message, bool *ret_damaged, struct hub_log **ret,
                 struct edge_err *err)
{
    EDGE_CLEANUP(hub_log_close) struct hub_log *log = calloc(1, sizeof *log);
    int rc;

    if (!log)
        return -ENOMEM;
    pthread_mutex_init(&log->lock, NULL);
    pthread_mutex_init(&log->old, NULL);
    log->options = *options;
    log->files = options->files ? options->files : &hub_files_real;
    log->fd = -1;
    log->segment_bytes = segment_bytes(options->max_bytes);
    log->dir = edge_strdup(options->dir);
    log->routes = calloc(HUB_ROUTES_MAX, sizeof *log->routes);
    if (!log->dir || !log->routes)
        return -ENOMEM;
    rc = hub_log_load(log, found, ret_next_message, ret_damaged, err);
    if (rc < 0)
        return rc;
    log->next_message = *ret_next_message;
    *ret = EDGE_TAKE(log);
    return 0;
}

void hub_log_set_ledger(struct hub_log *log, const struct hub_ledger *ledger, size_t count)
{
    for (size_t i = 0; i < count; i++)
        log->routes[i].now = ledger[i];
    log->nroutes = count;
}

/* What was reserved and not used goes back to the disk. */
static void seal(struct hub_log *log)
{
    if (log->fd >= 0)
        edge_ignore(log->files->truncate(log->fd, log->active->end));
    log->fd = edge_close(log->fd);
}

struct hub_log *hub_log_close(struct hub_log *log)
{
    if (!log)
        return NULL;
    seal(log);
    for (size_t i = 0; i < log->count; i++)
        hub_segment_destroy(log->segments[i]);
    free(log->segments);
    hub_encoder_fini(&log->encoder);
    free(log->queues_named);
    free(log->routes);
    free(log->dir);
    pthread_mutex_destroy(&log->lock);
    pthread_mutex_destroy(&log->old);
    free(log);
    return NULL;
}

uint64_t hub_log_room(const struct hub_log *log)
{
    return log->active && log->active->size > log->active->end
               ? log->active->size - log->active->end
               : 0;
}

uint64_t hub_log_bytes(struct hub_log *log)
{
    uint64_t bytes = 0;

    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; i < log->count; i++)
        bytes += log->segments[i]->size;
    pthread_mutex_unlock(&log->lock);
    return bytes;
}
