#include "tests/unit/hub/fault_vfs.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* follows in memory */
    ino_t inode;
};

static sqlite3_vfs vfs;
static sqlite3_vfs *real_vfs;
static atomic_int calls[FAULT_KINDS];
static atomic_int failed, first, times, code, kind_planned;
static atomic_llong bad_inode, bad_at;
static sqlite3_mem_methods memory;

void fault_plan(enum fault_kind kind, int nth, int count, int with)
{
    atomic_store(&times, 0);
    for (int i = 0; i < FAULT_KINDS; i++)
        atomic_store(&calls[i], 0);
    atomic_store(&failed, 0);
    atomic_store(&kind_planned, (int) kind);
    atomic_store(&first, nth);
    atomic_store(&code, with);
    atomic_store(&times, count);
}

int fault_end(void)
{
    atomic_store(&times, 0);
    return atomic_load(&failed);
}

int fault_calls(enum fault_kind kind)
{
    return atomic_load(&calls[kind]);
}

static bool fails(enum fault_kind kind)
{
    int n = atomic_fetch_add(&calls[kind], 1) + 1;
    int from = atomic_load(&first);

    if ((int) kind != atomic_load(&kind_planned) || n < from || n - from >= atomic_load(&times))
        return false;
    atomic_fetch_add(&failed, 1);
    return true;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct file *) (void *) file)->real;
}

static int fault_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

void fault_bad_byte(const char *path, long long at)
{
    struct stat st = {0};

    if (path && stat(path, &st) < 0)
        abort();
    atomic_store(&bad_at, at);
    atomic_store(&bad_inode, (long long) st.st_ino);
}

static bool is_bad(const sqlite3_file *base, int len, sqlite3_int64 at)
{
    const struct file *file = (const struct file *) (const void *) base;

    return atomic_load(&bad_inode) > 0 && (long long) file->inode == atomic_load(&bad_inode) &&
           at <= atomic_load(&bad_at) && atomic_load(&bad_at) < at + len;
}

static int fault_read(sqlite3_file *file, void *data, int len, sqlite3_int64 at)
{
    if (is_bad(file, len, at))
        return SQLITE_IOERR_READ;
    return fails(FAULT_READ) ? atomic_load(&code)
                             : real_of(file)->pMethods->xRead(real_of(file), data, len, at);
}

static int fault_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
    return fails(FAULT_WRITE) ? atomic_load(&code)
                              : real_of(file)->pMethods->xWrite(real_of(file), data, len, at);
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 len)
{
    return fails(FAULT_TRUNCATE) ? atomic_load(&code)
                                 : real_of(file)->pMethods->xTruncate(real_of(file), len);
}

static int fault_sync(sqlite3_file *file, int flags)
{
    return fails(FAULT_SYNC) ? atomic_load(&code)
                             : real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int fault_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int fault_lock(sqlite3_file *file, int lock)
{
    return real_of(file)->pMethods->xLock(real_of(file), lock);
}

static int fault_unlock(sqlite3_file *file, int lock)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), lock);
}

static int fault_check_lock(sqlite3_file *file, int *ret)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret);
}

static int fault_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int fault_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int fault_traits(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int fault_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, ret);
}

static int fault_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void fault_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int fault_shm_unmap(sqlite3_file *file, int del)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), del);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_check_lock,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector,
    .xDeviceCharacteristics = fault_traits,
    .xShmMap = fault_shm_map,
    .xShmLock = fault_shm_lock,
    .xShmBarrier = fault_shm_barrier,
    .xShmUnmap = fault_shm_unmap,
};

static int fault_open(sqlite3_vfs *self, const char *name, sqlite3_file *base, int flags,
                      int *ret_flags)
{
    struct file *file = (struct file *) (void *) base;
    struct stat st = {0};
    int rc = SQLITE_OK;

    (void) self;
    file->real = (sqlite3_file *) (void *) (file + 1);
    file->base.pMethods = NULL;
    if (fails(FAULT_OPEN)) {
        if (atomic_load(&code) != SQLITE_READONLY)
            return atomic_load(&code);
        flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    }
    rc = real_vfs->xOpen(real_vfs, name, file->real, flags, ret_flags);
    file->base.pMethods = rc == SQLITE_OK ? &methods : NULL;
    file->inode = name && stat(name, &st) == 0 ? st.st_ino : 0;
    return rc;
}

static void *fault_malloc(int size)
{
    return fails(FAULT_MEMORY) ? NULL : memory.xMalloc(size);
}

static void *fault_realloc(void *old, int size)
{
    return fails(FAULT_MEMORY) ? NULL : memory.xRealloc(old, size);
}

void fault_register(void)
{
    sqlite3_mem_methods faulty;

    if (real_vfs)
        return;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory) != SQLITE_OK)
        abort();
    faulty = memory;
    faulty.xMalloc = fault_malloc;
    faulty.xRealloc = fault_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &faulty) != SQLITE_OK)
        abort();
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = FAULT_VFS;
    vfs.szOsFile = (int) sizeof(struct file) + real_vfs->szOsFile;
    vfs.xOpen = fault_open;
    vfs.pNext = NULL;
    sqlite3_vfs_register(&vfs, 0);
}
