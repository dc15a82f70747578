/* agent/security/workload/internal.h - what the files of this room share. */
#ifndef AGENT_SECURITY_WORKLOAD_INTERNAL_H
#define AGENT_SECURITY_WORKLOAD_INTERNAL_H

#include "agent/security/api/api.h"
#include "agent/security/workload/workload.h"

enum { SEC_SOCKETS_MAX = 128 };

/** One module's socket; the work its clients begin holds on to the workload only. */
struct sec_socket {
    struct sec_workload *workload;
    char *module;
    char *cgroup; /* NULL: the agent's own */
    char *dir;
    struct edge_http_server *server;
    struct sec_socket *next;
};

struct sec_workload {
    struct sec_workload_options options;
    char *base;                 /* <rundir>/workload */
    struct sec_socket *sockets; /* of the modules, newest first */
    struct sec_socket *agent;
};

/** serve.c: the endpoints, and one request of a socket. */
extern const struct sec_route sec_workload_routes[];
extern const size_t sec_workload_nroutes;
void sec_workload_handle(struct edge_exchange *x, void *socket);

/** store.c: which modules have sockets, in <rundir>/workload/modules.json. */
EDGE_MUST_CHECK int sec_workload_save(const struct sec_workload *workload, struct edge_err *err);
/** Calls @p add for each. */
void sec_workload_load(const struct sec_workload *workload,
                       void (*add)(const char *module, const char *cgroup, void *arg), void *arg);

/** Name of a module's folder: something of its name to recognise it by, and of its hash. */
void sec_workload_id(const char *module, char id[24]);

#endif
