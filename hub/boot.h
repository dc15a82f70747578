/* hub/boot.h - what must be had before the hub can be made: keys, trust and certificate, from
 * edge-securityd by hub/workload. Blocks, a minute at most; before the loop serves. */
#ifndef HUB_BOOT_H
#define HUB_BOOT_H

#include "hub/store/store.h"
#include "hub/workload/workload.h"

struct hub_boot {
    struct hub_workload *workload;
    struct hub_vault *vault;
    char *trust_pem;
    struct hub_certificate certificate;
};
/** What is sealed in @p store is opened by the vault, or given up. Needs hub_boot_fini, also after
 * a failure. @return 0 or negative */
EDGE_MUST_CHECK int hub_boot(struct edge_loop *loop, struct hub_store *store,
                             const struct hub_self *self, struct hub_boot *ret,
                             struct edge_err *err);
void hub_boot_fini(struct hub_boot *boot);

#endif
