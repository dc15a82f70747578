/* Any deployment, shown as reported properties: it is made, it can be brought under the limit, and
 * no password is in it. */
#include <stdlib.h>

#include "agent/cloud/reported.h"
#include "common/iothub/twin.h"
#include "tests/fuzz/fuzz.h"

static void check_credentials(const struct edge_json *reported)
{
    const struct edge_json *settings =
        edge_json_get(edge_json_get(reported, "runtime"), "settings");

    for (edge_json_foreach (it, edge_json_get(settings, "registryCredentials")))
        if (edge_json_len(it.value) != 2 || edge_json_has(it.value, "password"))
            abort();
}

static void check(const struct agent_desired *desired)
{
    const struct agent_reported_facts facts = {.desired = desired, .last_version = 1, .code = 200};
    EDGE_CLEANUP(edge_json_free) struct edge_json *made = agent_reported_make(&facts);

    if (!made || edge_json_len(edge_json_get(made, "modules")) > desired->nmodules)
        abort();
    check_credentials(made);
    (void) agent_reported_fit(made, 2048);
    if (edge_twin_size(edge_json_get(made, "modules")) > 2048)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct agent_desired_rules rules = {.system_modules_optional = true, .upstream = "p"};
    EDGE_CLEANUP(agent_desired_free) struct agent_desired *desired = NULL;

    if (agent_desired_parse((const char *) data, size, &rules, &desired, NULL) == 0)
        check(desired);
    return 0;
}
