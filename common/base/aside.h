/* common/base/aside.h - damaged files go out of the way, and stay for who wants to look into them.
 * With what SQLite keeps beside a file. Blocking; any thread. */
#ifndef EDGE_BASE_ASIDE_H
#define EDGE_BASE_ASIDE_H

#include "common/base/attr.h"
#include "common/base/err.h"

struct edge_aside {
    const char *mark;   /* ".bad-": the file is PATH.bad-20240131T120000.123456Z then */
    const char *family; /* files whose names begin so are counted together; NULL: those of PATH */
    unsigned keep;      /* so many of them stay, the newest */
};

/** The file goes first: cut short, there is none, and SQLite uses no log without its file.
 * @param ret  the new path; the caller frees it   @return 0, -ENOMEM, EDGE_ESTORE */
EDGE_MUST_CHECK int edge_set_aside(const char *path, const struct edge_aside *how, char **ret,
                                   struct edge_err *err);
/** The file and what is beside it, if it is there. */
void edge_remove_with_log(const char *path);

#endif
