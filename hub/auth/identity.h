/* hub/auth/identity.h - what IoT Hub says of one identity in our scope. Pure; any thread.
 * JSON as its registry writes it: {"deviceId", "moduleId", "generationId", "status",
 * "authentication": {"type", "symmetricKey", "x509Thumbprint"}}. Source: hub.md 4.6. */
#ifndef HUB_AUTH_IDENTITY_H
#define HUB_AUTH_IDENTITY_H

#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/iothub/identity.h"
#include "common/json/json.h"

enum hub_entry_kind { HUB_BY_NOTHING, HUB_BY_KEY, HUB_BY_THUMBPRINT, HUB_BY_CA };

enum { HUB_KEY_MAX = 64, HUB_GENERATION_MAX = 63, HUB_PAGE_MAX = 2000 };

/** A decoded symmetric key; len 0: none. */
struct hub_key {
    uint8_t bytes[HUB_KEY_MAX];
    uint8_t len;
};
struct hub_entry {
    struct edge_identity who;
    char generation[HUB_GENERATION_MAX + 1];
    enum hub_entry_kind kind;
    bool enabled; /* modules have no status of their own: true */
    struct hub_key key[2];
    char thumbprint[2][65]; /* hex of SHA-1 or SHA-256 as IoT Hub has it, or "" */
};

/** What cannot be understood proves nothing: an unknown type, a key that is no base64.
 * @return 0, EDGE_EINVALID (no such id) */
EDGE_MUST_CHECK int hub_entry_read(const struct edge_json *identity, struct hub_entry *ret,
                                   struct edge_err *err);
bool hub_entry_equal(const struct hub_entry *a, const struct hub_entry *b);
/** The same JSON again, for the disk; the caller wipes and frees it. NULL without memory. */
char *hub_entry_text(const struct hub_entry *entry);
/** Wipe and free. Accepts NULL; returns NULL. */
struct hub_entry *hub_entry_free(struct hub_entry *entry);
EDGE_DEFINE_CLEANUP(struct hub_entry *, hub_entry_free)

/** An answer with "devices" and "modules": @p each for every identity that can be read; the entry
 * is borrowed for the call.
 * @param ret_link  the "continuationLink", or NULL at the end; the caller frees it; may be NULL
 * @return 0, EDGE_EINVALID (another document), EDGE_ELIMIT (over HUB_PAGE_MAX of them), -ENOMEM */
EDGE_MUST_CHECK int hub_scope_read(const char *json, size_t len,
                                   void (*each)(const struct hub_entry *entry, void *arg),
                                   void *arg, char **ret_link, struct edge_err *err);

#endif
