/* Any text as the name of a queue: refused, or taken apart and put together to the same meaning. */
#include <stdlib.h>
#include <string.h>

#include "hub/core/names.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    EDGE_CLEANUP(edge_free) char *text = strndup((const char *) data, size);
    char written[HUB_STORE_NAME_MAX + 1];
    struct hub_queue_name name, again;

    if (!text)
        return 0;
    if (hub_queue_name_read(text, &name) < 0)
        return 0;
    if (hub_queue_name_write(&name, written) < 0)
        return 0;
    if (hub_queue_name_read(written, &again) < 0 || again.priority != name.priority ||
        again.upstream != name.upstream || !edge_identity_equal(&again.who, &name.who))
        abort();
    if (!name.upstream && strcmp(name.input, again.input) != 0)
        abort();
    return 0;
}
