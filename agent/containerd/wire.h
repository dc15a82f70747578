/* agent/containerd/wire.h - protobuf's forms of labels, times, mounts, JSON and filters. Internal.
 * Strings put into messages are borrowed: the message must not outlive them. */
#ifndef AGENT_CONTAINERD_WIRE_H
#define AGENT_CONTAINERD_WIRE_H

#include <protobuf-c/protobuf-c.h>

#include "agent/containerd/client.h"
#include "agent/containerd/tasks.h"
#include "common/base/bytes.h"
#include "proto/containerd/types.pb-c.h"
#include "proto/google/protobuf.pb-c.h"

/** Times of the protocol: EDGE_TIME_NEVER for none and for what int64 nanoseconds cannot hold. */
int64_t wire_time(const Google__Timestamp *ts);

/** JSON text as an Any. @return 0 or EDGE_EINVALID when it is not UTF-8 */
EDGE_MUST_CHECK int wire_json(const char *type_url, const char *json, const char *what,
                              Google__Any *ret, struct edge_err *err);
/** Is this Any a @p name (the part behind the last slash, if any)? */
bool wire_any_is(const Google__Any *any, const char *name);
/** Decode what @p any holds. @return NULL when it is something else or broken; free with pb_free */
void *wire_any_unpack(const Google__Any *any, const ProtobufCMessageDescriptor *type);

/** Refuse output URIs that would crash containerd's shim. @p stdio may be NULL. */
EDGE_MUST_CHECK int wire_stdio_check(const struct agent_ctrd_stdio *stdio, struct edge_err *err);

/** A map<string, string>: every message's LabelsEntry has this shape. */
struct wire_labels {
    struct wire_label *items;
    struct wire_label **list; /* for the message's member, through wire_labels_list */
    size_t len;
};
EDGE_MUST_CHECK int wire_labels_init(struct wire_labels *ret,
                                     const ProtobufCMessageDescriptor *entry,
                                     const struct agent_ctrd_label *labels, size_t nlabels,
                                     struct edge_err *err);
void wire_labels_fini(struct wire_labels *labels);
static inline void wire_labels_finip(struct wire_labels *labels)
{
    wire_labels_fini(labels);
}
static inline void *wire_labels_list(const struct wire_labels *labels)
{
    return labels->list;
}
/** Entries of a received map as key, value, …, NULL. @return NULL without memory */
char **wire_labels_copy(const void *entries, size_t len);
/** The value of @p key in such a list, or NULL. */
const char *wire_labels_find(char *const *labels, const char *key);

/** Field mask "<first>", "labels.<key>" …  */
struct wire_mask {
    Google__FieldMask mask;
    char **paths;
};
EDGE_MUST_CHECK int wire_mask_init(struct wire_mask *ret, const char *first,
                                   const struct agent_ctrd_label *labels, size_t nlabels,
                                   struct edge_err *err);
void wire_mask_fini(struct wire_mask *mask);
static inline void wire_mask_finip(struct wire_mask *mask)
{
    wire_mask_fini(mask);
}

struct wire_mounts {
    Types__Mount *items;
    Types__Mount **list;
    size_t len;
};
EDGE_MUST_CHECK int wire_mounts_init(struct wire_mounts *ret,
                                     const struct agent_ctrd_mounts *mounts, struct edge_err *err);
void wire_mounts_fini(struct wire_mounts *mounts);
static inline void wire_mounts_finip(struct wire_mounts *mounts)
{
    wire_mounts_fini(mounts);
}
EDGE_MUST_CHECK int wire_mounts_copy(Types__Mount *const *list, size_t len,
                                     struct agent_ctrd_mounts *ret, struct edge_err *err);

/** @p text in double quotes, as containerd's filters want keys and values. */
int wire_quote(struct edge_buf *buf, const char *text);
/** labels."key"=="value"; the caller frees it. NULL without memory */
char *wire_label_filter(const char *key, const char *value);
/** field=="value" likewise. */
char *wire_field_filter(const char *field, const char *value);

#endif
