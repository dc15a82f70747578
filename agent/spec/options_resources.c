/* Ulimits, Sysctls and the numbers of the cgroup. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "agent/spec/options_read.h"

enum { MEMORY_MIN = 6 * 1024 * 1024 }; /* Docker's: with less no container starts */

/* --- Ulimits: [{Name, Soft, Hard}] --- */

struct ulimit {
    char *name;
    int64_t soft;
    int64_t hard;
};

static const int64_t unset = INT64_MIN;

static bool ulimit_known(const char *name)
{
    static const char *const known[] = {
        "as",   "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue",
        "nice", "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack",
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(known); i++) {
        if (strcmp(name, known[i]) == 0)
            return true;
    }
    return false;
}

static int check_ulimit(struct opt_reader *reader, struct ulimit *limit)
{
    if (!limit->name || !ulimit_known(limit->name))
        return opt_fail(reader, EDGE_EINVALID, "`%.60s` is not the name of a limit",
                        limit->name ? limit->name : "");
    if (limit->soft == unset && limit->hard == unset)
        return opt_fail(reader, EDGE_EINVALID, "neither Soft nor Hard is there");
    if (limit->soft == unset)
        limit->soft = limit->hard;
    if (limit->hard == unset)
        limit->hard = limit->soft;
    if (limit->soft < -1 || limit->hard < -1)
        return opt_fail(reader, EDGE_EINVALID, "a limit may not be negative (-1: unlimited)");
    if ((uint64_t) limit->soft > (uint64_t) limit->hard)
        return opt_fail(reader, EDGE_EINVALID, "Soft is larger than Hard");
    return 0;
}

static struct agent_ulimit *ulimit_slot(struct agent_options *out, const char *name)
{
    struct agent_ulimit *more;

    for (size_t i = 0; i < out->nulimits; i++) {
        if (strcmp(out->ulimits[i].name, name) == 0)
            return &out->ulimits[i];
    }
    more = opt_extend(out->ulimits, out->nulimits, sizeof *more);
    if (!more)
        return NULL;
    out->ulimits = more;
    more[out->nulimits].name = strdup(name);
    return more[out->nulimits].name ? &more[out->nulimits++] : NULL;
}

static int read_ulimit(struct opt_reader *reader, const struct edge_json *value)
{
    static const struct opt_member members[] = {
        {"Name", opt_word, offsetof(struct ulimit, name)},
        {"Soft", opt_number, offsetof(struct ulimit, soft)},
        {"Hard", opt_number, offsetof(struct ulimit, hard)},
    };
    struct ulimit limit = {.soft = unset, .hard = unset};
    struct agent_ulimit *slot = NULL;
    int rc = opt_read_members(reader, value, members, EDGE_ARRAY_LEN(members), &limit);

    if (rc == 0)
        rc = check_ulimit(reader, &limit);
    if (rc == 0)
        slot = ulimit_slot(reader->out, limit.name);
    if (rc == 0 && !slot)
        rc = -ENOMEM;
    if (slot) {
        slot->soft = (uint64_t) limit.soft;
        slot->hard = (uint64_t) limit.hard;
    }
    free(limit.name);
    return rc;
}

int opt_ulimits(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    (void) field;
    return opt_each(reader, value, read_ulimit);
}

/* --- Sysctls: {"net.core.somaxconn": "1024"} --- */

static bool sysctl_name_ok(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > 200 || strstr(name, ".."))
        return false;
    for (; *name; name++) {
        if (!isalnum((unsigned char) *name) && !strchr("._-/", *name))
            return false;
    }
    return true;
}

static int add_sysctl(struct opt_reader *reader, const char *name, const struct edge_json *value)
{
    struct agent_options *out = reader->out;
    struct agent_pair *more;
    struct agent_pair pair = {0};
    int rc;

    if (!value)
        return 0;
    if (!sysctl_name_ok(name))
        return opt_fail(reader, EDGE_EINVALID, "is not the name of a kernel setting");
    rc = opt_text(reader, value, &pair.value);
    if (rc == 0 && strpbrk(pair.value, "\n\r"))
        rc = opt_fail(reader, EDGE_EINVALID, "may not hold line breaks");
    pair.key = strdup(name);
    more = rc == 0 && pair.key ? opt_extend(out->sysctls, out->nsysctls, sizeof *more) : NULL;
    if (!more) {
        free(pair.key);
        free(pair.value);
        return rc < 0 ? rc : -ENOMEM;
    }
    out->sysctls = more;
    more[out->nsysctls++] = pair;
    return 0;
}

int opt_sysctls(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    (void) field;
    return opt_each_member(reader, value, add_sysctl);
}

/* --- numbers with a range of their own --- */

static int in_range(struct opt_reader *reader, const struct edge_json *value, int64_t low,
                    int64_t high, int64_t *ret)
{
    int rc = opt_number(reader, value, ret);

    if (rc == 0 && (*ret < low || *ret > high))
        return opt_fail(reader, EDGE_EINVALID, "must lie between %lld and %lld", (long long) low,
                        (long long) high);
    return rc;
}

int opt_swap(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    int64_t number;

    if (edge_json_loose_int(value, &number) == 0 && number == -1) {
        *(int64_t *) field = -1;
        return 0;
    }
    return opt_bytes(reader, value, field);
}

/* 0 and -1 both say unlimited. */
int opt_pids(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    int64_t number;
    int rc = opt_number(reader, value, &number);

    if (rc == 0)
        *(int64_t *) field = number > 0 ? number : 0;
    return rc;
}

int opt_oom_score(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    int64_t score;
    int rc = in_range(reader, value, -1000, 1000, &score);

    (void) field;
    if (rc == 0) {
        reader->out->oom_score_adj = (int) score;
        reader->out->oom_score_adj_set = true;
    }
    return rc;
}

int opt_swappiness(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    return in_range(reader, value, -1, 100, field);
}

int opt_blkio(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    int64_t *weight = field;
    int rc = in_range(reader, value, 0, 1000, field);

    if (rc == 0 && *weight > 0 && *weight < 10)
        return opt_fail(reader, EDGE_EINVALID, "must lie between 10 and 1000, or be 0");
    return rc;
}

/* --- what the numbers say together --- */

static int check_memory(const struct agent_options *out, struct edge_err *err)
{
    if (out->memory > 0 && out->memory < MEMORY_MIN)
        return edge_fail(err, EDGE_EINVALID, "HostConfig.Memory: less than 6 MiB is not enough");
    if (out->memory_swap > 0 && out->memory == 0)
        return edge_fail(err, EDGE_EINVALID,
                         "HostConfig.MemorySwap: is of no use without HostConfig.Memory");
    if (out->memory_swap > 0 && out->memory_swap < out->memory)
        return edge_fail(err, EDGE_EINVALID,
                         "HostConfig.MemorySwap: counts memory and swap together and may not be "
                         "less than HostConfig.Memory");
    if (out->memory > 0 && out->memory_reservation > out->memory)
        return edge_fail(err, EDGE_EINVALID,
                         "HostConfig.MemoryReservation: is more than HostConfig.Memory");
    return 0;
}

static int check_cpu(const struct agent_options *out, struct edge_err *err)
{
    if (out->nano_cpus > 0 && (out->cpu_quota > 0 || out->cpu_period > 0))
        return edge_fail(err, EDGE_EINVALID,
                         "HostConfig.NanoCpus: excludes CpuPeriod and CpuQuota");
    if (out->nano_cpus > 0 && out->nano_cpus < 10000000)
        return edge_fail(err, EDGE_EINVALID,
                         "HostConfig.NanoCpus: a hundredth of a CPU is the least (10000000)");
    if (out->nano_cpus > INT64_C(1024000000000000))
        return edge_fail(err, EDGE_EINVALID, "HostConfig.NanoCpus: too many");
    if (out->cpu_period != 0 && (out->cpu_period < 1000 || out->cpu_period > 1000000))
        return edge_fail(err, EDGE_EINVALID,
                         "HostConfig.CpuPeriod: must lie between 1000 and 1000000 microseconds");
    if (out->cpu_quota > 0 && out->cpu_quota < 1000)
        return edge_fail(err, EDGE_EINVALID,
                         "HostConfig.CpuQuota: less than 1000 microseconds is not possible");
    return 0;
}

static bool cpu_list_ok(const char *text)
{
    return !text || strspn(text, "0123456789,-") == strlen(text);
}

int opt_check_resources(struct opt_reader *reader)
{
    const struct agent_options *out = reader->out;
    int rc = check_memory(out, reader->err);

    if (rc == 0)
        rc = check_cpu(out, reader->err);
    if (rc == 0 && !cpu_list_ok(out->cpuset_cpus))
        return edge_fail(reader->err, EDGE_EINVALID, "HostConfig.CpusetCpus: must be like `0-2,4`");
    if (rc == 0 && !cpu_list_ok(out->cpuset_mems))
        return edge_fail(reader->err, EDGE_EINVALID, "HostConfig.CpusetMems: must be like `0-1`");
    return rc;
}
