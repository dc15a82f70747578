/* agent/logs/file.h - the log file being written: appended in batches, rotated by size. Never
 * fails: what cannot be written is dropped and counted, and a notice says so once writing works
 * again. No fsync: a power cut may cost the last seconds, flash lives longer. One thread. */
#ifndef AGENT_LOGS_FILE_H
#define AGENT_LOGS_FILE_H

#include <stdint.h>

#include "agent/logs/line.h"
#include "agent/logs/names.h"

struct log_file {
    char folder[512];
    char name[LOG_NAME_MAX + 1];
    int64_t max_size; /* bytes a file */
    int max_file;     /* files, this one included */
    int dir;          /* folder's descriptor, -1 while it cannot be opened */
    int fd;           /* -1 while it cannot be opened */
    int64_t size;
    bool rotated;     /* set at each rotation, for the caller to see and clear */
    uint64_t dropped; /* lines since the last notice */
    int error;        /* errno of the last drop */
    char out[2 * LOG_LINE];
    size_t out_len;
    uint64_t out_lines;
};

/** Try to open; make the folder. The text fields and limits are set by the caller. */
void log_file_open(struct log_file *file);
/** Add a line to the batch; writes when it is full, rotates when the file is. */
void log_file_line(struct log_file *file, const char *text, size_t len, bool from_stderr,
                   int64_t at_ns);
/** Write the batch. */
void log_file_flush(struct log_file *file);
void log_file_close(struct log_file *file);

#endif
