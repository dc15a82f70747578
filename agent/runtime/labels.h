/* agent/runtime/labels.h - what a container carries about its module, so that the container alone
 * tells what it is. Pure; any thread.
 *
 * containerd limits a label to 4096 bytes with its key: the spec's text is cut into pieces, as
 * createOptions are in a deployment (…spec, …spec01, …spec02 …). */
#ifndef AGENT_RUNTIME_LABELS_H
#define AGENT_RUNTIME_LABELS_H

#include "agent/containerd/tasks.h"
#include "agent/desired/desired.h"
#include "agent/spec/options.h"

#define AGENT_LABEL_OWNER       "net.azure-devices.edge.owner"
#define AGENT_LABEL_OWNER_VALUE "Microsoft.Azure.Devices.Edge.Agent"
#define AGENT_LABEL_IMAGE       "net.azure-devices.edge.original-image"
#define AGENT_LABEL_MODULE      "net.azure-devices.edge.module"
#define AGENT_LABEL_HASH        "net.azure-devices.edge.spec-hash"
#define AGENT_LABEL_SPEC        "net.azure-devices.edge.spec"
#define AGENT_LABEL_IMAGE_HASH  "net.azure-devices.edge.image-hash"
#define AGENT_LABEL_IMAGE_CONF  "net.azure-devices.edge.image-config"
#define AGENT_LABEL_IDENTITY    "net.azure-devices.edge.identity"
#define AGENT_LABEL_WORKLOAD    "net.azure-devices.edge.workload"

enum { AGENT_ID_SIZE = 77 };
/** containerd's id for a module: its name where that is a legal id of at most 76 characters, else a
 * legal form of it and a part of its SHA-256. Equal names, equal ids; different names, different
 * ids. */
void agent_container_id(const char *module, char id[AGENT_ID_SIZE]);

struct agent_labels; /* an owned list */
struct agent_labels *agent_labels_create(void);
struct agent_labels *agent_labels_free(struct agent_labels *labels);
EDGE_DEFINE_CLEANUP(struct agent_labels *, agent_labels_free)
/** Copies both. @return 0, -ENOMEM, EDGE_ELIMIT: longer than containerd takes */
EDGE_MUST_CHECK int agent_labels_add(struct agent_labels *labels, const char *key,
                                     const char *value);
const struct agent_ctrd_label *agent_labels_items(const struct agent_labels *labels,
                                                  size_t *ret_len);

/** Module, hash and text of @p spec; pieces that an older, longer text may have left are set empty,
 * which removes them. Every module change that is made in place writes just these. */
EDGE_MUST_CHECK int agent_labels_add_spec(struct agent_labels *labels,
                                          const struct agent_module_spec *spec);

/** The applied spec's text, put together; the caller frees it. NULL when there is none. */
char *agent_labels_spec_text(const struct agent_ctrd_container *container);

#endif
