/* agent/image/media.h - media types of images, and what we make of each. Pure; any thread. */
#ifndef AGENT_IMAGE_MEDIA_H
#define AGENT_IMAGE_MEDIA_H

#include <stddef.h>

enum agent_media_kind {
    AGENT_MEDIA_UNKNOWN,
    AGENT_MEDIA_MANIFEST,
    AGENT_MEDIA_INDEX,
    AGENT_MEDIA_SCHEMA1, /* older than we read */
    AGENT_MEDIA_CONFIG,
    AGENT_MEDIA_LAYER,
    AGENT_MEDIA_FOREIGN,   /* a layer the registry does not hold */
    AGENT_MEDIA_ENCRYPTED, /* a layer nobody here has the key of */
};

struct agent_media {
    const char *name;
    enum agent_media_kind kind;
    const char *oci; /* the OCI spelling of a layer's, else NULL */
};

/** Parameters after ";" are ignored, case too. Never NULL: of kind UNKNOWN when it is not known.
 * Static. */
const struct agent_media *agent_media_find(const char *name);

#endif
