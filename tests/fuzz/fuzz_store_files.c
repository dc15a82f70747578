/* Any bytes as the files of the store's log: it opens, reads, copies its segments, is written to
 * and opens again; what could be read once can be read each time. Checksums that fuzzing breaks are
 * set right, so that it gets behind them. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/file.h"
#include "hub/store/segment.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_store.h"

enum { FILES = 4, MESSAGES = 64 };
enum { HEADS = 1, GROUPS = 2, LIMITS = 4, MERGES = 8 }; /* in the first byte: what is set right */

static char dir[64];
static char *routes[HUB_ROUTES_MAX];
static struct found {
    int nroutes;
    uint64_t entries;
    uint64_t messages[MESSAGES];
    size_t nmessages;
} found;

static void write_segment(uint32_t number, uint8_t *bytes, size_t size, uint8_t flags)
{
    struct hub_segment_head head = {
        .version = HUB_LOG_VERSION,
        .id = number + 1,
        .last_id = number + 1,
        .salt = FUZZ_SALT + number,
        .before_salt = flags & LIMITS && number > 0 ? FUZZ_SALT + number - 1 : 0,
        .before_end = size,
    };
    char path[160];
    int fd;

    if (flags & HEADS && size >= HUB_SEGMENT_HEAD)
        hub_segment_head_write(&head, bytes);
    if (flags & GROUPS)
        fuzz_mend_groups(bytes, size, FUZZ_SALT + number);
    (void) snprintf(path, sizeof path, "%s/segment-%016" PRIx64 "-%016" PRIx64 ".log", dir, head.id,
                    head.salt);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    fuzz_holds(fd >= 0 && edge_write_all(fd, bytes, size) == 0);
    close(fd);
}

static int on_route(const char *name, void *arg)
{
    (void) arg;
    for (int i = 0; i < found.nroutes; i++) {
        if (strcmp(routes[i], name) == 0)
            return i;
    }
    if (found.nroutes == HUB_ROUTES_MAX)
        return EDGE_ELIMIT;
    routes[found.nroutes] = edge_strdup(name);
    return found.nroutes++;
}

static int on_queue(const char *name, void *arg)
{
    (void) arg;
    return (int) strlen(name);
}

static int on_entry(const struct hub_entry *entry, uint32_t queue, void *arg)
{
    uint64_t message = hub_entry_message(entry->id);
    (void) queue;
    (void) arg;

    found.entries++;
    if (found.nmessages < MESSAGES &&
        (found.nmessages == 0 || found.messages[found.nmessages - 1] < message))
        found.messages[found.nmessages++] = message;
    return 0;
}

static struct hub_log *open_log(void)
{
    const struct hub_scan_found calls = {on_route, on_queue, on_entry, NULL, NULL};
    const struct hub_log_options options = {
        .dir = dir, .max_bytes = 1 << 20, .routes = (const char *const *) routes};
    static const struct hub_ledger none[HUB_ROUTES_MAX];
    struct hub_log *log = NULL;
    uint64_t next = 0;
    bool damaged;

    found.entries = found.nmessages = 0;
    if (hub_log_open(&options, &calls, &next, &damaged, &log, NULL) < 0)
        return NULL; /* of a newer version; too many routes */
    fuzz_holds(found.nmessages == 0 || next > found.messages[found.nmessages - 1]);
    hub_log_set_ledger(log, none, (size_t) found.nroutes);
    return log;
}

static void read_all(struct hub_log *log, const uint64_t *messages, size_t count,
                     struct hub_body **bodies)
{
    if (count == 0)
        return;
    fuzz_holds(hub_log_read(log, messages, bodies, count) == 0);
    for (size_t i = 0; i < count; i++)
        fuzz_holds(bodies[i] && bodies[i]->message == messages[i]);
}

static void compare(struct hub_log *log, const uint64_t *messages, size_t count,
                    struct hub_body *const *before)
{
    struct hub_body *now[MESSAGES] = {0};

    read_all(log, messages, count, now);
    for (size_t i = 0; i < count; i++) {
        fuzz_holds(before[i]->broken || (!now[i]->broken && now[i]->len == before[i]->len &&
                                         memcmp(now[i]->data, before[i]->data, now[i]->len) == 0));
        hub_body_unref(now[i]);
    }
}

static void commit(struct hub_log *log)
{
    struct hub_group *group = hub_group_create(NULL);

    fuzz_holds(group);
    group->probe = true;
    fuzz_holds(hub_log_commit(log, group) == 0);
    hub_group_destroy(group);
}

static void use(uint8_t flags)
{
    struct hub_body *before[MESSAGES] = {0};
    uint64_t messages[MESSAGES];
    struct hub_log *log = open_log();
    size_t count = found.nmessages;
    int rc = 0;

    if (!log)
        return;
    memcpy(messages, found.messages, sizeof messages);
    read_all(log, messages, count, before);
    if (flags & MERGES && log->count > 0)
        rc = hub_log_merge_run(log, 0, log->count, NULL);
    commit(log);
    compare(log, messages, count, before);
    (void) hub_log_audit(log, NULL);
    hub_log_trim(log);
    hub_log_close(log);
    log = open_log();
    fuzz_holds(log && rc <= 0);
    compare(log, messages, count, before);
    hub_log_close(log);
    for (size_t i = 0; i < count; i++)
        hub_body_unref(before[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count = size > 1 ? data[1] % FILES + 1 : 1;
    size_t each = size > 2 ? (size - 2) / count : 0;
    uint8_t flags = size > 0 ? data[0] : 0;

    (void) snprintf(dir, sizeof dir, "%s/fuzz-store-XXXXXX",
                    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    fuzz_holds(mkdtemp(dir) != NULL);
    for (size_t i = 0; i < count; i++) {
        uint8_t *bytes = malloc(each + 1);

        fuzz_holds(bytes);
        if (each > 0)
            memcpy(bytes, data + 2 + i * each, each);
        write_segment((uint32_t) i, bytes, each, flags);
        free(bytes);
    }
    use(flags);
    fuzz_holds(edge_remove_tree(dir, NULL) == 0);
    for (int i = 0; i < found.nroutes; i++)
        routes[i] = edge_free(routes[i]);
    found.nroutes = 0;
    return 0;
}
