/* agent/rootfs/volumes.h - inside the room: volumes on the host's disk, and their first content.
 *
 * A volume is a folder:
 *   _data/   what containers see
 *   part/    content on its way from an image; worthless after a crash
 *   fill/    content that is whole and on disk, on its way into _data; going on is safe
 *
 *   (empty _data) --copy--> part --syncfs, rename--> fill --rename each entry--> _data, fill gone
 *
 * _data is never replaced: another container may have it mounted. Blocking; any thread; a volume is
 * locked from open to fini. */
#ifndef AGENT_ROOTFS_VOLUMES_H
#define AGENT_ROOTFS_VOLUMES_H

#include <stdbool.h>

#include "agent/spec/options.h"
#include "common/base/err.h"

struct rootfs_volume {
    char *path;         /* of the volume's folder, owned */
    char *data;         /* of _data, owned */
    const char *target; /* in the container; borrowed */
    bool no_copy;       /* never fill from the image */
    bool fill;          /* open found it empty: to be filled from the image */
    int fd;             /* of the volume's folder, locked; -1 while closed */
};

/** Names only. @param path  taken over, also on failure @return 0 or -ENOMEM */
int rootfs_volume_init(struct rootfs_volume *volume, char *path, const char *target, bool no_copy);
/** Make the folders, lock, clean up and finish what a crash has left. Who opens several does so in
 * the order of their paths, each once. */
int rootfs_volume_open(struct rootfs_volume *volume, struct edge_err *err);
/** In a view: bring the image's content of target to `fill`. Nothing there is success. */
int rootfs_volume_fetch(const struct rootfs_volume *volume, struct edge_err *err);
/** After the view: move it to `_data`. */
int rootfs_volume_finish(struct rootfs_volume *volume, struct edge_err *err);
/** Unlock and free what init made. */
void rootfs_volume_fini(struct rootfs_volume *volume);

/** <homedir>/volumes/<name>, or the anonymous one for @p target. The caller frees it. */
char *rootfs_volume_named(const char *homedir, const char *name);
char *rootfs_volume_anonymous(const char *homedir, const char *id, const char *target);

#endif
