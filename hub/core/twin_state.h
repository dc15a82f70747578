/* hub/core/twin_state.h - what is known of one twin: arithmetic and its form on disk. Pure; any
 * thread. Source: hub.md 7, cloud.md 4.3.
 *
 *   IoT Hub's reported --with pending merged over--> reported, as the client sees it
 *   told --difference--> desired: what the client has yet to hear */
#ifndef HUB_CORE_TWIN_STATE_H
#define HUB_CORE_TWIN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/json/json.h"

enum {
    HUB_TWIN_TEXT_MAX = 512 * 1024, /* bytes of a twin or a patch; more is refused */
    HUB_TWIN_PATCHES = 8,           /* patches that cannot be made one, waiting for IoT Hub */
    /* IoT Hub counts characters and no structure: bytes of text are limited beside that, so that
     * all of a twin fits into a document. */
    HUB_TWIN_SECTION_BYTES = 160 * 1024,
    HUB_TWIN_PENDING_BYTES = 256 * 1024, /* of all patches */
};

#define HUB_TWIN_VERSION_MAX INT64_C(9007199254740992) /* numbers of JSON are exact up to here */

struct hub_twin_state {
    bool known;                /* a whole twin has come from IoT Hub */
    struct edge_json *desired; /* no member begins with '$'; never NULL */
    int64_t desired_version;
    int64_t heard; /* the newest patch since a whole twin was asked for; 0: none. Not on disk */
    struct edge_json *reported; /* likewise; with all that is pending */
    int64_t reported_version;   /* IoT Hub's, and one more for each patch accepted since */
    struct edge_json *pending[HUB_TWIN_PATCHES]; /* in their order; nulls are kept */
    size_t npending;
    bool sending;           /* the first of them is under way */
    struct edge_json *told; /* desired as the client was last told; NULL: as it is */
    int64_t told_version;   /* 0: it was never told */
};

/** NULL without memory. */
struct hub_twin_state *hub_twin_state_create(void);
struct hub_twin_state *hub_twin_state_free(struct hub_twin_state *state);
EDGE_DEFINE_CLEANUP(struct hub_twin_state *, hub_twin_state_free)

/** From disk. @return 0, EDGE_EPROTOCOL (not what we write), EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int hub_twin_state_read(struct edge_bytes bytes, struct hub_twin_state **ret);
/** The caller frees it; NULL without memory. */
char *hub_twin_state_write(const struct hub_twin_state *state);

enum { HUB_TWIN_SAME = 1, HUB_TWIN_GAP = 2 };
/** The whole twin, as IoT Hub answers. What is pending stays in force.
 * @return 0, HUB_TWIN_SAME (it says nothing new), HUB_TWIN_GAP (it was read before a patch that has
 * come since it was asked for: nothing was done), EDGE_EINVALID, EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int hub_twin_state_whole(struct hub_twin_state *state, const char *json, size_t len,
                                         struct edge_err *err);
/** A patch of the desired properties, with its "$version".
 * @return 0, HUB_TWIN_GAP (it is not the next one: nothing was done), -ENOMEM */
EDGE_MUST_CHECK int hub_twin_state_desired(struct hub_twin_state *state,
                                           const struct edge_json *patch);
/** Bytes of its text; SIZE_MAX without memory. */
size_t hub_twin_bytes(const struct edge_json *section);
/** The "$version" of a section or a patch; 0: none. */
int64_t hub_twin_version(const struct edge_json *patch);
/** The client reports. @return 0 (reported and pending have it), EDGE_EINVALID, EDGE_ELIMIT,
 * -ENOMEM: nothing was done */
EDGE_MUST_CHECK int hub_twin_state_report(struct hub_twin_state *state,
                                          const struct edge_json *patch, struct edge_err *err);
/** The document a client gets. The caller frees it; NULL without memory. */
char *hub_twin_state_text(const struct hub_twin_state *state);

/** What the client has yet to hear, with its "$version". @param ret  the caller frees it; NULL when
 * that is nothing @return 0 or -ENOMEM */
EDGE_MUST_CHECK int hub_twin_state_news(const struct hub_twin_state *state, char **ret);
/** It knows the desired properties as they are. @return whether that is new */
bool hub_twin_state_told(struct hub_twin_state *state);

/** The first pending patch, which is under way from here on. The caller frees it; NULL: nothing is
 * pending, or no memory. */
char *hub_twin_state_next(struct hub_twin_state *state);
/** It has come to an end. @param gone  not to be sent again  @param version  of IoT Hub, or 0 */
void hub_twin_state_sent(struct hub_twin_state *state, bool gone, int64_t version);

#endif
