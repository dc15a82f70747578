/* agent/security/identities/hub.h - module identities in IoT Hub, one request each. Blocking.
 * Source: agent.md 7.5 (REST, api-version 2017-11-08-preview). */
#ifndef AGENT_SECURITY_IDENTITIES_HUB_H
#define AGENT_SECURITY_IDENTITIES_HUB_H

#include "agent/security/cloud/cloud.h"

struct sec_hub {
    struct sec_cloud *cloud;
    const char *host;
    const char *device;
    struct sec_credential credential;
    int status;        /* of the last answer, 0: none */
    int retry_after_s; /* of the last answer */
};

enum { SEC_HUB_MODULES = 200 }; /* more are not read; IoT Hub allows 50 */

struct sec_hub_module {
    char id[129];
    char generation[129];
    char managed_by[129];
    char primary_key[129]; /* base64, "" when it was not shown */
};

struct sec_hub_keys {
    const char *generation;
    const char *primary; /* base64 */
    const char *secondary;
};

/** @return 0, -ENOENT, EDGE_EAUTH, EDGE_EUNAVAILABLE (throttled too: status 429), EDGE_EPROTOCOL */
EDGE_MUST_CHECK int sec_hub_get(struct sec_hub *hub, const char *module, struct sec_hub_module *ret,
                                struct edge_err *err);
/** Make the identity, or with @p keys give an existing one its keys.
 * @return also EDGE_ECONFLICT: it exists, and no keys were given */
EDGE_MUST_CHECK int sec_hub_put(struct sec_hub *hub, const char *module, const char *managed_by,
                                const struct sec_hub_keys *keys, struct sec_hub_module *ret,
                                struct edge_err *err);
/** @return 0 also when there is none */
EDGE_MUST_CHECK int sec_hub_delete(struct sec_hub *hub, const char *module, struct edge_err *err);
/** @param ret  of SEC_HUB_MODULES entries; wiped by the caller */
EDGE_MUST_CHECK int sec_hub_list(struct sec_hub *hub, struct sec_hub_module *ret, size_t *ret_len,
                                 struct edge_err *err);

/** One identity as IoT Hub writes it. @return 0 or EDGE_EPROTOCOL */
EDGE_MUST_CHECK int sec_hub_read(const struct edge_json *body, struct sec_hub_module *ret);

#endif
