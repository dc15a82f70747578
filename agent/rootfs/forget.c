/* Anonymous volumes go with their container. A container's folder is first renamed to a name no
 * container has, so that a removal that is cut short is seen as such and finished later. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/rootfs/mounts.h"
#include "agent/rootfs/remove.h"
#include "agent/rootfs/rootfs.h"

static char *folder_of(const char *homedir, const char *name)
{
    return edge_format("%s/volumes/_anonymous/%s", homedir, name);
}

int agent_rootfs_forget(const char *homedir, const char *id, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = folder_of(homedir, id);
    EDGE_CLEANUP(edge_free) char *doomed = edge_format("%s/volumes/_anonymous/_%s", homedir, id);
    int rc;

    if (!rootfs_id_ok(id))
        return edge_fail(err, EDGE_EINVALID, "`%.80s` is not a container id", id);
    if (!path || !doomed)
        return -ENOMEM;
    rc = rootfs_remove(AT_FDCWD, doomed, err);
    if (rc < 0)
        return rc;
    if (rename(path, doomed) < 0)
        return errno == ENOENT
                   ? 0
                   : edge_fail(err, -errno, "cannot rename %s: %s", path, strerror(errno));
    return rootfs_remove(AT_FDCWD, doomed, err);
}

static bool is_live(const char *const *live, const char *name)
{
    for (; live && *live; live++) {
        if (strcmp(*live, name) == 0)
            return true;
    }
    return false;
}

/* A folder that begins with '_' is a removal cut short. */
static int remove_one(const char *homedir, const char *name, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = folder_of(homedir, name);

    if (!path)
        return -ENOMEM;
    return *name == '_' ? rootfs_remove(AT_FDCWD, path, err)
                        : agent_rootfs_forget(homedir, name, err);
}

int agent_rootfs_sweep(const char *homedir, const char *const *live, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/volumes/_anonymous", homedir);
    DIR *dir = path ? opendir(path) : NULL;
    const struct dirent *entry;
    int rc = 0;

    if (!path)
        return -ENOMEM;
    if (!dir)
        return errno == ENOENT
                   ? 0
                   : edge_fail(err, -errno, "cannot read %s: %s", path, strerror(errno));
    while ((entry = readdir(dir))) {
        int one = 0;

        if (entry->d_name[0] != '.' && !is_live(live, entry->d_name))
            one = remove_one(homedir, entry->d_name, err);
        if (one < 0)
            rc = one; /* the others all the same */
    }
    closedir(dir);
    return rc;
}
