/* agent/runtime/effective.h - createOptions and image together: what really applies to a container.
 * Of the image only what later starts need is kept, as a label on the container. Pure; any thread.
 */
#ifndef AGENT_RUNTIME_EFFECTIVE_H
#define AGENT_RUNTIME_EFFECTIVE_H

#include "agent/runtime/runtime.h"

/** Stands in a stored spec for the namespace of another container's process, known at each start.
 */
#define AGENT_NS_LATER "/proc/1/ns/net"

/** Those members of the image's config that agent_options_inherit reads; the caller frees it. */
struct edge_json *agent_effective_keep(const struct edge_json *image_config);

/** Options as written, completed from the image. edgeHub is privileged unless they say otherwise.
 */
EDGE_MUST_CHECK int agent_effective_options(const struct agent_module_spec *spec,
                                            const struct edge_json *image_config,
                                            struct agent_options **ret, struct edge_err *err);

/** The container's own host name; the caller frees it. */
char *agent_effective_hostname(const struct agent_runtime *rt, const struct agent_options *options,
                               const char *id);

/** The name behind "container:<name>", or NULL. */
const char *agent_effective_other(const char *mode);

/** OCI runtime program for HostConfig.Runtime, NULL for containerd's default. */
const char *agent_effective_binary(const struct agent_options *options);

#endif
