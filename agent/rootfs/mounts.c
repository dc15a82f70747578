#include "agent/rootfs/mounts.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/file.h"

enum { ID_MAX_LEN = 76 };

bool rootfs_id_ok(const char *id)
{
    if (!isalnum((unsigned char) *id) || strlen(id) > ID_MAX_LEN)
        return false;
    for (; *id; id++) {
        if (!isalnum((unsigned char) *id) && !strchr("_.-", *id))
            return false;
    }
    return true;
}

/* --- sources on the host --- */

static int need_source(const struct agent_mount *mount, struct edge_err *err)
{
    struct stat st;
    int rc;

    if (stat(mount->source, &st) == 0)
        return 0;
    if (errno != ENOENT)
        return edge_fail(err, -errno, "HostConfig: bind source %s: %s", mount->source,
                         strerror(errno));
    if (!mount->create_source)
        return edge_fail(err, -ENOENT,
                         "HostConfig.Mounts: the bind source %s does not exist on this device; "
                         "create it, or use Binds, which does",
                         mount->source);
    rc = edge_mkdirs(mount->source, 0755, err);
    if (rc < 0)
        return edge_wrap(err, rc, "HostConfig.Binds");
    if (stat(mount->source, &st) < 0) /* a link to nowhere */
        return edge_fail(err, -errno, "HostConfig.Binds: %s: %s", mount->source, strerror(errno));
    return 0;
}

/* --- the list --- */

static void add(struct rootfs_mounts *mounts, const char *source, const char *target,
                const char *options, bool read_only)
{
    mounts->binds[mounts->nbinds++] = (struct agent_bind){
        .source = source, .target = target, .options = options, .read_only = read_only};
}

/* The volume of that path, which it takes over; one that stands in the list already is mounted
 * twice. */
static int need_volume(struct rootfs_mounts *mounts, char *path, const char *target, bool no_copy,
                       const char **ret_data)
{
    struct rootfs_volume *volume = &mounts->volumes[mounts->nvolumes];
    int rc;

    for (size_t i = 0; path && i < mounts->nvolumes; i++) {
        if (strcmp(mounts->volumes[i].path, path) == 0) {
            *ret_data = mounts->volumes[i].data;
            free(path);
            return 0;
        }
    }
    rc = rootfs_volume_init(volume, path, target, no_copy);
    if (rc < 0)
        return rc;
    *ret_data = volume->data;
    mounts->nvolumes++;
    return 0;
}

/* @param mount  NULL for an anonymous volume the image declares */
static int add_volume(struct rootfs_mounts *mounts, const char *target,
                      const struct agent_mount *mount)
{
    const struct agent_rootfs_request *request = mounts->request;
    const char *name = mount ? mount->source : "";
    char *path = *name ? rootfs_volume_named(request->homedir, name)
                       : rootfs_volume_anonymous(request->homedir, request->id, target);
    const char *data = NULL;
    int rc = need_volume(mounts, path, target, mount && mount->no_copy, &data);

    if (rc == 0)
        add(mounts, data, target, mount ? mount->options : "", mount && mount->read_only);
    return rc;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct rootfs_volume *) a)->path,
                  ((const struct rootfs_volume *) b)->path);
}

/* In one order everywhere, so that two containers never wait for each other's volumes. */
static int open_volumes(struct rootfs_mounts *mounts, struct edge_err *err)
{
    int rc = 0;

    qsort(mounts->volumes, mounts->nvolumes, sizeof *mounts->volumes, by_path);
    for (size_t i = 0; rc == 0 && i < mounts->nvolumes; i++)
        rc = rootfs_volume_open(&mounts->volumes[i], err);
    return rc;
}

static int add_mount(struct rootfs_mounts *mounts, const struct agent_mount *mount,
                     struct edge_err *err)
{
    int rc = 0;

    switch (mount->kind) {
    case AGENT_MOUNT_BIND:
        rc = need_source(mount, err);
        if (rc == 0)
            add(mounts, mount->source, mount->target, mount->options, mount->read_only);
        break;
    case AGENT_MOUNT_VOLUME:
        rc = add_volume(mounts, mount->target, mount);
        break;
    case AGENT_MOUNT_TMPFS: /* the spec room's own */
        break;
    }
    return rc;
}

static bool user_mounts_on(const struct agent_options *options, const char *target)
{
    for (size_t i = 0; i < options->nmounts; i++) {
        if (strcmp(options->mounts[i].target, target) == 0)
            return true;
    }
    return false;
}

static void add_injected(struct rootfs_mounts *mounts)
{
    const struct agent_rootfs_request *request = mounts->request;

    for (size_t i = 0; i < request->nbinds; i++) {
        const struct agent_bind *bind = &request->binds[i];

        if (!bind->yields || !user_mounts_on(request->options, bind->target))
            mounts->binds[mounts->nbinds++] = *bind;
    }
}

/* --- nobody's mount on or below one of ours --- */

static bool on_or_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);

    return strncmp(path, folder, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* The path's text as it is, or as it stands once links in the image are followed. The caller frees
 * it. */
typedef char *(*path_fn)(const char *path);

static char *as_written(const char *path)
{
    return strdup(path);
}

/* The longest part that exists, without links, and the rest as written. */
static char *without_links(const char *path)
{
    EDGE_CLEANUP(edge_free) char *part = strdup(path);
    char real[PATH_MAX];

    if (!part)
        return NULL;
    for (size_t len = strlen(part); len > 0; len--) {
        if (path[len] != '/' && path[len] != '\0')
            continue;
        part[len] = '\0';
        if (realpath(part, real))
            return edge_format("%s%s", strcmp(real, "/") == 0 ? "" : real, path + len);
    }
    return strdup(path);
}

static int check_one(const struct agent_rootfs_request *request, const char *target, path_fn real,
                     struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = real(target);

    if (!path)
        return -ENOMEM;
    for (size_t i = 0; i < request->nbinds; i++) {
        const struct agent_bind *bind = &request->binds[i];
        EDGE_CLEANUP(edge_free) char *ours = bind->yields ? NULL : real(bind->target);

        if (!bind->yields && !ours)
            return -ENOMEM;
        if (ours && on_or_below(path, ours))
            return edge_fail(err, EDGE_EINVALID,
                             "HostConfig: a mount on %s would hide %s, which the runtime provides; "
                             "remove it from createOptions",
                             target, bind->target);
    }
    return 0;
}

static int check_targets(const struct agent_rootfs_request *request, path_fn real,
                         struct edge_err *err)
{
    const struct agent_options *options = request->options;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < options->nmounts; i++)
        rc = check_one(request, options->mounts[i].target, real, err);
    for (char *const *at = options->volumes; rc == 0 && at && *at; at++)
        rc = check_one(request, *at, real, err);
    return rc;
}

int rootfs_mounts_check_links(const struct rootfs_mounts *mounts, struct edge_err *err)
{
    return check_targets(mounts->request, without_links, err);
}

/* --- all of it --- */

static size_t count(char *const *list)
{
    size_t len = 0;

    while (list && list[len])
        len++;
    return len;
}

static int allocate(struct rootfs_mounts *mounts)
{
    const struct agent_options *options = mounts->request->options;
    size_t most = options->nmounts + count(options->volumes);

    mounts->volumes = calloc(most + 1, sizeof *mounts->volumes);
    mounts->binds = calloc(most + mounts->request->nbinds + 1, sizeof *mounts->binds);
    return mounts->volumes && mounts->binds ? 0 : -ENOMEM;
}

static int fill(struct rootfs_mounts *mounts, struct edge_err *err)
{
    const struct agent_options *options = mounts->request->options;
    int rc = allocate(mounts);

    if (rc == 0)
        rc = check_targets(mounts->request, as_written, err);
    if (rc < 0)
        return rc;
    add_injected(mounts);
    for (size_t i = 0; rc == 0 && i < options->nmounts; i++)
        rc = add_mount(mounts, &options->mounts[i], err);
    for (char *const *at = options->volumes; rc == 0 && at && *at; at++)
        rc = add_volume(mounts, *at, NULL);
    return rc < 0 ? rc : open_volumes(mounts, err);
}

int rootfs_mounts_prepare(const struct agent_rootfs_request *request, struct rootfs_mounts *ret,
                          struct edge_err *err)
{
    struct rootfs_mounts mounts = {.request = request};
    int rc = fill(&mounts, err);

    if (rc < 0) {
        rootfs_mounts_fini(&mounts);
        return rc;
    }
    *ret = mounts;
    return 0;
}

void rootfs_mounts_fini(struct rootfs_mounts *mounts)
{
    for (size_t i = 0; i < mounts->nvolumes; i++)
        rootfs_volume_fini(&mounts->volumes[i]);
    free(mounts->volumes);
    free(mounts->binds);
    *mounts = (struct rootfs_mounts){0};
}
