/* agent/source/outcome.h - what has come of the newest deployment, as reported properties tell it:
 * lastDesiredStatus and lastDesiredVersion. Pure; any thread. Source: agent.md 1.7, 2.2.
 *
 * Queries in the cloud compare lastDesiredVersion with the desired $version: it becomes the newest
 * one only when its outcome is known. While a deployment is under way the words of the one before
 * stand. */
#ifndef AGENT_SOURCE_OUTCOME_H
#define AGENT_SOURCE_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/json/json.h"

struct agent_outcome {
    int code;        /* 406 before any and at the end; 200, 400, 412, 417, 500 */
    int64_t version; /* of the last document whose outcome is known; 0: none */
    char text[512];  /* one line, with module and member */
};
void agent_outcome_init(struct agent_outcome *outcome);

/** All borrowed. */
struct agent_outcome_facts {
    int code;                     /* agent_source_status */
    const char *text;             /* of the same */
    int64_t version;              /* agent_source_version */
    const char *trouble;          /* agent_supervisor_trouble, or NULL */
    const struct edge_json *list; /* agent_supervisor_list */
};
/** Bring @p outcome up to date. @return true when it reads differently now */
bool agent_outcome_update(struct agent_outcome *outcome, const struct agent_outcome_facts *facts);
/** The agent ends: 406 in IoT Edge's words. */
void agent_outcome_end(struct agent_outcome *outcome);

#endif
