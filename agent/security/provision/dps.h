/* agent/security/provision/dps.h - what the Device Provisioning Service answers, and what to do
 * next. Pure; any thread. Sources: agent.md 7.2, cloud.md 14 (REST, api-version 2021-06-01). */
#ifndef AGENT_SECURITY_PROVISION_DPS_H
#define AGENT_SECURITY_PROVISION_DPS_H

#include "agent/security/cloud/cloud.h"

struct sec_dps_result {
    char operation[257]; /* to ask for; of SEC_DPS_ASSIGNING */
    char hub[256];       /* of SEC_DPS_ASSIGNED */
    char device[129];
    int wait_s; /* before asking again: 1 to 60 */
};

enum { SEC_DPS_ASSIGNED = 0, SEC_DPS_ASSIGNING = 1 };
/** @return SEC_DPS_ASSIGNED, SEC_DPS_ASSIGNING, or: EDGE_EAUTH refused · -ENOENT no such scope or
 * enrolment · EDGE_EUNAVAILABLE try later · EDGE_EREMOTE registration failed or is disabled ·
 * EDGE_EPROTOCOL; the reason in @p err */
EDGE_MUST_CHECK int sec_dps_read(const struct sec_cloud_answer *answer, struct sec_dps_result *ret,
                                 struct edge_err *err);

/** "name" or "name:port" as a hub may be called. */
bool sec_hub_valid(const char *text);

#endif
