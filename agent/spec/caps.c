/* Linux capabilities: names, Docker's default set, and what CapAdd, CapDrop and Privileged make of
 * it. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agent/spec/build.h"

/* By bit (linux/capability.h). */
static const char *const names[] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

static const char *const defaults[] = {
    "CHOWN",   "DAC_OVERRIDE",     "FOWNER",  "FSETID", "KILL",       "SETGID",      "SETUID",
    "SETPCAP", "NET_BIND_SERVICE", "NET_RAW", "MKNOD",  "SYS_CHROOT", "AUDIT_WRITE", "SETFCAP",
};

int spec_cap_parse(const char *text, unsigned *ret)
{
    size_t prefix = strncasecmp(text, "CAP_", 4) == 0 ? 4 : 0;

    for (unsigned bit = 0; bit < EDGE_ARRAY_LEN(names); bit++) {
        if (strcasecmp(text + prefix, names[bit] + 4) == 0) {
            *ret = bit;
            return 0;
        }
    }
    return EDGE_EINVALID;
}

static uint64_t every_cap(void)
{
    return (UINT64_C(1) << EDGE_ARRAY_LEN(names)) - 1;
}

static uint64_t default_caps(void)
{
    uint64_t caps = 0;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(defaults); i++) {
        unsigned bit = 0;

        if (spec_cap_parse(defaults[i], &bit) == 0)
            caps |= UINT64_C(1) << bit;
    }
    return caps;
}

static int parse_list(char *const *list, const char *member, uint64_t *ret, bool *ret_all,
                      struct edge_err *err)
{
    *ret = 0;
    *ret_all = false;
    for (; list && *list; list++) {
        unsigned bit = 0;

        if (strcasecmp(*list, "ALL") == 0 || strcasecmp(*list, "CAP_ALL") == 0)
            *ret_all = true;
        else if (spec_cap_parse(*list, &bit) < 0)
            return edge_fail(err, EDGE_EINVALID, "HostConfig.%s: `%.60s` is not a capability",
                             member, *list);
        else
            *ret |= UINT64_C(1) << bit;
    }
    return 0;
}

/* What was asked for by name must be there; a set like ALL is cut to what there is. */
static int check_available(uint64_t wanted, uint64_t available, struct edge_err *err)
{
    for (unsigned bit = 0; bit < EDGE_ARRAY_LEN(names); bit++) {
        if (wanted & ~available & UINT64_C(1) << bit)
            return edge_fail(err, EDGE_EUNSUPPORTED,
                             "HostConfig.CapAdd: this host cannot give %s: the agent itself does "
                             "not have it",
                             names[bit]);
    }
    return 0;
}

int spec_choose_caps(const struct agent_options *options, uint64_t available, uint64_t *ret,
                     struct edge_err *err)
{
    uint64_t add = 0;
    uint64_t drop = 0;
    bool add_all = false;
    bool drop_all = false;
    int rc = parse_list(options->cap_add, "CapAdd", &add, &add_all, err);

    if (rc == 0)
        rc = parse_list(options->cap_drop, "CapDrop", &drop, &drop_all, err);
    if (rc < 0)
        return rc;
    if (options->privileged) {
        *ret = every_cap() & available;
        return 0;
    }
    rc = check_available(add, available, err);
    if (rc < 0)
        return rc;
    if (add_all)
        *ret = every_cap() & ~drop;
    else if (drop_all)
        *ret = add;
    else
        *ret = (default_caps() & ~drop) | add;
    *ret &= available;
    return 0;
}

void spec_put_caps(struct spec_build *build)
{
    /* No inheritable ones: they would come back in a program with file capabilities. */
    static const char *const sets[] = {"bounding", "effective", "permitted"};
    struct edge_json *object = spec_object(build, build->process, "capabilities");

    for (size_t i = 0; i < EDGE_ARRAY_LEN(sets); i++) {
        struct edge_json *array = spec_array(build, object, sets[i]);

        for (unsigned bit = 0; bit < EDGE_ARRAY_LEN(names); bit++) {
            if (build->capabilities & UINT64_C(1) << bit)
                spec_push(build, array, names[bit]);
        }
    }
}
