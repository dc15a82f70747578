/* common/iothub/connection_string.h - "HostName=…;DeviceId=…;SharedAccessKey=…". Pure; any thread.
 * Names of fields compare without case as Microsoft's SDKs do; a value may hold '='. White space
 * around the whole is no part of it. */
#ifndef EDGE_IOTHUB_CONNECTION_STRING_H
#define EDGE_IOTHUB_CONNECTION_STRING_H

#include <stdbool.h>

#include "common/base/err.h"

struct edge_connection_string {
    char *hostname, *device_id, *module_id, *key /* base64 as written */, *key_name, *gateway;
    bool x509;
};
/** A device's or module's: HostName and DeviceId are required, and a valid base64 SharedAccessKey
 * or x509=true. err names the field, never its value. @return 0, EDGE_EINVALID, EDGE_ELIMIT,
 * -ENOMEM */
EDGE_MUST_CHECK int edge_connection_string_parse(const char *text,
                                                 struct edge_connection_string *ret,
                                                 struct edge_err *err);
void edge_connection_string_fini(struct edge_connection_string *cs); /* wipes the key */

#endif
