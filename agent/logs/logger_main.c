/* edge-logger - the binary:// log driver that containerd's shim starts for a container.
 *
 *   edge-logger dir D id ID name N max-size BYTES max-file COUNT compress 0|1
 *
 * The pairs come in any order. Descriptor 3 is the container's stdout, 4 its stderr, 5 is closed
 * to say "ready". The shim holds the container back until then, and the container blocks while
 * nobody reads: so every failure here costs log lines, never the reading. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/logs/file.h"
#include "agent/logs/gzip.h"
#include "agent/logs/stream.h"
#include "common/base/clock.h"

enum {
    FD_STDOUT = 3,
    FD_READY = 5,
    FLUSH_MS = 1000, /* a prompt without line end is shown after this pause */
    BUSY_ROUNDS = 8, /* while input never pauses, one step of compression to so many reads */
};

struct input {
    struct log_stream stream;
    int fd;
    bool from_stderr;
    int64_t read_ms; /* when something came last */
    int64_t read_ns;
};

struct logger {
    struct input inputs[2];
    struct log_file file;
    struct log_gzip *gzip;
    bool compress;
    bool look; /* there may be something to compress */
    unsigned rounds;
};

static struct logger logger; /* not on the stack: pages never used cost nothing */

static int64_t number(const char *text, int64_t least, int64_t most, int64_t fallback)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most)
        return fallback;
    return value;
}

struct arguments {
    const char *dir;
    const char *id;
    const char *name;
};

static void take_pair(const char *key, const char *value, struct arguments *args)
{
    if (strcmp(key, "dir") == 0)
        args->dir = value;
    else if (strcmp(key, "id") == 0)
        args->id = value;
    else if (strcmp(key, "name") == 0)
        args->name = value;
    else if (strcmp(key, "max-size") == 0)
        logger.file.max_size = number(value, 1, INT64_MAX / 2, logger.file.max_size);
    else if (strcmp(key, "max-file") == 0)
        logger.file.max_file = (int) number(value, 1, LOG_SLOTS_MAX, logger.file.max_file);
    else if (strcmp(key, "compress") == 0)
        logger.compress = strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
}

/* @return false when there is no telling where to write */
static bool configure(int argc, char **argv)
{
    struct arguments args = {NULL, getenv("CONTAINER_ID"), LOG_MODULE_NAME};
    int n;

    logger.file.max_size = LOG_MAX_SIZE;
    logger.file.max_file = LOG_MAX_FILE;
    for (int i = 1; i + 1 < argc; i += 2)
        take_pair(argv[i], argv[i + 1], &args);
    if (!args.dir || !args.id || !log_name_ok(args.id) || !log_name_ok(args.name))
        return false;
    (void) strncpy(logger.file.name, args.name, LOG_NAME_MAX);
    n = snprintf(logger.file.folder, sizeof logger.file.folder, "%s/%s", args.dir, args.id);
    return n > 0 && (size_t) n < sizeof logger.file.folder;
}

static void emit(const char *text, size_t len, void *arg)
{
    const struct input *input = arg;

    log_file_line(&logger.file, text, len, input->from_stderr, input->read_ns);
}

static void close_input(struct input *input)
{
    log_stream_flush(&input->stream, emit, input);
    close(input->fd);
    input->fd = -1;
}

static void read_input(struct input *input)
{
    char *data;
    size_t room = log_stream_room(&input->stream, &data);
    ssize_t n = read(input->fd, data, room);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    input->read_ns = edge_wall_ns();
    if (n <= 0) {
        close_input(input);
        return;
    }
    log_stream_add(&input->stream, (size_t) n, emit, input);
    if (input->stream.len > 0)
        input->read_ms = edge_now_ms();
}

/* @return ms until an unfinished line has waited long enough; -1: none waits */
static int flush_waiting(void)
{
    int64_t wait = -1;

    for (int i = 0; i < 2; i++) {
        struct input *input = &logger.inputs[i];
        int64_t left;

        if (input->stream.len == 0)
            continue;
        left = input->read_ms + FLUSH_MS - edge_now_ms();
        if (left <= 0)
            log_stream_flush(&input->stream, emit, input);
        else if (wait < 0 || left < wait)
            wait = left;
    }
    return (int) wait;
}

static void compress_some(void)
{
    struct log_file *file = &logger.file;

    if (!logger.gzip) {
        logger.gzip = log_gzip_begin(file->dir, file->name, file->max_file - 1);
        logger.look = logger.gzip != NULL;
    } else if (log_gzip_step(logger.gzip) != LOG_GZIP_MORE) {
        logger.gzip = log_gzip_end(logger.gzip);
    }
}

/* Files have moved on: what was being compressed has another name now. */
static void after_rotation(void)
{
    if (!logger.file.rotated)
        return;
    logger.file.rotated = false;
    logger.gzip = log_gzip_end(logger.gzip);
    logger.look = logger.compress;
}

static void serve_round(void)
{
    struct pollfd polls[2];
    bool work = logger.look && logger.file.dir >= 0;
    int wait = flush_waiting();
    int ready;

    log_file_flush(&logger.file);
    for (int i = 0; i < 2; i++)
        polls[i] = (struct pollfd){logger.inputs[i].fd, POLLIN, 0};
    ready = poll(polls, 2, work ? 0 : wait);
    for (int i = 0; i < 2; i++) {
        if (ready > 0 && polls[i].revents)
            read_input(&logger.inputs[i]);
    }
    after_rotation();
    logger.rounds++;
    if (work && (ready <= 0 || logger.rounds % BUSY_ROUNDS == 0))
        compress_some();
}

int main(int argc, char **argv)
{
    bool known = configure(argc, argv);

    /* The shim sends SIGTERM once the container has ended: the end of both streams is near. */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (!known)
        logger.file.folder[0] = '\0'; /* nowhere to write: read on and lose it all */
    log_file_open(&logger.file);
    logger.look = logger.compress;
    for (int i = 0; i < 2; i++) {
        logger.inputs[i].fd = FD_STDOUT + i;
        logger.inputs[i].from_stderr = i == 1;
    }
    close(FD_READY);

    while (logger.inputs[0].fd >= 0 || logger.inputs[1].fd >= 0)
        serve_round();
    log_gzip_end(logger.gzip);
    log_file_close(&logger.file);
    return 0;
}
