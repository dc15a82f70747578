/* agent/network/record.h - one endpoint as it is kept in memory and, as JSON, on disk; and the
 * sorted set of all of them. No I/O here; one thread at a time. */
#ifndef AGENT_NETWORK_RECORD_H
#define AGENT_NETWORK_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/network/names.h"
#include "agent/network/network.h"
#include "common/base/bytes.h"
#include "common/json/json.h"

enum {
    AGENT_RECORD_PORTS_MAX = 8192,
    AGENT_RECORD_ALIASES_MAX = 256,
    AGENT_RECORD_TEXT_MAX = 2 * 1024 * 1024, /* bytes of a record file */
};

struct agent_record_port {
    char host_ip[16]; /* "" every address */
    uint16_t host;    /* 0 only until one has been chosen */
    uint16_t container;
    char protocol[5];
    int held; /* socket that keeps host processes off the port, -1 when there is none */
};

struct agent_record {
    char *id;
    char *module;
    char *cni_id; /* new for each attempt: a CNI id is never used twice */
    char **aliases;
    size_t naliases;
    struct agent_record_port *ports;
    size_t nports;
    char mac[18]; /* "" when the kernel chose */
    uint32_t pid;
    uint64_t netns;           /* inode of its network namespace: a pid may be reused */
    char address[16];         /* "" until ADD has answered */
    char veth[AGENT_IFNAME];  /* the interface's end on the host, "" until then */
    struct edge_json *result; /* CNI's, for DEL; NULL until then */
    bool attached;            /* attach has come to its end */
    bool going;               /* being detached: no longer in rules and hosts files */
    bool ruled;               /* the kernel's rules may name it; not on disk */
};

/** Copy what attach was asked for, with everything checked. The address stays empty.
 * @return 0, EDGE_EINVALID naming the module, EDGE_EUNSUPPORTED (an IPv6 host address) */
EDGE_MUST_CHECK int agent_record_create(const struct agent_endpoint *endpoint,
                                        struct agent_record **ret, struct edge_err *err);
/** Accepts NULL; returns NULL. Lets go of held ports. */
struct agent_record *agent_record_free(struct agent_record *record);
EDGE_DEFINE_CLEANUP(struct agent_record *, agent_record_free)

/** Its text for the disk; the caller frees it. NULL without memory. */
char *agent_record_text(const struct agent_record *record);
/** Read that text back; nothing in it is trusted.
 * @return 0, EDGE_EINVALID or EDGE_ELIMIT for what is torn or not ours */
EDGE_MUST_CHECK int agent_record_parse(const char *text, size_t len, struct agent_record **ret,
                                       struct edge_err *err);

/** Sorted by id. Owns its records. */
struct agent_record_set {
    struct agent_record **items;
    size_t len;
};
void agent_record_set_fini(struct agent_record_set *set);
struct agent_record *agent_record_set_find(const struct agent_record_set *set, const char *id);
/** Takes @p record on success only. Its id must be new. @return 0 or -ENOMEM */
EDGE_MUST_CHECK int agent_record_set_add(struct agent_record_set *set, struct agent_record *record);
/** Take @p record out and free it. Returns NULL. */
struct agent_record *agent_record_set_drop(struct agent_record_set *set,
                                           struct agent_record *record);
/** Has it an address that others may use? */
static inline bool agent_record_is_up(const struct agent_record *record)
{
    return record->address[0] != '\0' && !record->going;
}

#endif
