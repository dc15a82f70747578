/* Binds, Tmpfs, Volumes, and what all kinds of mounts have to observe together. Mounts has a file
 * of its own. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "agent/spec/options_read.h"

bool opt_volume_name_ok(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > 128 || !isalnum((unsigned char) *name))
        return false;
    for (; *name; name++) {
        if (!isalnum((unsigned char) *name) && !strchr("_.-", *name))
            return false;
    }
    return true;
}

static bool same_text(const char *at, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(at, word, len) == 0;
}

/* One word of a bind's third part. */
static int apply_word(struct opt_reader *reader, struct agent_mount *mount, const char *at,
                      size_t len)
{
    static const char *const others[] = {
        "rw",     "z",          "Z",      "private",   "rprivate", "shared", "rshared", "slave",
        "rslave", "consistent", "cached", "delegated", "default",  "bind",   "rbind",   ""};

    if (same_text(at, len, "ro")) {
        mount->read_only = true;
        return 0;
    }
    if (same_text(at, len, "nocopy") && mount->kind == AGENT_MOUNT_VOLUME) {
        mount->no_copy = true;
        return 0;
    }
    for (size_t i = 0; i < EDGE_ARRAY_LEN(others); i++) {
        if (same_text(at, len, others[i]))
            return 0;
    }
    return opt_fail(reader, EDGE_EINVALID, "`%.*s` is not a mount option known here",
                    (int) (len < 60 ? len : 60), at);
}

static int apply_options(struct opt_reader *reader, struct agent_mount *mount)
{
    const char *at = mount->options;
    int rc = 0;

    while (*at && rc == 0) {
        size_t len = strcspn(at, ",");

        rc = apply_word(reader, mount, at, len);
        at += len + (at[len] == ',');
    }
    return rc;
}

int opt_mount_add(struct opt_reader *reader, struct agent_mount *mount)
{
    struct agent_options *out = reader->out;
    struct agent_mount *more = NULL;

    if (mount->source && mount->target && mount->options)
        more = opt_extend(out->mounts, out->nmounts, sizeof *more);
    if (!more) {
        opt_mount_fini(mount);
        return -ENOMEM;
    }
    out->mounts = more;
    more[out->nmounts++] = *mount;
    return 0;
}

static int check_target(struct opt_reader *reader, const char *target)
{
    if (strcmp(target, "/") == 0)
        return opt_fail(reader, EDGE_EINVALID, "the target may not be `/`");
    return 0;
}

/* Source and target as texts of their own; an absolute source is a path, anything else a name. */
static int fill_bind(struct opt_reader *reader, struct agent_mount *mount, char *source,
                     const char *target)
{
    int rc = opt_clean_path(reader, target, &mount->target);

    if (rc == 0)
        rc = check_target(reader, mount->target);
    if (rc < 0)
        return rc;
    if (*source == '/') {
        mount->kind = AGENT_MOUNT_BIND;
        mount->create_source = true;
        rc = opt_clean_path(reader, source, &mount->source);
    } else if (opt_volume_name_ok(source)) {
        mount->kind = AGENT_MOUNT_VOLUME;
        mount->source = edge_strdup(source);
    } else {
        return opt_fail(reader, EDGE_EINVALID,
                        "`%.200s` is neither an absolute path nor a volume's name", source);
    }
    return rc < 0 ? rc : apply_options(reader, mount);
}

static int read_bind(struct opt_reader *reader, const struct edge_json *value)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    struct agent_mount mount = {0};
    char *target;
    char *options;
    int rc = opt_text(reader, value, &text);

    if (rc < 0)
        return rc;
    target = strchr(text, ':');
    if (!target) { /* a target alone is an anonymous volume */
        char *clean = NULL;

        rc = opt_clean_path(reader, text, &clean);
        if (rc == 0)
            rc = opt_strv_add(&reader->out->volumes, clean);
        return rc;
    }
    *target++ = '\0';
    options = strchr(target, ':');
    if (options)
        *options++ = '\0';
    mount.options = edge_strdup(options ? options : "");
    if (!mount.options)
        return -ENOMEM;
    rc = fill_bind(reader, &mount, text, target);
    if (rc < 0) {
        opt_mount_fini(&mount);
        return rc;
    }
    return opt_mount_add(reader, &mount);
}

int opt_binds(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    (void) field;
    return opt_each(reader, value, read_bind);
}

static int add_tmpfs(struct opt_reader *reader, const char *target, const struct edge_json *value)
{
    struct agent_mount mount = {.kind = AGENT_MOUNT_TMPFS};
    int rc = opt_clean_path(reader, target, &mount.target);

    if (rc == 0)
        rc = check_target(reader, mount.target);
    if (rc == 0 && value)
        rc = opt_word(reader, value, &mount.options);
    if (rc == 0 && !mount.options)
        rc = opt_keep(&mount.options, strdup(""));
    if (rc < 0) {
        opt_mount_fini(&mount);
        return rc;
    }
    mount.source = edge_strdup("");
    return opt_mount_add(reader, &mount);
}

int opt_tmpfs(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    (void) field;
    return opt_each_member(reader, value, add_tmpfs);
}

static int add_volume(struct opt_reader *reader, const char *target, const struct edge_json *value)
{
    char *clean = NULL;
    int rc = opt_clean_path(reader, target, &clean);

    (void) value; /* Docker's {} */
    if (rc < 0)
        return rc;
    if (!opt_strv_has(reader->out->volumes, clean))
        return opt_strv_add(&reader->out->volumes, clean);
    free(clean);
    return 0;
}

int opt_volumes(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    (void) field;
    return opt_each_member(reader, value, add_volume);
}

static const char *kind_name(const struct agent_mount *mount)
{
    static const char *const names[] = {
        [AGENT_MOUNT_BIND] = "bind",
        [AGENT_MOUNT_VOLUME] = "volume",
        [AGENT_MOUNT_TMPFS] = "tmpfs",
    };

    return names[mount->kind];
}

static const struct agent_mount *mounted_at(const struct agent_options *options, const char *target)
{
    for (size_t i = 0; i < options->nmounts; i++) {
        if (strcmp(options->mounts[i].target, target) == 0)
            return &options->mounts[i];
    }
    return NULL;
}

/* A volume declared without a source gives way to a mount that says what goes there. */
static void drop_shadowed_volumes(struct agent_options *options)
{
    size_t kept = 0;
    char **volumes = options->volumes;

    for (size_t i = 0; volumes && volumes[i]; i++) {
        if (strcmp(volumes[i], "/") == 0 || mounted_at(options, volumes[i]))
            free(volumes[i]);
        else
            volumes[kept++] = volumes[i];
    }
    if (volumes)
        volumes[kept] = NULL;
}

int opt_check_mounts(struct opt_reader *reader)
{
    struct agent_options *out = reader->out;

    for (size_t i = 0; i < out->nmounts; i++) {
        const struct agent_mount *last = &out->mounts[i];
        const struct agent_mount *first = mounted_at(out, last->target);

        if (first != last)
            return edge_fail(reader->err, EDGE_EINVALID,
                             "HostConfig: two mounts on %.200s: %s %.150s and %s %.150s",
                             last->target, kind_name(first), first->source, kind_name(last),
                             last->source);
    }
    drop_shadowed_volumes(out);
    if (opt_strv_len(out->volumes) + out->nmounts > OPT_MAX_ITEMS)
        return edge_fail(reader->err, EDGE_ELIMIT, "HostConfig: more than %d mounts",
                         OPT_MAX_ITEMS);
    return 0;
}
