/* tests/emulator/cloud/session.h - sessions of clients: their life (session.c), and what the hub
 * answers them (owed.c). */
#ifndef TESTS_EMULATOR_CLOUD_SESSION_H
#define TESTS_EMULATOR_CLOUD_SESSION_H

#include "tests/emulator/cloud/internal.h"

/* hub_backend_ops' own. */
int cloud_session_open(void *backend, const struct hub_claim *claim, const struct hub_grant *grant,
                       bool keep, const struct hub_events *events, void *arg,
                       unsigned *ret_features, struct hub_session **ret);
void cloud_session_close(struct hub_session *session);
void cloud_session_extend(struct hub_session *session, const struct hub_grant *grant);

/** It does something: told as the identity's last activity. @param state  also as a change of its
 * connection */
void cloud_session_touch(struct hub_session *session, bool state);
/** What a kept one is subscribed to. @return 0 or negative */
EDGE_MUST_CHECK int cloud_session_remember(struct hub_session *session);
/** There may be something to deliver. */
void cloud_session_stir(struct hub_session *session);
/** End it from our side. */
void cloud_session_expel(struct hub_session *session, enum hub_result why);

/** owed.c: everything it is owed is answered with HUB_GONE. */
void cloud_owed_end(struct hub_session *session);

#endif
