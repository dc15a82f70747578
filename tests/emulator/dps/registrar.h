/* tests/emulator/dps/registrar.h - who decides about registrations, for the protocols in front of
 * it. Loop thread. Source: cloud.md 14. */
#ifndef TESTS_EMULATOR_DPS_REGISTRAR_H
#define TESTS_EMULATOR_DPS_REGISTRAR_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/tls/tls.h"

/** Who registers, and what shows that it may. Borrowed for the call. */
struct dps_claim {
    const char *scope; /* "0ne…" as the client wrote it */
    const char *registration;
    const char *token;                       /* SAS text, or NULL */
    const struct edge_tls_peer *certificate; /* or NULL */
};
/** JSON for the client, of a success as of a failure; borrowed. */
struct dps_answer {
    int status; /* 202: ask again in retry_after_s */
    const char *json;
    size_t len;
    unsigned retry_after_s; /* 0: none */
};
typedef void dps_done(const struct dps_answer *answer, void *arg);

struct dps_registrar_ops {
    /** @return 0 with the second at which the token ends (INT64_MAX: never), EDGE_EAUTH with the
     * reason, or another negative code: not now */
    int (*authenticate)(void *self, const struct dps_claim *claim, int64_t *ret_until_s,
                        struct edge_err *err);
    /** Register a client that has been authenticated; the claim has no token any more. @p done is
     * called exactly once, perhaps before the call returns. @param body  JSON, or nothing */
    void (*assign)(void *self, const struct dps_claim *claim, const char *body, size_t len,
                   dps_done *done, void *arg);
    void (*status)(void *self, const struct dps_claim *claim, const char *operation, dps_done *done,
                   void *arg);
};
struct dps_registrar {
    const struct dps_registrar_ops *ops;
    void *self;
};

#endif
