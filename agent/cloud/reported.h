/* agent/cloud/reported.h - the reported properties of $edgeAgent from what is known. Pure; any
 * thread. Source: agent.md 2.1, 2.2. Keys, spellings and the never-date are IoT Edge's, because
 * dashboards and `az iot edge` read them; secrets are left out, which is ours. */
#ifndef AGENT_CLOUD_REPORTED_H
#define AGENT_CLOUD_REPORTED_H

#include "agent/desired/desired.h"
#include "common/json/json.h"

struct agent_reported_facts {
    const struct agent_desired *desired; /* what is wanted now, or NULL before any */
    const struct edge_json *list;        /* agent_supervisor_list, or NULL */
    int64_t last_version;                /* lastDesiredVersion; <= 0: left out */
    int code;                            /* 200, 400, 406, 412, 417, 500 */
    const char *description;
    const char *agent_image;  /* as the deployment names edgeAgent's, or NULL */
    int64_t agent_started_ns; /* wall clock */
};
/** The whole section. The caller frees it; NULL without memory. */
struct edge_json *agent_reported_make(const struct agent_reported_facts *facts);

enum { AGENT_REPORTED_MAX = 32 * 1024 };
/** Bring it under the limit: echoes first (createOptions, then env, of the largest modules), then
 * descriptions; what was left out is said in lastDesiredStatus.description.
 * @return true when something was left out */
bool agent_reported_fit(struct edge_json *reported, size_t max);

#endif
