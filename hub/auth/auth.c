/* Life of the room, and what is asked of it without waiting. */
#include "hub/auth/auth.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "hub/auth/internal.h"

enum { REFRESH_S = 3600, REFRESH_DELAY_S = 120 };

int64_t auth_now_s(void)
{
    return edge_wall_ns() / 1000000000;
}

static int start(struct hub_auth *auth)
{
    const struct hub_auth_options *o = &auth->options;

    auth->trust_pem = edge_strdup(o->trust_pem);
    auth->timer = edge_timer_create(o->loop, auth_full_due, auth);
    auth->queue.timer = edge_timer_create(o->loop, auth_overdue, auth);
    auth->questions = AUTH_BURST;
    auth->refilled_ms = edge_now_ms();
    auth->house = (struct hub_house){
        .hub_name = o->self->hub_name, .hostname = o->self->hostname, .trust_pem = auth->trust_pem};
    if (!auth->timer || !auth->queue.timer || (o->trust_pem && !auth->trust_pem))
        return -ENOMEM;
    return hub_cache_open(&auth->cache, o->store, o->vault);
}

int hub_auth_open(const struct hub_auth_options *options, struct hub_auth **ret,
                  struct edge_err *err)
{
    struct hub_auth *auth = calloc(1, sizeof *auth);
    int rc = auth ? 0 : -ENOMEM;

    if (rc == 0) {
        auth->options = *options;
        if (auth->options.refresh_s == 0)
            auth->options.refresh_s = REFRESH_S;
        if (auth->options.refresh_delay_s == 0)
            auth->options.refresh_delay_s = REFRESH_DELAY_S;
        rc = start(auth);
    }
    if (rc < 0) {
        hub_auth_close(auth);
        return edge_fail(err, rc, "cannot read the identities that are kept: %s",
                         edge_strerror(rc));
    }
    edge_timer_arm(auth->timer, 0);
    *ret = auth;
    return 0;
}

struct hub_auth *hub_auth_close(struct hub_auth *auth)
{
    if (!auth)
        return NULL;
    auth_refresh_fini(auth);
    auth_send_away(auth);
    edge_timer_destroy(auth->queue.timer);
    edge_timer_destroy(auth->timer);
    hub_cache_fini(&auth->cache);
    free(auth->trust_pem);
    free(auth->chain);
    free(auth);
    return NULL;
}

enum hub_result hub_auth_again(struct hub_auth *auth, const struct edge_identity *who)
{
    const struct hub_record *record = hub_cache_find(&auth->cache, who);

    return record && record->proof &&
                   hub_proof_holds(record->proof, record->entry,
                                   hub_cache_entry(&auth->cache, who, true), auth_now_s())
               ? HUB_OK
               : HUB_REFUSED;
}

const char *hub_auth_chain(struct hub_auth *auth, const struct edge_identity *who)
{
    const struct edge_identity *self = &auth->options.self->who;
    char text[2 * EDGE_ID_MAX + 2];

    if (!edge_identity_equal(who, self) && !hub_cache_entry(&auth->cache, who, false))
        return NULL;
    edge_identity_format(who, text, sizeof text);
    free(auth->chain);
    auth->chain = edge_format("%s;%s", text, self->device);
    return auth->chain;
}
