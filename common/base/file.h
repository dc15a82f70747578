/* common/base/file.h - whole files: read with a limit, written so that a power cut leaves the old
 * or the new one. Blocking; any thread. */
#ifndef EDGE_BASE_FILE_H
#define EDGE_BASE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/bytes.h"
#include "common/base/err.h"

/** Read all of @p path into @p buf, whose ceiling is the limit.
 * @return 0, -ENOENT and other errno, EDGE_ELIMIT */
EDGE_MUST_CHECK int edge_file_read(const char *path, struct edge_buf *buf, struct edge_err *err);

/** Write a temporary file beside @p path with exactly @p mode, fsync, rename over it, fsync the
 * folder. One writer a path at a time.
 * @return 0 or errno; on failure the old file is untouched */
EDGE_MUST_CHECK int edge_file_write(const char *path, const void *data, size_t len, mode_t mode,
                                    struct edge_err *err);

/** What was made, renamed and removed in the folder of @p path stays so. @return 0 or errno */
EDGE_MUST_CHECK int edge_sync_folder_of(const char *path);

/** mkdir -p; folders that exist keep their mode. @return 0 or errno */
EDGE_MUST_CHECK int edge_mkdirs(const char *path, mode_t mode, struct edge_err *err);

/** rm -r without following links or crossing into other file systems; absent is success. */
int edge_remove_tree(const char *path, struct edge_err *err);

/** The path of a program that is installed beside this one; NULL: it cannot be told. The caller
 * frees it. */
char *edge_beside(const char *program);

/** write(2) until all is written. @return 0 or errno */
EDGE_MUST_CHECK int edge_write_all(int fd, const void *data, size_t len);

#endif
