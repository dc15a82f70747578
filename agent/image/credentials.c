#include "agent/image/credentials.h"

#include <string.h>
#include <strings.h>

/* The host in @p text: no scheme, no path. */
static const char *host_part(const char *text, size_t *ret_len)
{
    const char *scheme = strstr(text, "://");

    text = scheme ? scheme + 3 : text;
    *ret_len = strcspn(text, "/");
    return text;
}

static bool is(const char *host, size_t len, const char *name)
{
    return len == strlen(name) && strncasecmp(host, name, len) == 0;
}

static bool is_hub(const char *host, size_t len)
{
    return is(host, len, "docker.io") || is(host, len, "index.docker.io") ||
           is(host, len, "registry-1.docker.io");
}

bool agent_same_registry(const char *a, const char *b)
{
    size_t a_len;
    size_t b_len;

    a = host_part(a, &a_len);
    b = host_part(b, &b_len);
    if (is_hub(a, a_len))
        return is_hub(b, b_len);
    return a_len > 0 && a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

const struct agent_registry *agent_registry_find(const struct agent_images_config *config,
                                                 const char *host)
{
    for (size_t i = 0; i < config->nregistries; i++) {
        if (agent_same_registry(config->registries[i].host, host))
            return &config->registries[i];
    }
    return NULL;
}

/* "$upstream:443" means the parent, in addresses as in images. */
static bool is_upstream(const char *address, const char *upstream, const char *host)
{
    static const char mark[] = "$upstream";
    size_t len = upstream ? strlen(upstream) : 0;

    return len > 0 && strncmp(address, mark, strlen(mark)) == 0 &&
           strncasecmp(host, upstream, len) == 0 &&
           strcasecmp(address + strlen(mark), host + len) == 0;
}

static bool is_official_hub_image(const char *host, const char *repository)
{
    return agent_same_registry(host, "docker.io") && strncmp(repository, "library/", 8) == 0;
}

struct agent_credentials agent_credentials_for(const struct agent_images_config *config,
                                               const struct agent_registry_auth *auths,
                                               size_t nauths, const char *host,
                                               const char *repository)
{
    const struct agent_registry *registry = agent_registry_find(config, host);

    for (size_t i = 0; i < nauths && !is_official_hub_image(host, repository); i++) {
        if (agent_same_registry(auths[i].address, host) ||
            is_upstream(auths[i].address, config->upstream, host))
            return (struct agent_credentials){auths[i].username, auths[i].password};
    }
    if (registry && registry->username)
        return (struct agent_credentials){registry->username, registry->password};
    return (struct agent_credentials){0};
}
