/* HostConfig.Mounts: [{Type, Source, Target, ReadOnly, BindOptions, VolumeOptions, TmpfsOptions}].
 * Unlike Binds a missing source is an error. */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/spec/options_read.h"

/* One entry as written. */
struct entry {
    char *type;
    char *source;
    char *target;
    bool read_only;
    /* BindOptions */
    char *propagation;
    bool create;
    /* VolumeOptions */
    bool no_copy;
    /* TmpfsOptions */
    int64_t size;
    int64_t mode;
};
#define AT(field) offsetof(struct entry, field)

static void entry_fini(struct entry *entry)
{
    free(entry->type);
    free(entry->source);
    free(entry->target);
    free(entry->propagation);
}

/* A nested object's fields lie in the same struct: offsets count from where field points. */
static int bind_options(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    static const struct opt_member members[] = {
        {"Propagation", opt_word, AT(propagation)},
        {"CreateMountpoint", opt_bool, AT(create)},
        {"NonRecursive", opt_unsupported, 0},
    };

    return opt_read_members(reader, value, members, EDGE_ARRAY_LEN(members), field);
}

static int driver_config(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    static const struct opt_member members[] = {
        {"Name", opt_unsupported, 0},
        {"Options", opt_unsupported, 0},
    };

    return opt_read_members(reader, value, members, EDGE_ARRAY_LEN(members), field);
}

static int volume_options(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    static const struct opt_member members[] = {
        {"NoCopy", opt_bool, AT(no_copy)},
        {"Labels", opt_accept, 0},
        {"DriverConfig", driver_config, 0},
    };

    return opt_read_members(reader, value, members, EDGE_ARRAY_LEN(members), field);
}

static int tmpfs_options(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    static const struct opt_member members[] = {
        {"SizeBytes", opt_bytes, AT(size)},
        {"Mode", opt_count, AT(mode)},
    };

    return opt_read_members(reader, value, members, EDGE_ARRAY_LEN(members), field);
}

static const struct opt_member members[] = {
    {"Type", opt_word, AT(type)},         {"Source", opt_text, AT(source)},
    {"Target", opt_text, AT(target)},     {"ReadOnly", opt_bool, AT(read_only)},
    {"Consistency", opt_accept, 0},       {"BindOptions", bind_options, 0},
    {"VolumeOptions", volume_options, 0}, {"TmpfsOptions", tmpfs_options, 0},
};

static int set_target(struct opt_reader *reader, const struct entry *entry,
                      struct agent_mount *mount)
{
    int rc;

    if (!entry->target)
        return opt_fail(reader, EDGE_EINVALID, "Target is missing");
    rc = opt_clean_path(reader, entry->target, &mount->target);
    if (rc == 0 && strcmp(mount->target, "/") == 0)
        return opt_fail(reader, EDGE_EINVALID, "the target may not be `/`");
    return rc;
}

static int make_bind(struct opt_reader *reader, const struct entry *entry,
                     struct agent_mount *mount)
{
    static const char *const known[] = {"",        "private", "rprivate", "shared",
                                        "rshared", "slave",   "rslave"};
    const char *propagation = entry->propagation ? entry->propagation : "";

    if (!entry->source || !*entry->source)
        return opt_fail(reader, EDGE_EINVALID, "Source is missing");
    mount->kind = AGENT_MOUNT_BIND;
    mount->create_source = entry->create;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(known); i++) {
        if (strcmp(propagation, known[i]) != 0)
            continue;
        mount->options = strdup(propagation);
        return opt_clean_path(reader, entry->source, &mount->source);
    }
    return opt_fail(reader, EDGE_EINVALID, "BindOptions.Propagation: `%.60s` is not known",
                    propagation);
}

static int make_volume(struct opt_reader *reader, const struct entry *entry,
                       struct agent_mount *mount)
{
    const char *name = entry->source ? entry->source : "";

    if (*name && !opt_volume_name_ok(name))
        return opt_fail(reader, EDGE_EINVALID, "Source: `%.200s` is not a volume's name", name);
    mount->kind = AGENT_MOUNT_VOLUME;
    mount->no_copy = entry->no_copy;
    mount->source = strdup(name);
    mount->options = strdup("");
    return 0;
}

static int make_tmpfs(struct opt_reader *reader, const struct entry *entry,
                      struct agent_mount *mount)
{
    struct edge_buf text;

    if (entry->source && *entry->source)
        return opt_fail(reader, EDGE_EINVALID, "Source: a tmpfs has none");
    if (entry->mode > 07777)
        return opt_fail(reader, EDGE_EINVALID, "TmpfsOptions.Mode: %lld is not a file mode",
                        (long long) entry->mode);
    edge_buf_init(&text, 128);
    if (entry->size > 0)
        (void) edge_buf_printf(&text, "size=%lld,", (long long) entry->size);
    if (entry->mode > 0)
        (void) edge_buf_printf(&text, "mode=%04o,", (unsigned) entry->mode);
    if (text.len > 0)
        text.data[text.len - 1] = '\0';
    mount->kind = AGENT_MOUNT_TMPFS;
    mount->source = strdup("");
    mount->options = strdup(text.data ? text.data : "");
    edge_buf_fini(&text);
    return 0;
}

static int make(struct opt_reader *reader, const struct entry *entry, struct agent_mount *mount)
{
    static const struct {
        const char *type;
        int (*make)(struct opt_reader *reader, const struct entry *entry,
                    struct agent_mount *mount);
    } kinds[] = {{"bind", make_bind}, {"volume", make_volume}, {"tmpfs", make_tmpfs}};

    mount->read_only = entry->read_only;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(kinds); i++) {
        if (entry->type && strcasecmp(entry->type, kinds[i].type) == 0)
            return kinds[i].make(reader, entry, mount);
    }
    return opt_fail(reader, EDGE_EINVALID, "Type must be `bind`, `volume` or `tmpfs`");
}

static int read_entry(struct opt_reader *reader, const struct edge_json *value)
{
    struct entry entry = {0};
    struct agent_mount mount = {0};
    int rc = opt_read_members(reader, value, members, EDGE_ARRAY_LEN(members), &entry);

    if (rc == 0)
        rc = set_target(reader, &entry, &mount);
    if (rc == 0)
        rc = make(reader, &entry, &mount);
    entry_fini(&entry);
    if (rc < 0) {
        opt_mount_fini(&mount);
        return rc;
    }
    return opt_mount_add(reader, &mount);
}

int opt_mounts(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    (void) field;
    return opt_each(reader, value, read_entry);
}
