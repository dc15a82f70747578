#include "agent/network/ipam.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "agent/network/names.h"
#include "common/base/file.h"

enum { RESERVATION_MAX = 1024 };

static void close_dirp(DIR **dir)
{
    if (*dir)
        (void) closedir(*dir);
}

/* A file that cannot be read, or says too much, belongs to nobody. */
static void read_owner(const char *path, struct edge_buf *ret)
{
    if (edge_file_read(path, ret, NULL) < 0)
        edge_buf_fini(ret);
    if (ret->data)
        ret->data[strcspn(ret->data, "\r\n")] = '\0';
}

static int sweep_one(const char *dir, const char *name, bool (*keep)(const char *cni_id, void *arg),
                     void *arg, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = NULL;
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf owner = EDGE_BUF_INIT(RESERVATION_MAX);

    if (!agent_ipv4_ok(name)) /* "lock", "last_reserved_ip.0" */
        return 0;
    path = edge_format("%s/%s", dir, name);
    if (!path)
        return -ENOMEM;
    read_owner(path, &owner);
    if (owner.data && keep(owner.data, arg))
        return 0;
    if (unlink(path) < 0 && errno != ENOENT)
        return edge_fail(err, -errno, "cannot free address %s: %s", path, strerror(errno));
    return 0;
}

int agent_ipam_sweep(const char *dir, bool (*keep)(const char *cni_id, void *arg), void *arg,
                     struct edge_err *err)
{
    __attribute__((cleanup(close_dirp))) DIR *folder = opendir(dir);
    struct dirent *entry;
    int rc = 0;

    if (!folder && errno == ENOENT)
        return 0;
    if (!folder)
        return edge_fail(err, -errno, "cannot read folder %s: %s", dir, strerror(errno));
    while (rc == 0 && (entry = readdir(folder)))
        rc = sweep_one(dir, entry->d_name, keep, arg, err);
    return rc;
}
