/* agent/plan/reason.h - what is different between two specs of a module, in a few words.
 * For this room only. Pure; any thread. */
#ifndef AGENT_PLAN_REASON_H
#define AGENT_PLAN_REASON_H

#include "agent/plan/plan.h"

enum { PLAN_REASON = sizeof((struct agent_step *) 0)->reason };

/** What cannot change in place: "image changed from a:1 to a:2; env changed: +A -B ~C". No values:
 * they may be secrets. @p old is NULL when it cannot be read. Cut to fit. */
void plan_reason_replace(const struct agent_module_spec *old, const struct agent_module_spec *new,
                         char reason[PLAN_REASON]);
/** What can: "restartPolicy changed from never to always; version changed". */
void plan_reason_relabel(const struct agent_module_spec *old, const struct agent_module_spec *new,
                         char reason[PLAN_REASON]);

#endif
