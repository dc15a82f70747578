/* hub/http/request.h - what a direct method's request says. Pure; any thread. Source: hub.md 3.4,
 * cloud.md 9. */
#ifndef HUB_HTTP_REQUEST_H
#define HUB_HTTP_REQUEST_H

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/iothub/identity.h"

enum {
    HUB_METHOD_NAME_MAX = 100,          /* characters */
    HUB_METHOD_PAYLOAD_MAX = 128 * 1024 /* bytes of JSON */
};

struct hub_method_request {
    char *name;
    char *payload; /* JSON, "null" when there was none */
    unsigned connect_s, response_s;
};
/** Read {"methodName", "payload", "responseTimeoutInSeconds", "connectTimeoutInSeconds"}; @p ret is
 * for hub_method_request_fini in any case. @return 0, EDGE_EINVALID or EDGE_ELIMIT with what is
 * wrong, -ENOMEM */
EDGE_MUST_CHECK int hub_method_request_read(struct edge_bytes body, struct hub_method_request *ret,
                                            struct edge_err *err);
void hub_method_request_fini(struct hub_method_request *request);

/** "/twins/{d}/methods" or "/twins/{d}/modules/{m}/methods", decoded by the server.
 * @return 0, HUB_PATH_OTHER (something else), EDGE_EINVALID (an id that is none) */
EDGE_MUST_CHECK int hub_method_path(const char *path, struct edge_identity *ret);
enum { HUB_PATH_OTHER = 1 };

#endif
