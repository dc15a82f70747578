#include "agent/desired/reader.h"

static const char *const wants[] = {
    [AGENT_WANT_RUNNING] = "running",
    [AGENT_WANT_STOPPED] = "stopped",
};
static const char *const policies[] = {
    [AGENT_POLICY_NEVER] = "never",
    [AGENT_POLICY_ON_FAILURE] = "on-failure",
    [AGENT_POLICY_ON_UNHEALTHY] = "on-unhealthy",
    [AGENT_POLICY_ALWAYS] = "always",
};
static const char *const pull_policies[] = {
    [AGENT_PULL_ON_CREATE] = "on-create",
    [AGENT_PULL_NEVER] = "never",
};

/* Numbers of `status` mean other words in IoT Edge, which are not for wishing: no ordinals. */
const struct desired_words desired_wants = {
    wants,
    EDGE_ARRAY_LEN(wants),
    "\"running\" or \"stopped\"",
    false,
};
const struct desired_words desired_policies = {
    policies,
    EDGE_ARRAY_LEN(policies),
    "\"never\", \"on-failure\", \"on-unhealthy\" or \"always\"",
    true,
};
const struct desired_words desired_pull_policies = {
    pull_policies,
    EDGE_ARRAY_LEN(pull_policies),
    "\"on-create\" or \"never\"",
    true,
};

const char *agent_want_name(enum agent_want want)
{
    return wants[want];
}

const char *agent_policy_name(enum agent_policy policy)
{
    return policies[policy];
}

const char *agent_pull_policy_name(enum agent_pull_policy policy)
{
    return pull_policies[policy];
}

int agent_desired_status(int rc)
{
    switch (rc) {
    case 0:
        return 200;
    case EDGE_EEMPTY:
        return 417;
    case EDGE_ESCHEMA:
        return 412;
    case EDGE_EINVALID:
    case EDGE_ELIMIT:
        return 400;
    default:
        return 500;
    }
}
