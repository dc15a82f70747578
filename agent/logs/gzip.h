/* agent/logs/gzip.h - compress rotated files a little at a time, between reads. One thread.
 *
 * The result's gzip comment holds log_gzip_mark of the original, so that a reader that had the
 * original open finds where it was. */
#ifndef AGENT_LOGS_GZIP_H
#define AGENT_LOGS_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum { LOG_GZIP_MARK = 64 };

struct log_gzip; /* one file being compressed */

/** "<inode>.<mtime in ns>": what tells a rotated file from all others. */
void log_gzip_mark(char mark[LOG_GZIP_MARK], const struct stat *st);

/** Begin with the oldest rotated file of @p name that is not compressed.
 * @return NULL when there is none or it cannot be opened */
struct log_gzip *log_gzip_begin(int dir, const char *name, int last);

enum { LOG_GZIP_MORE = 1 };
/** Compress a few milliseconds' worth. @return LOG_GZIP_MORE, 0 when the compressed file has taken
 * the original's place, or negative: out of space; the original stays */
int log_gzip_step(struct log_gzip *gzip);
/** Also amid the work: what was half-written goes. Accepts NULL; returns NULL. */
struct log_gzip *log_gzip_end(struct log_gzip *gzip);

#endif
