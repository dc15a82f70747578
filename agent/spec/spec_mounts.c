/* mounts: what every container has, then binds and tmpfs in the order of their depth, so that a
 * mount below another one is made after it. A user's mount takes the place of a default one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/spec/build.h"
#include "agent/spec/options_read.h"

static const int64_t default_shm = INT64_C(64) << 20;

/* One mount still to be printed; texts are borrowed. */
struct item {
    const char *target;
    const struct agent_bind *bind; /* one of these */
    const struct agent_mount *tmpfs;
    size_t depth;
    size_t index; /* keeps equals in their order */
};

struct list {
    struct item *items;
    size_t len;
};

static bool has_target(const struct list *list, const char *target)
{
    for (size_t i = 0; i < list->len; i++) {
        if (strcmp(list->items[i].target, target) == 0)
            return true;
    }
    return false;
}

static size_t depth_of(const char *path)
{
    size_t depth = 0;

    for (; *path; path++)
        depth += *path == '/';
    return depth;
}

static int by_depth(const void *a, const void *b)
{
    const struct item *left = a;
    const struct item *right = b;

    if (left->depth != right->depth)
        return left->depth < right->depth ? -1 : 1;
    return left->index < right->index ? -1 : left->index > right->index;
}

static void add(struct list *list, const char *target, const struct agent_bind *bind,
                const struct agent_mount *tmpfs)
{
    list->items[list->len] = (struct item){
        .target = target,
        .bind = bind,
        .tmpfs = tmpfs,
        .depth = depth_of(target),
        .index = list->len,
    };
    list->len++;
}

static int collect(const struct spec_build *build, struct list *list)
{
    const struct agent_options *options = build->options;

    list->items = calloc(build->facts->nbinds + options->nmounts + 1, sizeof *list->items);
    if (!list->items)
        return -ENOMEM;
    for (size_t i = 0; i < build->facts->nbinds; i++)
        add(list, build->facts->binds[i].target, &build->facts->binds[i], NULL);
    for (size_t i = 0; i < options->nmounts; i++) {
        if (options->mounts[i].kind == AGENT_MOUNT_TMPFS)
            add(list, options->mounts[i].target, NULL, &options->mounts[i]);
    }
    qsort(list->items, list->len, sizeof *list->items, by_depth);
    return 0;
}

/* @return the options' array */
static struct edge_json *put(struct spec_build *build, const char *target, const char *type,
                             const char *source, const char *options)
{
    struct edge_json *item = spec_item(build, spec_array(build, build->root, "mounts"));
    struct edge_json *array;

    spec_text(build, item, "destination", target);
    spec_text(build, item, "type", type);
    spec_text(build, item, "source", source);
    array = spec_array(build, item, "options");
    spec_push_words(build, array, options);
    return array;
}

/* --- what every container has --- */

static void put_shm(struct spec_build *build)
{
    int64_t size = build->options->shm_size > 0 ? build->options->shm_size : default_shm;
    struct edge_json *options;
    char text[40];

    if (strcmp(build->options->ipc_mode, "none") == 0)
        return;
    if (strcmp(build->options->ipc_mode, "host") == 0) {
        (void) put(build, "/dev/shm", "bind", "/dev/shm", "rbind rprivate");
        return;
    }
    options = put(build, "/dev/shm", "tmpfs", "shm", "nosuid noexec nodev mode=1777");
    (void) snprintf(text, sizeof text, "size=%lld", (long long) size);
    spec_push(build, options, text);
}

/* A user's mount stands in this place, or in that of all of /dev. */
static bool covered(const struct list *list, const char *target)
{
    return has_target(list, target) ||
           (strncmp(target, "/dev/", 5) == 0 && has_target(list, "/dev"));
}

static void put_defaults(struct spec_build *build, const struct list *list)
{
    bool privileged = build->options->privileged;
    const struct {
        const char *target;
        const char *type;
        const char *options;
    } defaults[] = {
        {"/proc", "proc", "nosuid noexec nodev"},
        {"/dev", "tmpfs", "nosuid strictatime mode=755 size=65536k"},
        {"/dev/pts", "devpts", "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5"},
        {"/sys", "sysfs", privileged ? "nosuid noexec nodev" : "nosuid noexec nodev ro"},
        {"/sys/fs/cgroup", "cgroup", privileged ? "nosuid noexec nodev" : "nosuid noexec nodev ro"},
        {"/dev/mqueue", "mqueue", "nosuid noexec nodev"},
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(defaults); i++) {
        if (!covered(list, defaults[i].target))
            (void) put(build, defaults[i].target, defaults[i].type, defaults[i].type,
                       defaults[i].options);
    }
    if (!covered(list, "/dev/shm"))
        put_shm(build);
    if (spec_with_init(build))
        (void) put(build, "/sbin/docker-init", "bind", build->facts->init_path,
                   "bind ro nosuid nodev");
}

/* --- binds --- */

static bool names_word(const char *words, const char *word)
{
    size_t len = strlen(word);

    while (words && *words) {
        size_t part = strcspn(words, ",");

        if (part == len && strncmp(words, word, len) == 0)
            return true;
        words += part + (words[part] == ',');
    }
    return false;
}

static const char *propagation_of(const struct agent_bind *bind)
{
    static const char *const words[] = {"private", "shared", "slave", "rshared", "rslave"};

    for (size_t i = 0; i < EDGE_ARRAY_LEN(words); i++) {
        if (names_word(bind->options, words[i]))
            return words[i];
    }
    return "rprivate";
}

/* Propagation through a bind needs the container's own root to let it through. */
static void widen_root(struct spec_build *build, const char *propagation)
{
    const char *now = edge_json_str(edge_json_get(build->linux_, "rootfsPropagation"), "");

    if (strstr(propagation, "shared"))
        spec_text(build, build->linux_, "rootfsPropagation", "shared");
    else if (strstr(propagation, "slave") && strcmp(now, "shared") != 0)
        spec_text(build, build->linux_, "rootfsPropagation", "rslave");
}

static void put_bind(struct spec_build *build, const struct agent_bind *bind)
{
    const char *propagation = propagation_of(bind);
    struct edge_json *options = put(build, bind->target, "bind", bind->source, "rbind");

    spec_push(build, options, bind->read_only || names_word(bind->options, "ro") ? "ro" : "rw");
    spec_push(build, options, propagation);
    widen_root(build, propagation);
}

/* --- tmpfs: Docker's nosuid, nodev, noexec unless the options say otherwise --- */

static bool tmpfs_word_ok(const char *word, size_t len)
{
    static const char *const flags[] = {
        "rw",       "ro",         "exec",        "noexec",        "suid",
        "nosuid",   "dev",        "nodev",       "sync",          "async",
        "dirsync",  "atime",      "noatime",     "diratime",      "nodiratime",
        "relatime", "norelatime", "strictatime", "nostrictatime", "private",
        "rprivate", "shared",     "rshared",     "slave",         "rslave",
    };
    static const char *const values[] = {
        "size=", "mode=", "uid=", "gid=", "nr_inodes=", "nr_blocks=", "mpol="};

    for (size_t i = 0; i < EDGE_ARRAY_LEN(flags); i++) {
        if (strlen(flags[i]) == len && strncmp(word, flags[i], len) == 0)
            return true;
    }
    for (size_t i = 0; i < EDGE_ARRAY_LEN(values); i++) {
        size_t name = strlen(values[i]);

        if (len > name && strncmp(word, values[i], name) == 0)
            return true;
    }
    return false;
}

static int put_tmpfs_words(struct spec_build *build, const struct agent_mount *mount,
                           struct edge_json *options)
{
    const char *at = mount->options;

    while (*at) {
        size_t len = strcspn(at, ",");
        EDGE_CLEANUP(edge_free) char *word = strndup(at, len);

        if (!word)
            return -ENOMEM;
        if (len > 0 && !tmpfs_word_ok(at, len))
            return edge_fail(build->err, EDGE_EINVALID,
                             "HostConfig.Tmpfs.%.200s: `%.60s` is not an option of a tmpfs",
                             mount->target, word);
        if (len > 0)
            spec_push(build, options, word);
        at += len + (at[len] == ',');
    }
    return 0;
}

static int put_tmpfs(struct spec_build *build, const struct agent_mount *mount)
{
    struct edge_json *options = put(build, mount->target, "tmpfs", "tmpfs", "");

    if (!names_word(mount->options, "exec"))
        spec_push(build, options, "noexec");
    if (!names_word(mount->options, "suid"))
        spec_push(build, options, "nosuid");
    if (!names_word(mount->options, "dev"))
        spec_push(build, options, "nodev");
    if (mount->read_only)
        spec_push(build, options, "ro");
    return put_tmpfs_words(build, mount, options);
}

int spec_put_mounts(struct spec_build *build)
{
    struct list list = {0};
    int rc = collect(build, &list);

    if (rc == 0)
        put_defaults(build, &list);
    for (size_t i = 0; rc == 0 && i < list.len; i++) {
        if (list.items[i].bind)
            put_bind(build, list.items[i].bind);
        else
            rc = put_tmpfs(build, list.items[i].tmpfs);
    }
    free(list.items);
    return rc;
}
