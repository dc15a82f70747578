/* common/iothub/identity.h - who speaks: a device or one of its modules. Pure; any thread. */
#ifndef EDGE_IOTHUB_IDENTITY_H
#define EDGE_IOTHUB_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"

enum { EDGE_ID_MAX = 128 }; /* bytes of a device or module id */

struct edge_identity {
    char device[EDGE_ID_MAX + 1];
    char module[EDGE_ID_MAX + 1]; /* "": the device itself */
};

/** A-Z a-z 0-9 and -:.+%_#*?!(),=@;$' , 1 to 128 of them. */
bool edge_id_valid(const char *text, size_t len);
/** "device" or "device/module" (an MQTT client id). @return 0 or EDGE_EINVALID */
EDGE_MUST_CHECK int edge_identity_parse(const char *text, size_t len, struct edge_identity *ret);
/** "device" or "device/module"; room for 2 * EDGE_ID_MAX + 2. */
void edge_identity_format(const struct edge_identity *who, char *text, size_t size);
bool edge_identity_equal(const struct edge_identity *a, const struct edge_identity *b);
/** "host/devices/d[/modules/m]", each id percent-encoded once: the resource of its tokens before
 * the token's own encoding. The caller frees it. */
char *edge_identity_resource(const struct edge_identity *who, const char *host);

#endif
