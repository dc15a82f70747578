/* agent/security/boot/boot.h - from a configuration to a device that is known to the cloud, and
 * again when the cloud has changed its mind. What is remembered serves at once; DPS is asked behind
 * it. Loop thread. Sources: agent.md 7.2, 7.3.
 *
 *   RECALLING --found--> ADOPTING --done--> READY --again--> ASKING (READY stays told)
 *       | none             ^  | failed        ^                |  |
 *       v                  |  v               '----failed------'  |
 *     ASKING ----found-----'  WAITING <---failed, not ready yet---'
 *                               '--time--> ASKING or ADOPTING
 */
#ifndef AGENT_SECURITY_BOOT_BOOT_H
#define AGENT_SECURITY_BOOT_BOOT_H

#include "agent/security/provision/provision.h"
#include "agent/security/self/self.h"
#include "common/loop/pool.h"

struct sec_boot;

/** All borrowed; they outlive the object. */
struct sec_boot_options {
    struct edge_loop *loop;
    struct edge_pool *writer; /* sec_self's */
    struct edge_pool *asker;  /* of one thread, for DPS */
    struct sec_self *self;
    const struct agent_provisioning *config;
    struct sec_cloud *cloud;
    const char *cache;
    /** The device is ready; @p other: another than it was before. */
    void (*ready)(bool other, void *arg);
    void *arg;
};

/** Begins at once. */
EDGE_MUST_CHECK int sec_boot_open(const struct sec_boot_options *options, struct sec_boot **ret);
/** After the pools have run dry. Accepts NULL; returns NULL. */
struct sec_boot *sec_boot_close(struct sec_boot *boot);

/** Why the device is not provisioned; NULL when it is. Borrowed until the loop's next turn. */
const char *sec_boot_reason(const struct sec_boot *boot);
/** Provision anew. @p asked: by the agent; else because the cloud refuses the device, which is
 * followed only with dynamic_reprovisioning, and not more than every five minutes. */
void sec_boot_again(struct sec_boot *boot, bool asked);

#endif
