/* hub/store/commit.h - the thread that writes.
 *
 *   loop thread:    fill next ---------------> fill next --------------> ...
 *                        \   swap, when due        \
 *   commit thread:        `--> log, documents ---.  `--> log, documents
 *                                                 `--> posted to the loop: hub_store_committed
 *
 * The lock guards the next group and nothing else. */
#ifndef HUB_STORE_COMMIT_H
#define HUB_STORE_COMMIT_H

#include "hub/store/db.h"
#include "hub/store/disk.h"
#include "hub/store/group.h"
#include "hub/store/log.h"

struct hub_commit;

struct hub_commit_options {
    struct hub_store *store;
    struct edge_loop *loop;
    struct hub_log *log;       /* its writing side is the thread's from now on, until stop */
    struct hub_db *db;         /* likewise */
    const char *copy;          /* path of the documents' copy */
    struct hub_disk *disk;     /* likewise */
    void (*done)(void *group); /* on the loop thread */
};
EDGE_MUST_CHECK int hub_commit_start(const struct hub_commit_options *options,
                                     struct hub_commit **ret);

/** The group being filled. Keep it for a few instructions, then give it back. */
struct hub_group *hub_commit_lock(struct hub_commit *commit);
/** ... and have it begun within @p delay_ns from now, unless it is to be sooner already. */
void hub_commit_unlock(struct hub_commit *commit, int64_t delay_ns);
/** ... without having put anything into it. */
void hub_commit_leave(struct hub_commit *commit);
/** Almost all of SQLite's log is in the file: finish that with the next group, so that it begins
 * anew.
 */
void hub_commit_finish_log(struct hub_commit *commit);
/** A group that was done with. */
void hub_commit_recycle(struct hub_commit *commit, struct hub_group *group);
/** Write what is left, end the thread. Accepts NULL. */
void hub_commit_stop(struct hub_commit *commit);
/** After stop, and after the last group has come back. Accepts NULL; returns NULL. */
struct hub_commit *hub_commit_destroy(struct hub_commit *commit);

#endif
