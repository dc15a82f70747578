/* agent/spec/options_read.h - inside the room: reading createOptions member by member.
 * A table says which member goes where; the reader knows where in the document it stands, so that
 * every error names the member. */
#ifndef AGENT_SPEC_OPTIONS_READ_H
#define AGENT_SPEC_OPTIONS_READ_H

#include "agent/spec/options.h"

enum {
    OPT_MAX_ITEMS = 1024,      /* of anything */
    OPT_MAX_TEXT = 4096,       /* bytes of one scalar */
    OPT_MAX_LIST = 128 * 1024, /* bytes of all texts of a list */
    OPT_MAX_ENV = 64 * 1024,   /* bytes of the environment */
    OPT_MAX_IGNORED = 1024,    /* bytes of the list of ignored members */
};

/** What several members say together, settled when all have been read. */
struct opt_network {
    char *mode;           /* HostConfig.NetworkMode, owned; NULL when absent */
    bool disabled;        /* NetworkDisabled */
    bool endpoints_given; /* EndpointsConfig is there, perhaps empty */
    bool on_host;         /* it names the network "host", or one that is neither host nor none */
    bool on_other;
};

struct opt_reader {
    struct agent_options *out;
    struct edge_err *err;
    struct edge_buf ignored;
    struct opt_network network;
    struct agent_port *exposed; /* ExposedPorts: host is 0 */
    size_t nexposed;
    char path[256];
    size_t path_len;
};

/** Read @p value, which is never NULL, into @p field (or wherever it belongs in reader->out). */
typedef int (*opt_read_fn)(struct opt_reader *reader, const struct edge_json *value, void *field);

struct opt_member {
    const char *name;
    opt_read_fn read;
    size_t offset; /* of the field in struct agent_options, or 0 when read knows where */
};
#define OPT_AT(field) offsetof(struct agent_options, field)

/** Every member of @p object by @p table; what the table does not know is noted as ignored.
 * @param base  what the offsets count from */
int opt_read_members(struct opt_reader *reader, const struct edge_json *object,
                     const struct opt_member *table, size_t len, void *base);

/* Where we are: enter returns what leave wants. */
size_t opt_enter(struct opt_reader *reader, const char *name);
size_t opt_enter_index(struct opt_reader *reader, size_t index);
void opt_leave(struct opt_reader *reader, size_t before);

/** Fail with "path: text". @return @p code */
int opt_fail(struct opt_reader *reader, int code, const char *fmt, ...) EDGE_PRINTF(3, 4);
int opt_wrong_kind(struct opt_reader *reader, const char *wanted, const struct edge_json *value);
/** Note that the member we are at is not acted on. */
void opt_ignore(struct opt_reader *reader);
/** The same for a member below. */
void opt_ignore_member(struct opt_reader *reader, const char *name);
/** null, false, 0, "", [] and {}: says what silence says. */
bool opt_trivial(const struct edge_json *value);

/** @return 0 or the code of opt_fail when @p value is not of @p kind or holds too much */
int opt_need(struct opt_reader *reader, const struct edge_json *value, enum edge_json_kind kind);
/** Hand every member of an object to @p read, with its name in the path of errors; stops at the
 * first that fails. */
int opt_each_member(struct opt_reader *reader, const struct edge_json *value,
                    int (*read)(struct opt_reader *reader, const char *name,
                                const struct edge_json *value));
/** Each entry of an array; null entries are passed over. */
int opt_each(struct opt_reader *reader, const struct edge_json *value,
             int (*read)(struct opt_reader *reader, const struct edge_json *value));
/** A list with room for one more, zeroed, at [len]; NULL without memory (the old one lives). */
void *opt_extend(void *list, size_t len, size_t size);
/** Append @p text, which it takes over also on failure, to a NULL-terminated list. */
int opt_strv_add(char ***list, char *text);
size_t opt_strv_len(char *const *list);
bool opt_strv_has(char *const *list, const char *text);
char **opt_strv_free(char **list);
/** Replace the owned text at @p field by @p text, which is taken over. */
int opt_keep(char **field, char *text);

/* Readers of one value. Numbers and booleans may be written as texts. */
int opt_accept(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_unsupported(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_text(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_word(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_bool(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_count(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_number(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_bytes(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_texts(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_words(struct opt_reader *reader, const struct edge_json *value, void *field);

/** "4m", "1.5g", "1024", "64KiB" in bytes. @return 0 or EDGE_EINVALID */
int opt_parse_size(const char *text, int64_t *ret);
/** Absolute and free of ".."; @p ret without doubled or trailing slashes, owned by the caller.
 * @return 0, EDGE_EINVALID or -ENOMEM, said by opt_fail */
int opt_clean_path(struct opt_reader *reader, const char *text, char **ret);

/* One file each: HostConfig, ports, mounts, network, resources, the rest. */
int opt_host_config(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_exposed_ports(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_port_bindings(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_publish_exposed(struct opt_reader *reader);
int opt_check_ports(struct opt_reader *reader);
int opt_binds(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_mounts(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_tmpfs(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_volumes(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_check_mounts(struct opt_reader *reader);
/** Take over @p mount's texts (also on failure). */
int opt_mount_add(struct opt_reader *reader, struct agent_mount *mount);
void opt_mount_fini(struct agent_mount *mount);
bool opt_volume_name_ok(const char *name);
int opt_networking(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_network_mode(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_network_disabled(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_mac(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_extra_hosts(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_dns(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_settle_network(struct opt_reader *reader);
int opt_devices(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_device_rules(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_ulimits(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_sysctls(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_swap(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_pids(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_oom_score(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_swappiness(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_blkio(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_check_resources(struct opt_reader *reader);
int opt_log_config(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_health(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_stop_signal(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_stop_timeout(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_env(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_labels(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_hostname(struct opt_reader *reader, const struct edge_json *value, void *field);
int opt_workdir(struct opt_reader *reader, const struct edge_json *value, void *field);

#endif
