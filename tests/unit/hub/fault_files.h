/* tests/unit/hub/fault_files.h - the log's calls to the disk, of which the n-th fails. Any thread.
 */
#ifndef TESTS_UNIT_HUB_FAULT_FILES_H
#define TESTS_UNIT_HUB_FAULT_FILES_H

#include "hub/store/files.h"

enum fault_file {
    FILE_OPEN,
    FILE_WRITE, /* half of it is written */
    FILE_READ,
    FILE_SYNC,
    FILE_RESERVE,
    FILE_TRUNCATE,
    FILE_RENAME,
    FILE_UNLINK,
    FILE_SYNC_FOLDER,
    FILE_KINDS
};

extern const struct hub_files fault_files;

/** Fail the @p nth call of @p kind from now on, counted from 1, and those after it, @p times in
 * all, with @p code (-EIO, -ENOSPC, ...). */
void fault_files_plan(enum fault_file kind, int nth, int times, int code);
/** No more faults. @return how many calls failed */
int fault_files_end(void);
/** Reads wait until they are let go. */
void fault_files_hold(bool on);
/** Called after each call that changes the disk, by the thread that made it; NULL: nothing. */
void fault_files_watch(void (*fn)(void));

#endif
