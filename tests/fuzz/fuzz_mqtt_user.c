/* Any text as the user name of a CONNECT: refused, or an identity that is valid and texts. */
#include <stdlib.h>
#include <string.h>

#include "hub/mqtt/user.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hub_mqtt_user user;

    if (size == 0 || memchr(data, 0, size)) /* the codec lets none through */
        return 0;
    if (hub_mqtt_user_parse((struct edge_bytes){data, size}, &user, NULL) == 0) {
        if (!edge_id_valid(user.who.device, strlen(user.who.device)) || !user.client ||
            !user.model_id || !user.auth_chain || user.host[0] == '\0')
            abort();
    }
    hub_mqtt_user_fini(&user);
    return 0;
}
