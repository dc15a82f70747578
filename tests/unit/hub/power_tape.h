/* tests/unit/hub/power_tape.h - every call of this process that changes files of one folder, in the
 * order in which they were made: ours, SQLite's and common/base's alike, as libc's functions are
 * replaced. Syncs are told and not waited for. Any thread. */
#ifndef TESTS_UNIT_HUB_POWER_TAPE_H
#define TESTS_UNIT_HUB_POWER_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum power_kind {
    POWER_WRITE,
    POWER_LENGTH, /* truncated, or reserved */
    POWER_SYNC,
    POWER_SYNC_FAILED, /* what was to be written is forgotten, and may be there or not */
    POWER_CREATE,
    POWER_RENAME,
    POWER_UNLINK,
    POWER_SYNC_FOLDER,
};
enum { POWER_NAME = 72, POWER_FILES = 512 };

struct power_event {
    enum power_kind kind;
    int file; /* lives on under other names */
    uint64_t at, len;
    bool only_longer; /* LENGTH */
    uint8_t *data;    /* WRITE */
    char name[POWER_NAME], to[POWER_NAME];
};

/** What was changed, but for what was taken off; the caller frees nothing. */
struct power_tape {
    struct power_event *events;
    size_t count, size;
    int files; /* numbers that are in use */
};

/** Begin to record what happens in @p dir: empty, or with these names for these files. */
void power_tape_begin(const char *dir, struct power_tape *tape, const char (*names)[POWER_NAME],
                      const int *files, size_t count, int next_file);
/** End it; all files are closed. */
void power_tape_end(void);
void power_tape_free(struct power_tape *tape);
/** How many events there are. */
size_t power_tape_now(void);

enum power_fault { POWER_NO_FAULT, POWER_NO_ROOM, POWER_NO_SYNC };
/** Writes and reservations (half of a write is made), or syncs, of folders too, fail: @p times of
 * them, after @p well that do not. */
void power_tape_fault(enum power_fault fault, unsigned well, unsigned times);
uint64_t power_tape_failures(void);

#endif
