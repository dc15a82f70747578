/* agent/logs/names.h - the files of one log: <name>.log, and rotated .1 (newest) to .N, with .gz
 * when compressed. Functions with a folder block on it; any thread. */
#ifndef AGENT_LOGS_NAMES_H
#define AGENT_LOGS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define LOG_MODULE_NAME "module" /* the name of a container's own log, as opposed to an exec's */

enum {
    LOG_NAME_MAX = 100, /* longest id or name */
    LOG_FILE_NAME = 128,
    LOG_SLOTS_MAX = 999, /* highest N */
    LOG_MAX_FILE = 5,
    LOG_MAX_SIZE = 4 * 1024 * 1024,
};

/** May @p text be part of a path: letters, digits and "-_.", no dot first, not too long? */
bool log_name_ok(const char *text);

/** "<name>.log" for slot 0, else "<name>.log.<slot>", with ".gz" when @p gz. */
void log_file_name(char file[LOG_FILE_NAME], const char *name, int slot, bool gz);

/** The slot of @p file when it belongs to the log @p name, else -1. */
int log_file_slot(const char *file, const char *name, bool *ret_gz);

/** Is the slot taken, in either form? @p dir is a folder's descriptor. */
bool log_slot_taken(int dir, const char *name, int slot);

/** Make slot 1 free, moving the others up to the first gap; the one above @p last goes. A gap is
 * what a kill amid this leaves: the next call closes it. */
void log_slots_shift(int dir, const char *name, int last);

/** After a kill or a changed limit: remove what is above @p last, half-written compressed files,
 * and compressed files whose original is still there. */
void log_slots_repair(int dir, const char *name, int last);

/** The highest slot in use that is not compressed, 0 when there is none. */
int log_slots_plain(int dir, const char *name, int last);

#endif
