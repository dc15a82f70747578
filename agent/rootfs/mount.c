#include "agent/rootfs/mount.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

enum {
    DATA_MAX = 4095, /* mount(2) reads one page */
    TEXT_MAX = 256 * 1024,
};

static const unsigned long safe = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

static const struct {
    const char *name;
    unsigned long set;
    unsigned long clear;
} flags[] = {
    {"ro", MS_RDONLY, 0},
    {"rw", 0, MS_RDONLY},
    {"bind", MS_BIND, 0},
    {"rbind", MS_BIND | MS_REC, 0},
    {"nosuid", MS_NOSUID, 0},
    {"suid", 0, MS_NOSUID},
    {"nodev", MS_NODEV, 0},
    {"dev", 0, MS_NODEV},
    {"noexec", MS_NOEXEC, 0},
    {"exec", 0, MS_NOEXEC},
    {"noatime", MS_NOATIME, 0},
    {"atime", 0, MS_NOATIME},
    {"nodiratime", MS_NODIRATIME, 0},
    {"diratime", 0, MS_NODIRATIME},
    {"relatime", MS_RELATIME, 0},
    {"strictatime", MS_STRICTATIME, 0},
    {"sync", MS_SYNCHRONOUS, 0},
    {"async", 0, MS_SYNCHRONOUS},
    {"dirsync", MS_DIRSYNC, 0},
    {"defaults", 0, 0},
};

void rootfs_mount_options_fini(struct rootfs_mount_options *options)
{
    free(options->data);
    free(options->folder);
    *options = (struct rootfs_mount_options){0};
}

static bool apply_flag(const char *word, unsigned long *value)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(flags); i++) {
        if (strcmp(word, flags[i].name) == 0) {
            *value = (*value | flags[i].set) & ~flags[i].clear;
            return true;
        }
    }
    return false;
}

/* Length of the longest folder, with its slash, that begins every path of "a:b:c". */
static size_t common_folder(const char *paths)
{
    size_t common = strcspn(paths, ":");

    for (const char *at = paths; *at;) {
        size_t len = strcspn(at, ":");
        size_t same = 0;

        while (same < common && same < len && at[same] == paths[same])
            same++;
        common = same;
        at += len + (at[len] == ':');
    }
    while (common > 0 && paths[common - 1] != '/')
        common--;
    return common;
}

/* "lowerdir=/long/1/fs:/long/2/fs" without "/long/" */
static void put_short(struct edge_buf *data, const char *word, size_t folder)
{
    size_t name = strcspn(word, "=") + 1;

    (void) edge_buf_append(data, word, name);
    for (const char *at = word + name; *at;) {
        size_t len = strcspn(at, ":");

        (void) edge_buf_append(data, at + folder, len > folder ? len - folder : 0);
        at += len;
        if (*at == ':') {
            (void) edge_buf_puts(data, ":");
            at++;
        }
    }
}

static const char *lower_of(char *const *options)
{
    for (; options && *options; options++) {
        if (strncmp(*options, "lowerdir=", 9) == 0)
            return *options + 9;
    }
    return NULL;
}

/* Print what is no flag; with @p folder > 0 lowerdir's paths without their first bytes. */
static int print_data(char *const *options, size_t folder, struct rootfs_mount_options *ret)
{
    struct edge_buf data;
    int rc;

    free(ret->data);
    ret->data = NULL;
    ret->flags = 0;
    edge_buf_init(&data, TEXT_MAX);
    for (; options && *options; options++) {
        if (apply_flag(*options, &ret->flags) || !**options)
            continue;
        if (data.len > 0)
            (void) edge_buf_puts(&data, ",");
        if (folder > 0 && strncmp(*options, "lowerdir=", 9) == 0)
            put_short(&data, *options, folder);
        else
            (void) edge_buf_puts(&data, *options);
    }
    rc = edge_buf_error(&data);
    if (rc == 0)
        ret->data = data.len > 0 ? edge_buf_take(&data) : strdup("");
    edge_buf_fini(&data);
    return rc < 0 ? rc : ret->data ? 0 : -ENOMEM;
}

int rootfs_mount_options_parse(char *const *options, struct rootfs_mount_options *ret,
                               struct edge_err *err)
{
    const char *lower = lower_of(options);
    size_t folder;
    int rc;

    *ret = (struct rootfs_mount_options){0};
    rc = print_data(options, 0, ret);
    folder = rc == 0 && lower && strlen(ret->data) > DATA_MAX ? common_folder(lower) : 0;
    if (folder > 0) {
        ret->folder = strndup(lower, folder);
        rc = ret->folder ? print_data(options, folder, ret) : -ENOMEM;
    }
    if (rc == 0 && strlen(ret->data) > DATA_MAX)
        rc = edge_fail(err, EDGE_ELIMIT,
                       "the image has too many layers: mounting them takes %zu bytes of options",
                       strlen(ret->data));
    if (rc < 0)
        rootfs_mount_options_fini(ret);
    return rc;
}

/* A bind keeps its source's flags until it is mounted once more. */
static int make_safe(const char *at)
{
    return mount(NULL, at, NULL, MS_REMOUNT | MS_BIND | safe, NULL) < 0 ? -errno : 0;
}

static int mount_one(const struct agent_ctrd_mount *item, const char *at, struct edge_err *err)
{
    struct rootfs_mount_options options;
    bool bind;
    int rc = rootfs_mount_options_parse(item->options, &options, err);

    if (rc < 0)
        return rc;
    bind = (options.flags & MS_BIND) != 0;
    if (options.folder && chdir(options.folder) < 0)
        rc = edge_fail(err, -errno, "cannot enter %s: %s", options.folder, strerror(errno));
    if (rc == 0 && mount(item->source, at, item->type, bind ? options.flags : options.flags | safe,
                         options.data) < 0)
        rc = edge_fail(err, -errno, "cannot mount the container's %s from %s: %s", item->type,
                       item->source, strerror(errno));
    if (rc == 0 && bind)
        rc = make_safe(at);
    rootfs_mount_options_fini(&options);
    return rc;
}

int rootfs_mount(const struct agent_ctrd_mounts *mounts, const char *at, struct edge_err *err)
{
    int rc = 0;

    if (mounts->len == 0)
        return edge_fail(err, EDGE_EINVALID, "the container's snapshot has no mounts");
    for (size_t i = 0; rc == 0 && i < mounts->len; i++)
        rc = mount_one(&mounts->items[i], at, err);
    return rc;
}
