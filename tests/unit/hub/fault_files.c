#include "tests/unit/hub/fault_files.h"

#include <pthread.h>
#include <stdbool.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    enum fault_file kind;
    int nth, times, code, calls, failed;
} plan;
static pthread_cond_t let_go = PTHREAD_COND_INITIALIZER;
static bool held;
static void (*watcher)(void);

void fault_files_plan(enum fault_file kind, int nth, int times, int code)
{
    pthread_mutex_lock(&lock);
    plan.kind = kind;
    plan.nth = nth;
    plan.times = times;
    plan.code = code;
    plan.calls = plan.failed = 0;
    pthread_mutex_unlock(&lock);
}

int fault_files_end(void)
{
    int failed;

    pthread_mutex_lock(&lock);
    failed = plan.failed;
    plan.times = 0;
    pthread_mutex_unlock(&lock);
    return failed;
}

void fault_files_hold(bool on)
{
    pthread_mutex_lock(&lock);
    held = on;
    pthread_cond_broadcast(&let_go);
    pthread_mutex_unlock(&lock);
}

void fault_files_watch(void (*fn)(void))
{
    watcher = fn;
}

static int fate(enum fault_file kind)
{
    int code = 0;

    pthread_mutex_lock(&lock);
    if (kind == plan.kind && ++plan.calls >= plan.nth && plan.calls < plan.nth + plan.times) {
        plan.failed++;
        code = plan.code;
    }
    pthread_mutex_unlock(&lock);
    return code;
}

static int told(int rc)
{
    if (watcher)
        watcher();
    return rc;
}

static int fault_open(const char *path, int flags)
{
    int code = fate(FILE_OPEN);

    return code ? code : hub_files_real.open(path, flags);
}

static int fault_write(int fd, const void *data, size_t len, uint64_t at)
{
    int code = fate(FILE_WRITE);
    int rc = hub_files_real.write(fd, data, code ? len / 2 : len, at);

    return told(code ? code : rc);
}

static void wait_until_let_go(void)
{
    pthread_mutex_lock(&lock);
    while (held)
        pthread_cond_wait(&let_go, &lock);
    pthread_mutex_unlock(&lock);
}

static ssize_t fault_read(int fd, void *data, size_t len, uint64_t at)
{
    int code;

    wait_until_let_go();
    code = fate(FILE_READ);
    return code ? code : hub_files_real.read(fd, data, len, at);
}

static int fault_sync(int fd)
{
    int code = fate(FILE_SYNC);

    return told(code ? code : hub_files_real.sync(fd));
}

static int fault_reserve(int fd, uint64_t len)
{
    int code = fate(FILE_RESERVE);

    return told(code ? code : hub_files_real.reserve(fd, len));
}

static int fault_truncate(int fd, uint64_t len)
{
    int code = fate(FILE_TRUNCATE);

    return told(code ? code : hub_files_real.truncate(fd, len));
}

static int fault_rename(const char *from, const char *to)
{
    int code = fate(FILE_RENAME);

    return told(code ? code : hub_files_real.rename(from, to));
}

static int fault_unlink(const char *path)
{
    int code = fate(FILE_UNLINK);

    return told(code ? code : hub_files_real.unlink(path));
}

static int fault_sync_folder(const char *path)
{
    int code = fate(FILE_SYNC_FOLDER);

    return told(code ? code : hub_files_real.sync_folder(path));
}

const struct hub_files fault_files = {
    .open = fault_open,
    .write = fault_write,
    .read = fault_read,
    .sync = fault_sync,
    .reserve = fault_reserve,
    .truncate = fault_truncate,
    .rename = fault_rename,
    .unlink = fault_unlink,
    .sync_folder = fault_sync_folder,
};
