/* hub/store/log.h - the messages on disk: an append-only log in segments, files of their own.
 *
 *   oldest                                              newest
 *   [ x x x x ]   [ x . x x ]   [ x . . . ]   [ . . . > active ]      x: gone   .: wanted
 *    deleted       copied, with its neighbour, into   groups are appended, one sync each
 *                  one small segment in their place
 *
 * A segment tells the names it uses and, at its begin, the whole ledger: the ones before it can go.
 * Messages keep their numbers and the log their order, so what is gone is told by number. */
#ifndef HUB_STORE_LOG_H
#define HUB_STORE_LOG_H

#include "hub/store/files.h"
#include "hub/store/group.h"
#include "hub/store/scan.h"

struct hub_log;

struct hub_log_options {
    const char *dir;               /* exists; copied */
    const struct hub_files *files; /* NULL: the disk's */
    uint64_t max_bytes;            /* of pending messages: a segment is a small part of that */
    const char *const *routes;     /* names by number; those a group names do not change */
    /** A person must hear it. */
    void (*notice)(const char *text, void *arg);
    void *arg;
};
/** Open, repair what is damaged (the damaged file stays beside its new one for who wants to look
 * into it), and tell what waits.
 * @return 0, EDGE_ESTORE, -ENOMEM, a negative code of @p found */
EDGE_MUST_CHECK int hub_log_open(const struct hub_log_options *options,
                                 const struct hub_scan_found *found, uint64_t *ret_next_message,
                                 bool *ret_damaged, struct hub_log **ret, struct edge_err *err);
/** The routes as they are; before the first commit. */
void hub_log_set_ledger(struct hub_log *log, const struct hub_ledger *ledger, size_t count);
/** Accepts NULL; returns NULL. No other thread uses it any more. */
struct hub_log *hub_log_close(struct hub_log *log);

/* Commit thread. */

/** Messages, what is gone, and the ledger of @p group. Each put's op has its `rc` then; what was
 * written of the rest is taken out of the group. @return 0; -ENOSPC, EDGE_ESTORE, -ENOMEM: the
 * group's `trouble` says it */
int hub_log_commit(struct hub_log *log, struct hub_group *group);
/** Delete what nobody wants at the old end. */
void hub_log_trim(struct hub_log *log);
/** Bytes that the log may fill without asking the disk for more. */
uint64_t hub_log_room(const struct hub_log *log);

/* Any thread. */

/** Read messages, numbers ascending. Each of @p bodies gets a body with one reference, `broken`
 * when the log does not have it whole.
 * @return 0, or EDGE_ESTORE, -ENOMEM: nothing could be read now, all bodies are NULL */
int hub_log_read(struct hub_log *log, const uint64_t *messages, struct hub_body **bodies,
                 size_t count);
/** Is there something to gain by a merge? */
bool hub_log_wants_merge(struct hub_log *log);
/** Copy what is wanted of neighbours that hold mostly what is not. One thread at a time. */
void hub_log_merge(struct hub_log *log);
/** Does the ledger hold, entries counted on disk? @return 0, EDGE_ESTORE with text, -ENOMEM */
int hub_log_audit(struct hub_log *log, struct edge_err *err);
/** Bytes of all segments. */
uint64_t hub_log_bytes(struct hub_log *log);

#endif
