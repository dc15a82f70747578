/* agent/image/credentials.h - which configured registry and which credentials belong to a host.
 * Pure; any thread; everything returned is borrowed from the arguments. */
#ifndef AGENT_IMAGE_CREDENTIALS_H
#define AGENT_IMAGE_CREDENTIALS_H

#include "agent/image/images.h"
#include "agent/image/reference.h"

/** Do two spellings mean the same registry? Case, a scheme in front and a path behind do not
 * matter; Docker Hub has several names, "https://index.docker.io/v1/" among them. */
bool agent_same_registry(const char *a, const char *b);

/** The configured registry for @p host, or NULL. */
const struct agent_registry *agent_registry_find(const struct agent_images_config *config,
                                                 const char *host);

struct agent_credentials {
    const char *username; /* NULL: none */
    const char *password;
};

/** Those of the deployment first (IoT Edge's rule: none for Docker Hub's images without a slash),
 * then those of the configuration. */
struct agent_credentials agent_credentials_for(const struct agent_images_config *config,
                                               const struct agent_registry_auth *auths,
                                               size_t nauths, const char *host,
                                               const char *repository);

#endif
