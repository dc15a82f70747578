/* Any text: it is refused, or its normalised name parses to the same name again. */
#include <stdlib.h>
#include <string.h>

#include "agent/image/reference.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    EDGE_CLEANUP(edge_free) char *text = strndup((const char *) data, size);
    struct agent_reference ref = {0};
    struct agent_reference again = {0};

    if (!text || agent_reference_parse(text, "parent", &ref, NULL) < 0)
        return 0;
    if (agent_reference_parse(ref.name, NULL, &again, NULL) < 0 ||
        strcmp(ref.name, again.name) != 0)
        abort();
    agent_reference_fini(&ref);
    agent_reference_fini(&again);
    return 0;
}
