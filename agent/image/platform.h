/* agent/image/platform.h - which builds of an image run here. Pure; any thread. */
#ifndef AGENT_IMAGE_PLATFORM_H
#define AGENT_IMAGE_PLATFORM_H

#include <stdbool.h>

#include "common/base/attr.h"

/** A platform in the image specification's words. Strings are borrowed, "" for not said. */
struct agent_platform {
    const char *os;
    const char *architecture;
    const char *variant;
};

/** What uname calls this machine, in those words. Static strings.
 * @param pointer_bits  of this program: 32 on a 64-bit kernel means 32-bit user land */
struct agent_platform agent_platform_of(const char *uname_machine, int pointer_bits);
/** Of the machine we run on. */
struct agent_platform agent_platform_here(void);

/** How well a build for @p image runs on @p host: 0 best, higher is worse, -1 not at all. */
int agent_platform_rank(const struct agent_platform *host, const struct agent_platform *image);

#endif
