/* Any bytes: agent_module_spec_parse refuses them or gives a spec whose text is exactly they. */
#include <stdlib.h>
#include <string.h>

#include "agent/desired/desired.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    EDGE_CLEANUP(agent_module_spec_free) struct agent_module_spec *spec = NULL;
    EDGE_CLEANUP(agent_module_spec_free) struct agent_module_spec *copy = NULL;

    if (agent_module_spec_parse((const char *) data, size, &spec, NULL) < 0)
        return 0;
    if (strlen(spec->text) != size || memcmp(spec->text, data, size) != 0)
        abort();
    copy = agent_module_spec_copy(spec);
    if (!copy || strcmp(copy->text, spec->text) != 0)
        abort();
    return 0;
}
