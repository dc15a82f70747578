/* agent/module/acts.h - inside the room: what the table and what containerd shows both lead to. */
#ifndef AGENT_MODULE_ACTS_H
#define AGENT_MODULE_ACTS_H

#include "agent/module/life.h"

/** As if it had never run. */
void agent_module_fresh(struct agent_module *m);
/** A module that proves itself starts counting its restarts anew. */
void agent_module_arm_care(struct agent_module *m);

#endif
