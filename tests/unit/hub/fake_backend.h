/* tests/unit/hub/fake_backend.h - a hub_backend that notes what it is asked and answers as told, at
 * once or when the test says so. Kept sessions remember their features. */
#ifndef TESTS_UNIT_HUB_FAKE_BACKEND_H
#define TESTS_UNIT_HUB_FAKE_BACKEND_H

#include "hub/core/backend.h"

enum { FAKE_SESSIONS = 32, FAKE_HELD = 128 };

struct hub_session {
    struct fake_backend *fake;
    struct hub_events events;
    void *arg;
    struct edge_identity who;
    bool open, keep, paused;
    bool kept; /* features are of an earlier, kept session */
    unsigned features;
    unsigned inputs; /* wanted; the limit is 3 */
};
/** A `done` that is held back. */
struct fake_held {
    hub_done *done;
    hub_twin_done *twin;
    hub_version_done *version;
    hub_grant_done *grant;
    void *arg;
};
struct fake_backend {
    struct hub_backend backend;
    struct edge_buf notes; /* "auth edge1/modA token;open keep;send …;" */
    struct hub_session sessions[FAKE_SESSIONS];
    bool hold;               /* answers wait for fake_answer */
    bool gone;               /* the end of a session answers what waits, as backend.h says */
    enum hub_result result;  /* of what is answered */
    enum hub_result granted; /* of authenticate */
    int open_rc;
    bool forgets; /* open says HUB_FORGETTING instead of 0 */
    int64_t until_s;
    int64_t version;
    const char *twin;
    struct fake_held held[FAKE_HELD];
    unsigned nheld;
};

void fake_backend_init(struct fake_backend *fake);
/** Ends open sessions with HUB_UNAVAILABLE. */
void fake_backend_fini(struct fake_backend *fake);
/** Answer the oldest that was held back with `result` (or `granted`). */
void fake_answer(struct fake_backend *fake);
/** The open session of "device" or "device/module", or NULL. */
struct hub_session *fake_session(struct fake_backend *fake, const char *name);
/** End it as the backend does. */
void fake_close(struct hub_session *session, enum hub_result why);

#endif
