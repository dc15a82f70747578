#include <errno.h>
#include <stdio.h>

#include "agent/image/backoff.h"
#include "agent/image/internal.h"

/* Another process may hold the ingest for a moment (an agent that was killed, until containerd
 * notices), and the lease may have expired under a pull that took days. */
int agent_ingest_open(struct agent_run *run, const struct agent_ctrd_descriptor *blob,
                      struct agent_ctrd_ingest **ret, int64_t *ret_offset, struct edge_err *err)
{
    const struct agent_ctrd_call call = agent_run_call(run, AGENT_BLOB_TIMEOUT_MS);
    struct agent_backoff backoff = {0};
    char ref[AGENT_DIGEST_TEXT + sizeof AGENT_INGEST];
    bool renewed = false;
    int rc;

    (void) snprintf(ref, sizeof ref, AGENT_INGEST "%s", blob->digest);
    for (;;) {
        rc = agent_ctrd_ingest_open(run->images->ctrd, &call, ref, blob, ret, ret_offset, err);
        if (rc == -ENOENT && !renewed) {
            renewed = true;
            rc = agent_lease_renew(run, err);
            if (rc < 0)
                return rc;
        } else if (rc != EDGE_EUNAVAILABLE || !agent_backoff_again(&backoff, -1, run->stop)) {
            return rc;
        }
    }
}
