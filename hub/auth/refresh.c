/* Asking IoT Hub for all identities of our scope. What it does not say changes nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/pause.h"
#include "hub/auth/internal.h"

enum { PAGES_MAX = 4000, RETRY_MS = 60000 };

void auth_note_answer(struct hub_auth *auth, int status)
{
    auth->away_ms = status == 0 ? edge_now_ms() : 0;
}

bool auth_is_away(const struct hub_auth *auth)
{
    return auth->away_ms != 0 && edge_now_ms() - auth->away_ms < AUTH_AWAY_MS;
}

static void lost(const struct edge_identity *who, void *arg)
{
    const struct hub_auth *auth = arg;

    if (auth->options.changed)
        auth->options.changed(who, auth->options.arg);
}

void auth_settle(struct hub_auth *auth)
{
    if (auth->cache.failed > 0)
        edge_warn("identities could not be kept on disk count=%u", auth->cache.failed);
    auth->cache.failed = 0;
    if (auth->cache.full)
        edge_warn("this device has more identities in its scope than the hub serves limit=%d",
                  HUB_IDENTITIES_MAX);
    auth->cache.full = false;
    hub_cache_settle(&auth->cache, auth_now_s(), lost, auth);
}

struct auth_wait *auth_tell(struct auth_wait *waits, enum hub_result result, const char *why)
{
    while (waits) {
        struct auth_wait *wait = waits;

        waits = wait->next;
        wait->done(result, why, wait->arg);
        free(wait);
    }
    return NULL;
}

/* A fleet that has lost its cloud together shall not come back together. */
static uint64_t with_jitter(uint64_t ms)
{
    return ms + edge_random_below(ms / 10 + 1);
}

static uint64_t retry_ms(const struct hub_auth *auth)
{
    uint64_t longest = (uint64_t) auth->options.refresh_s * 1000;
    uint64_t ms = RETRY_MS;

    for (unsigned i = 1; i < auth->failures && ms < longest; i++)
        ms *= 2;
    return ms < longest ? ms : longest;
}

static void full_end(struct auth_full *full, enum hub_result result, const char *why)
{
    struct hub_auth *auth = full->auth;
    struct auth_wait *waits = full->waits;

    auth->full = NULL;
    free(full->link);
    free(full);
    auth->failures = result == HUB_OK ? 0 : auth->failures + 1;
    if (result == HUB_OK)
        auth->complete_ms = edge_now_ms();
    edge_timer_arm(
        auth->timer,
        with_jitter(result == HUB_OK ? (uint64_t) auth->options.refresh_s * 1000 : retry_ms(auth)));
    if (result != HUB_OK && auth->failures == 1)
        edge_warn("the identities in this device's scope could not be refreshed: %s", why);
    auth_settle(auth);
    auth_tell(waits, result, why);
    auth_decide_rest(auth);
    if (auth->full_waits)
        auth_full_start(auth); /* what they want to see may have come after the pages */
}

static void put_all(const struct hub_entry *entry, void *arg)
{
    struct auth_full *full = arg;

    full->seen++;
    hub_cache_put(&full->auth->cache, entry, full->auth->round);
}

static void ask_page(struct auth_full *full);

/* This hub itself is always in the list; an empty one is a mistake, and would close every door. */
static void page_end(struct auth_full *full, char *link)
{
    if (link && (++full->pages >= PAGES_MAX || (full->link && strcmp(link, full->link) == 0))) {
        free(link);
        full_end(full, HUB_FAILED, "IoT Hub's list of the scope does not end");
        return;
    }
    free(full->link);
    full->link = link;
    if (link) {
        ask_page(full);
    } else if (full->seen == 0) {
        full_end(full, HUB_FAILED, "IoT Hub's list of the scope is empty");
    } else {
        hub_cache_sweep(&full->auth->cache, full->auth->round);
        full_end(full, HUB_OK, "");
    }
}

static void page_done(int status, const char *json, size_t len, const struct edge_err *err,
                      void *arg)
{
    struct auth_full *full = arg;
    struct edge_err why = {0};
    char *link = NULL;

    if (!full->auth) {
        free(full->link);
        free(full);
        return;
    }
    auth_note_answer(full->auth, status);
    if (status != 200) {
        full_end(full, status == 0 ? HUB_UNAVAILABLE : HUB_FAILED, err->text);
    } else if (hub_scope_read(json, len, put_all, full, &link, &why) < 0) {
        full_end(full, HUB_FAILED, why.text);
    } else {
        auth_decide_listed(full->auth);
        page_end(full, link);
    }
}

static void ask_page(struct auth_full *full)
{
    const struct hub_scope_source *source = full->auth->options.source;

    source->page(source->self, full->link, page_done, full);
}

void auth_full_start(struct hub_auth *auth)
{
    if (auth->full)
        return;
    auth->full = calloc(1, sizeof *auth->full);
    if (!auth->full) {
        edge_timer_arm(auth->timer, RETRY_MS);
        auth->full_waits = auth_tell(auth->full_waits, HUB_FAILED, "no memory");
        return;
    }
    edge_timer_disarm(auth->timer);
    auth->round++;
    auth->started_ms = edge_now_ms();
    auth->full->auth = auth;
    auth->full->waits = EDGE_TAKE(auth->full_waits);
    ask_page(auth->full);
}

void auth_full_due(void *arg)
{
    auth_full_start(arg);
}

void hub_auth_online(struct hub_auth *auth)
{
    auth->away_ms = 0;
    if (auth->complete_ms == 0 || edge_now_ms() - auth->complete_ms >= auth_delay_ms(auth))
        auth_full_start(auth);
}

void auth_refresh_fini(struct hub_auth *auth)
{
    struct auth_ask *ask = auth->asks;

    auth->asks = NULL;
    auth->full_waits = auth_tell(auth->full_waits, HUB_GONE, "the hub ends");
    while (ask) {
        struct auth_ask *next = ask->next;

        ask->auth = NULL;
        ask->waits = auth_tell(ask->waits, HUB_GONE, "the hub ends");
        ask = next;
    }
    if (auth->full) {
        auth->full->waits = auth_tell(auth->full->waits, HUB_GONE, "the hub ends");
        auth->full->auth = NULL;
    }
}
