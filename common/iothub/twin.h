/* common/iothub/twin.h - arithmetic of twins: merge patches, differences, IoT Hub's limits. Pure;
 * any thread. Sources: cloud.md 4 and 11, agent.md 2.3, RFC 7396 (without its array rule for null).
 */
#ifndef EDGE_IOTHUB_TWIN_H
#define EDGE_IOTHUB_TWIN_H

#include "common/json/json.h"

/** Apply @p patch to the object @p target: null deletes, objects merge, all else replaces. Members
 * whose name begins with '$' are passed over at the top. Deleting from what is not there is
 * nothing.
 * @return 0, EDGE_EINVALID (no object), -ENOMEM */
EDGE_MUST_CHECK int edge_twin_merge(struct edge_json *target, const struct edge_json *patch);
/** The least patch that turns @p from into @p to; an empty object when they are equal. The caller
 * frees it. NULL without memory. */
struct edge_json *edge_twin_diff(const struct edge_json *from, const struct edge_json *to);

struct edge_twin_limits {
    size_t section; /* edge_twin_size of the whole: 32 KiB, tags 8 KiB */
    size_t string;  /* bytes of one value: 4096 */
    size_t name;    /* bytes of a name: 1024 */
    unsigned depth; /* 10 */
};
extern const struct edge_twin_limits edge_twin_limits_properties;
extern const struct edge_twin_limits edge_twin_limits_tags;
/** Would IoT Hub take this section (after merging)? err says why in IoT Hub's
 * words, and where. Names with '.', '$', a
 * blank or control characters, integers beyond ±4503599627370495, depth, lengths.
 * @return 0, EDGE_EINVALID, EDGE_ELIMIT */
EDGE_MUST_CHECK int edge_twin_check(const struct edge_json *section,
                                    const struct edge_twin_limits *limits, struct edge_err *err);
/** A section's size as IoT Hub counts it: characters of names and texts but control characters, 8
 * for a number, 4 for a boolean, nothing for structure. */
size_t edge_twin_size(const struct edge_json *section);

#endif
