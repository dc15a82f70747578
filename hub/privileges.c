#include "hub/privileges.h"

#include <errno.h>
#include <fts.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/file.h"

static int give(uid_t uid, const char *dir, struct edge_err *err)
{
    char path[4096];
    char *const roots[] = {path, NULL};
    FTSENT *entry;
    FTS *tree;
    int rc = 0;

    if (strlen(dir) >= sizeof path)
        return edge_fail(err, -ENAMETOOLONG, "%s: too long", dir);
    memcpy(path, dir, strlen(dir) + 1);
    tree = fts_open(roots, FTS_PHYSICAL | FTS_XDEV, NULL);
    if (!tree)
        return edge_fail(err, -errno, "cannot read %s", dir);
    while (rc == 0 && (entry = fts_read(tree)) != NULL) {
        if (entry->fts_info == FTS_DP || entry->fts_statp->st_uid == uid)
            continue;
        if (lchown(entry->fts_accpath, uid, uid) < 0)
            rc = edge_fail(err, -errno, "cannot make %s the user's: %s", entry->fts_path,
                           strerror(errno));
    }
    (void) fts_close(tree);
    return rc;
}

/* Only CAP_NET_BIND_SERVICE, also across the change of user. */
static int keep_ports(void)
{
    const uint32_t bit = UINT32_C(1) << CAP_NET_BIND_SERVICE;
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[2] = {{.effective = bit, .permitted = bit}};

    return syscall(SYS_capset, &head, caps) < 0 ? -errno : 0;
}

static int change(uid_t uid)
{
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
        setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
        return -errno;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    return keep_ports();
}

int hub_become(uid_t uid, const char *dir, struct edge_err *err)
{
    int rc;

    if (uid == 0 || geteuid() != 0)
        return 0;
    rc = edge_mkdirs(dir, 0700, err);
    if (rc == 0)
        rc = give(uid, dir, err);
    if (rc < 0)
        return rc;
    rc = change(uid);
    return rc < 0 ? edge_fail(err, rc, "cannot become user %u: %s", (unsigned) uid, strerror(-rc))
                  : 0;
}
