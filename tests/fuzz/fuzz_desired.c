/* Any bytes: agent_desired_parse refuses them with a text, or gives modules whose own texts read
 * back as themselves. */
#include <stdlib.h>
#include <string.h>

#include "agent/desired/desired.h"
#include "tests/fuzz/fuzz.h"

static void check_module(const struct agent_module_spec *spec)
{
    EDGE_CLEANUP(agent_module_spec_free) struct agent_module_spec *again = NULL;

    if (agent_module_spec_parse(spec->text, strlen(spec->text), &again, NULL) < 0)
        abort();
    if (strcmp(again->text, spec->text) != 0 || strcmp(again->hash, spec->hash) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct agent_desired_rules rules = {.system_modules_optional = true, .upstream = "p"};
    EDGE_CLEANUP(agent_desired_free) struct agent_desired *desired = NULL;
    struct edge_err err = {0};

    if (agent_desired_parse((const char *) data, size, &rules, &desired, &err) < 0) {
        if (!err.text[0])
            abort();
        return 0;
    }
    for (size_t i = 0; i < desired->nmodules; i++) {
        if (i > 0 && strcmp(desired->modules[i - 1].name, desired->modules[i].name) >= 0)
            abort();
        check_module(&desired->modules[i]);
    }
    return 0;
}
