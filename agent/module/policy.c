#include "agent/module/policy.h"

enum { MAX_PAUSE_S = 300 };

bool agent_policy_restarts(enum agent_policy policy, enum agent_end end)
{
    /* clang-format off */
    static const bool restarts[][3] = {
        /*                             clean  crash  unhealthy */
        [AGENT_POLICY_NEVER] =        {false, false, false},
        [AGENT_POLICY_ON_FAILURE] =   {false, true,  false},
        [AGENT_POLICY_ON_UNHEALTHY] = {false, true,  true},
        [AGENT_POLICY_ALWAYS] =       {true,  true,  true},
    };
    /* clang-format on */

    return restarts[policy][end];
}

int64_t agent_restart_pause_ms(const struct agent_restart_rules *rules, uint32_t count)
{
    int64_t pause = rules->unit_s;

    for (uint32_t i = 0; i < count && pause < MAX_PAUSE_S; i++)
        pause *= 2;
    return (pause < MAX_PAUSE_S ? pause : MAX_PAUSE_S) * (rules->unit_s ? 1000 : 0);
}

int64_t agent_with_jitter(int64_t ms, uint32_t dice)
{
    return ms + (ms / 10) * (int64_t) (dice % 1024) / 1024;
}
