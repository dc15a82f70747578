/* agent/containerd/runc.h - the options of the runc shim. Internal. */
#ifndef AGENT_CONTAINERD_RUNC_H
#define AGENT_CONTAINERD_RUNC_H

#include "agent/containerd/wire.h"

/** Options that name another OCI runtime's program; free runc_options_fini. */
EDGE_MUST_CHECK int runc_options_init(Google__Any *ret, const char *binary, struct edge_err *err);
static inline void runc_options_finip(Google__Any *options)
{
    edge_free(options->value.data);
}

#endif
