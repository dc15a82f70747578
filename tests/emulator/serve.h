/* tests/emulator/serve.h - the listeners: 8883, 5671 and 443 with TLS, and the knobs. Each stream
 * goes to its protocol's head, all heads have the one cloud behind them. Loop thread. */
#ifndef TESTS_EMULATOR_SERVE_H
#define TESTS_EMULATOR_SERVE_H

#include "tests/emulator/certificate.h"
#include "tests/emulator/cloud/cloud.h"

struct serve;

struct serve_options {
    struct cloud *cloud; /* outlives the server */
    const char *listen;
    const char *admin; /* "address:port" without TLS, or NULL */
    const struct certificate *certificate;
    unsigned max_clients; /* of each head; 0: 20,000 */
};
EDGE_MUST_CHECK int serve_open(struct edge_loop *loop, const struct serve_options *options,
                               struct serve **ret, struct edge_err *err);
/** Drop everything. Accepts NULL; returns NULL. */
struct serve *serve_close(struct serve *serve);
EDGE_DEFINE_CLEANUP(struct serve *, serve_close)

#endif
