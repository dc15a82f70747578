/* hub/store/disk.h - the folder: whose it is, what the disk has left, and what is kept back for bad
 * times. Made on the loop thread, then the commit thread's. */
#ifndef HUB_STORE_DISK_H
#define HUB_STORE_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/err.h"

struct hub_disk {
    char *dir;
    char *reserve; /* a file with nothing in it but the room it takes */
    char *suspect; /* a file that is there when hub.db is to be checked as a whole */
    uint64_t keep; /* bytes of the disk that are left alone */
    int lock;      /* file; -1 */
    bool given_up; /* the reserve file is gone */
};

/** Make the folder, lock it. @return 0, EDGE_ECONFLICT, EDGE_ESTORE, -ENOMEM */
EDGE_MUST_CHECK int hub_disk_open(struct hub_disk *disk, const char *dir, uint64_t keep,
                                  struct edge_err *err);
void hub_disk_fini(struct hub_disk *disk);
/** What messages may still use: of the disk, and when that is little, what the log has free
 * @p inside. When there is enough again, the reserve file is made again. */
uint64_t hub_disk_free(struct hub_disk *disk, uint64_t inside);
/** The disk is full: let go of the reserve file, so that deleting can go on. */
void hub_disk_give_up(struct hub_disk *disk);
/** For an open that failed: the same, if the disk is as good as full and there is a reserve.
 * @return whether there is room now: try again */
bool hub_disk_make_way(struct hub_disk *disk);
/** False: it is not there, or empty. */
bool hub_disk_has(const char *path);
/** "PATH.new" is whole when there is no @p path: then it takes its name; else it goes. */
EDGE_MUST_CHECK int hub_disk_settle(const char *path, struct edge_err *err);
/** A database file that is whole and closed takes the name @p path, which none has. */
EDGE_MUST_CHECK int hub_disk_put(const char *from, const char *path, struct edge_err *err);
/** Names in the folder of @p path are on disk. @return 0, EDGE_ESTORE */
EDGE_MUST_CHECK int hub_disk_sync(const char *path, struct edge_err *err);
/** The file is broken: the next open looks at all of it. */
void hub_disk_suspect(const struct hub_disk *disk);
bool hub_disk_is_suspect(const struct hub_disk *disk);
/** All of it was looked at. */
void hub_disk_trust(const struct hub_disk *disk);
/** Move a file that is broken out of the way, with what belongs to it; the newest two stay.
 * @param family  of files whose names begin so, all together; NULL: of this one
 * @param ret  its new path, which the caller frees */
EDGE_MUST_CHECK int hub_disk_set_aside(const char *path, const char *family, char **ret,
                                       struct edge_err *err);

#endif
