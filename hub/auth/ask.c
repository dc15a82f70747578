/* Asking IoT Hub for one identity. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "hub/auth/internal.h"

enum meaning { SAYS, HAS_NOT, MAY_NOT, SILENT };

/* By status: hub.md 4.6.4. Refused, either the identity is in no scope of ours any more, or it is
 * our own token that is wrong; only the list of all can tell. */
static enum meaning meaning_of(int status)
{
    switch (status) {
    case 200:
        return SAYS;
    case 400:
    case 404:
        return HAS_NOT;
    case 401:
    case 403:
        return MAY_NOT;
    default:
        return SILENT;
    }
}

unsigned auth_delay_ms(const struct hub_auth *auth)
{
    return auth->options.refresh_delay_s * 1000;
}

/* So many at once, then one a second: a crowd that nobody knows is better asked for as a whole. */
static bool take_question(struct hub_auth *auth)
{
    int64_t now = edge_now_ms();
    int64_t more = (now - auth->refilled_ms) / AUTH_REFILL_MS;

    if (more > 0) {
        auth->refilled_ms += more * AUTH_REFILL_MS;
        auth->questions =
            more > AUTH_BURST - auth->questions ? AUTH_BURST : auth->questions + (unsigned) more;
    }
    if (auth->questions == 0)
        return false;
    auth->questions--;
    return true;
}

static struct auth_ask *find_ask(const struct hub_auth *auth, const struct edge_identity *who)
{
    struct auth_ask *ask = auth->asks;

    while (ask && !edge_identity_equal(&ask->who, who))
        ask = ask->next;
    return ask;
}

static bool full_is_recent(const struct hub_auth *auth)
{
    return auth->started_ms != 0 && edge_now_ms() - auth->started_ms < auth_delay_ms(auth);
}

static int64_t since_asked(const struct hub_record *record)
{
    return record->asked_ms ? edge_now_ms() - record->asked_ms : INT64_MAX;
}

/* In its time; and once before that, because a key may be rotated at any moment. But not at once:
 * whoever guesses comes again at once, and would have used it up by then. */
static bool has_had_its_share(const struct hub_auth *auth, const struct hub_record *record)
{
    unsigned delay = auth_delay_ms(auth);

    return since_asked(record) < (record->early ? delay : delay / AUTH_EARLY_PART);
}

static void note_asked(const struct hub_auth *auth, struct hub_record *record)
{
    record->early = since_asked(record) < auth_delay_ms(auth);
    record->asked_ms = edge_now_ms();
}

bool auth_may_ask(struct hub_auth *auth, const struct edge_identity *who)
{
    const struct hub_record *record = hub_cache_find(&auth->cache, who);

    if (find_ask(auth, who))
        return true;
    if (auth_is_away(auth) || (record && has_had_its_share(auth, record)))
        return false;
    if (auth->nasks < AUTH_ASKS_MAX && take_question(auth))
        return true;
    if (!record && !full_is_recent(auth))
        auth_full_start(auth);
    return false;
}

static void ask_unlink(struct auth_ask *ask)
{
    struct auth_ask **link = &ask->auth->asks;

    while (*link != ask)
        link = &(*link)->next;
    *link = ask->next;
    ask->auth->nasks--;
}

/* Of a module its device comes along. */
static void put_one(const struct hub_entry *entry, void *arg)
{
    struct auth_ask *ask = arg;

    if (strcmp(entry->who.device, ask->who.device) != 0 ||
        (*entry->who.module && strcmp(entry->who.module, ask->who.module) != 0))
        return;
    if (edge_identity_equal(&entry->who, &ask->who))
        ask->found = true;
    hub_cache_put(&ask->auth->cache, entry, ask->auth->round);
}

/* Whoever waits for an identity that IoT Hub refuses to speak of waits for the list of all. */
static void ask_all_instead(struct auth_ask *ask)
{
    struct hub_auth *auth = ask->auth;
    struct auth_wait **end = &auth->full_waits;

    while (*end)
        end = &(*end)->next;
    *end = ask->waits;
    if (ask->waits || !full_is_recent(auth))
        auth_full_start(auth);
    ask->waits = NULL;
}

static void note_gone(struct auth_ask *ask)
{
    hub_cache_gone(&ask->auth->cache, &ask->who);
}

static enum hub_result apply_one(struct auth_ask *ask, int status, const char *json, size_t len)
{
    struct hub_auth *auth = ask->auth;
    struct hub_record *record;

    switch (meaning_of(status)) {
    case SAYS:
        if (hub_scope_read(json, len, put_one, ask, NULL, NULL) < 0)
            return HUB_FAILED;
        if (!ask->found)
            note_gone(ask);
        break;
    case HAS_NOT:
        note_gone(ask);
        break;
    case MAY_NOT:
        if (hub_cache_entry(&auth->cache, &ask->who, false))
            ask_all_instead(ask);
        else
            note_gone(ask);
        break;
    case SILENT:
        return HUB_UNAVAILABLE;
    }
    record = hub_cache_find(&auth->cache, &ask->who);
    if (record)
        note_asked(auth, record);
    return HUB_OK;
}

static void ask_done(int status, const char *json, size_t len, const struct edge_err *err,
                     void *arg)
{
    struct auth_ask *ask = arg;
    struct hub_auth *auth = ask->auth;
    struct auth_wait *waits;
    enum hub_result result;

    if (!auth) {
        free(ask);
        return;
    }
    auth_note_answer(auth, status);
    result = apply_one(ask, status, json, len);
    waits = EDGE_TAKE(ask->waits);
    ask_unlink(ask); /* who asks again from now on asks anew */
    auth_settle(auth);
    auth_decide(auth, ask);
    free(ask);
    auth_tell(waits, result, result == HUB_OK ? "" : err->text);
}

struct auth_ask *auth_ask(struct hub_auth *auth, const struct edge_identity *who)
{
    struct auth_ask *ask = find_ask(auth, who);

    if (ask)
        return ask;
    ask = calloc(1, sizeof *ask);
    if (!ask)
        return NULL;
    ask->auth = auth;
    ask->who = *who;
    ask->next = auth->asks;
    auth->asks = ask;
    auth->nasks++;
    auth->options.source->one(auth->options.source->self, who, ask_done, ask);
    return ask;
}

void hub_auth_refresh(struct hub_auth *auth, const struct edge_identity *who, hub_done *done,
                      void *arg)
{
    struct auth_wait *wait = calloc(1, sizeof *wait);
    struct auth_ask *ask = wait && who ? auth_ask(auth, who) : NULL;
    struct auth_wait **list = who ? (ask ? &ask->waits : NULL) : &auth->full_waits;

    if (!wait || !list) {
        free(wait);
        done(HUB_FAILED, "no memory", arg);
        return;
    }
    *wait = (struct auth_wait){.done = done, .arg = arg, .next = *list};
    *list = wait;
    if (!who)
        auth_full_start(auth);
}
