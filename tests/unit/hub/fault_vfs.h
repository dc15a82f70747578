/* tests/unit/hub/fault_vfs.h - a VFS of SQLite whose n-th call fails. Any thread. */
#ifndef TESTS_UNIT_HUB_FAULT_VFS_H
#define TESTS_UNIT_HUB_FAULT_VFS_H

#define FAULT_VFS "fault"

enum fault_kind {
    FAULT_READ,
    FAULT_WRITE,
    FAULT_SYNC,
    FAULT_TRUNCATE,
    FAULT_OPEN,   /* SQLITE_READONLY: it may only be read */
    FAULT_MEMORY, /* SQLite's; whatever the code */
    FAULT_KINDS
};

/** Make it known to SQLite, once, before anything else of SQLite is called. */
void fault_register(void);
/** From now on byte @p at of the file that is at @p path now is never read; NULL ends it. */
void fault_bad_byte(const char *path, long long at);
/** Fail the @p nth call of @p kind from now on, counted from 1, and those after it, @p times in
 * all, with @p code (SQLITE_IOERR_WRITE, SQLITE_FULL, ...). */
void fault_plan(enum fault_kind kind, int nth, int times, int code);
/** No more faults. @return how many calls failed */
int fault_end(void);
/** Calls of @p kind since the last plan. */
int fault_calls(enum fault_kind kind);

#endif
