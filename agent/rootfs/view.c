#include "agent/rootfs/view.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "agent/rootfs/mount.h"

struct view {
    const struct agent_ctrd_mounts *mounts;
    const char *at;
    rootfs_view_fn fn;
    void *arg;
    struct edge_err *err;
    int rc;
};

/* From here on this thread's root, folder and mounts are its own. */
static int leave_the_others(struct edge_err *err)
{
    if (unshare(CLONE_FS | CLONE_NEWNS) < 0)
        return edge_fail(err, -errno, "cannot make a mount namespace: %s", strerror(errno));
    if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
        return edge_fail(err, -errno, "cannot make mounts private: %s", strerror(errno));
    return 0;
}

static int enter(const char *at, struct edge_err *err)
{
    if (chdir(at) < 0 || chroot(".") < 0)
        return edge_fail(err, -errno, "cannot enter the container's root at %s: %s", at,
                         strerror(errno));
    return 0;
}

/* Back to the host's root, so that nothing of the view is in use and it can be taken down before
 * the container's own mount of the same layers is made. */
static void leave(int host_root, const char *at)
{
    if (fchdir(host_root) < 0 || chroot(".") < 0)
        return; /* the end of the thread does the rest */
    if (umount2(at, 0) < 0)
        (void) umount2(at, MNT_DETACH);
}

static int run(struct view *view)
{
    EDGE_CLEANUP(edge_close) int host_root = -1;
    int rc = leave_the_others(view->err);

    if (rc < 0)
        return rc;
    host_root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (host_root < 0)
        return edge_fail(view->err, -errno, "cannot open /: %s", strerror(errno));
    rc = rootfs_mount(view->mounts, view->at, view->err);
    if (rc < 0)
        return rc;
    rc = enter(view->at, view->err);
    if (rc == 0)
        rc = view->fn(view->arg, view->err);
    leave(host_root, view->at);
    return rc;
}

static void *thread_main(void *arg)
{
    struct view *view = arg;

    view->rc = run(view);
    return NULL;
}

int rootfs_view(const struct agent_ctrd_mounts *mounts, const char *at, rootfs_view_fn fn,
                void *arg, struct edge_err *err)
{
    struct view view = {.mounts = mounts, .at = at, .fn = fn, .arg = arg, .err = err};
    pthread_t thread;
    int rc = pthread_create(&thread, NULL, thread_main, &view);

    if (rc != 0)
        return edge_fail(err, -rc, "cannot start a thread: %s", strerror(rc));
    rc = pthread_join(thread, NULL);
    return rc != 0 ? -rc : view.rc;
}
