#include "tests/unit/hub/fake_backend.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void note(struct fake_backend *fake, const char *fmt, ...) EDGE_PRINTF(2, 3);
static void note(struct fake_backend *fake, const char *fmt, ...)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0 || edge_buf_puts(&fake->notes, text) < 0)
        abort();
    va_end(args);
}

static int shown(size_t len)
{
    return len < 1000 ? (int) len : 1000;
}

static void finish(struct fake_backend *fake, const struct fake_held *held)
{
    struct hub_grant grant = {fake->granted, fake->until_s, "fake says so"};

    if (held->grant)
        held->grant(&grant, held->arg);
    else if (held->twin)
        held->twin(fake->result, "fake says so", fake->twin, strlen(fake->twin), held->arg);
    else if (held->version)
        held->version(fake->result, "fake says so", fake->version, held->arg);
    else
        held->done(fake->result, "fake says so", held->arg);
}

static void answer(struct fake_backend *fake, struct fake_held held)
{
    if (!fake->hold) {
        finish(fake, &held);
        return;
    }
    if (fake->nheld == FAKE_HELD)
        abort();
    fake->held[fake->nheld++] = held;
}

void fake_answer(struct fake_backend *fake)
{
    struct fake_held held = fake->held[0];

    if (fake->nheld == 0)
        abort();
    fake->nheld--;
    memmove(fake->held, fake->held + 1, fake->nheld * sizeof held);
    finish(fake, &held);
}

static void authenticate(void *backend, const struct hub_claim *claim, hub_grant_done *done,
                         void *arg)
{
    struct fake_backend *fake = backend;
    char name[2 * EDGE_ID_MAX + 2];

    edge_identity_format(&claim->who, name, sizeof name);
    note(fake, "auth %s %s%s%s;", name, claim->token ? claim->token : "-",
         claim->certificate ? " " : "", claim->certificate ? claim->certificate->cn : "");
    if (*claim->client || *claim->model_id || *claim->auth_chain)
        note(fake, "is %s|%s|%s;", claim->client, claim->model_id, claim->auth_chain);
    answer(fake, (struct fake_held){.grant = done, .arg = arg});
}

struct hub_session *fake_session(struct fake_backend *fake, const char *name)
{
    for (size_t i = 0; i < FAKE_SESSIONS; i++) {
        char mine[2 * EDGE_ID_MAX + 2];

        edge_identity_format(&fake->sessions[i].who, mine, sizeof mine);
        if (fake->sessions[i].open && strcmp(mine, name) == 0)
            return &fake->sessions[i];
    }
    return NULL;
}

void fake_close(struct hub_session *session, enum hub_result why)
{
    struct hub_events events = session->events;

    session->open = false;
    session->kept = session->keep;
    events.closed(why, session->arg);
}

/* The slot of an identity: its kept one, or a free one. */
static struct hub_session *slot(struct fake_backend *fake, const struct edge_identity *who)
{
    for (size_t i = 0; i < FAKE_SESSIONS; i++)
        if (fake->sessions[i].kept && edge_identity_equal(&fake->sessions[i].who, who))
            return &fake->sessions[i];
    for (size_t i = 0; i < FAKE_SESSIONS; i++)
        if (!fake->sessions[i].open && !fake->sessions[i].kept)
            return &fake->sessions[i];
    abort();
}

static int open_session(void *backend, const struct hub_claim *claim, const struct hub_grant *grant,
                        bool keep, const struct hub_events *events, void *arg,
                        unsigned *ret_features, struct hub_session **ret)
{
    struct fake_backend *fake = backend;
    char name[2 * EDGE_ID_MAX + 2];
    struct hub_session *s;
    bool resumed;

    (void) grant;
    edge_identity_format(&claim->who, name, sizeof name);
    note(fake, "open %s;", keep ? "keep" : "clean");
    if (*claim->model_id)
        note(fake, "model %s of %s;", claim->model_id, claim->client);
    if (fake->open_rc < 0)
        return fake->open_rc;
    if (fake_session(fake, name))
        fake_close(fake_session(fake, name), HUB_CONFLICT);
    s = slot(fake, &claim->who);
    resumed = keep && s->kept;
    *s = (struct hub_session){
        .fake = fake,
        .events = *events,
        .arg = arg,
        .who = claim->who,
        .open = true,
        .keep = keep,
        .features = resumed ? s->features : 0,
    };
    *ret_features = s->features;
    *ret = s;
    return resumed ? HUB_RESUMED : fake->forgets ? HUB_FORGETTING : 0;
}

static void close_session(struct hub_session *s)
{
    struct fake_backend *fake = s->fake;

    note(fake, "close;");
    s->open = false;
    s->kept = s->keep;
    if (!fake->gone)
        return;
    fake->result = HUB_GONE;
    while (fake->nheld > 0)
        fake_answer(fake);
}

static void extend(struct hub_session *s, const struct hub_grant *grant)
{
    (void) grant;
    note(s->fake, "extend %s;", *s->who.module ? s->who.module : s->who.device);
}

static int want_input(struct hub_session *s, const char *name, bool on)
{
    note(s->fake, "%s %s;", on ? "want" : "unwant", name);
    if (on && s->inputs == 3)
        return EDGE_ELIMIT;
    s->inputs = on ? s->inputs + 1 : s->inputs - 1;
    return (int) s->inputs;
}

static void subscribe(struct hub_session *s, unsigned on, unsigned off, hub_done *done, void *arg)
{
    s->features = (s->features | on) & ~off;
    note(s->fake, "sub %u %u;", on, off);
    answer(s->fake, (struct fake_held){.done = done, .arg = arg});
}

static void send_message(struct hub_session *s, const struct edge_message *m, hub_done *done,
                         void *arg)
{
    note(s->fake, "send %.*s", shown(m->len), m->len ? (const char *) m->body : "");
    for (size_t i = 0; i < EDGE_SYS_MAX; i++)
        if (m->sys[i])
            note(s->fake, " %s=%s", edge_sys_name((enum edge_sys) i), m->sys[i]);
    for (size_t i = 0; i < m->nproperties; i++)
        note(s->fake, " %s=%s", m->properties[i].name,
             m->properties[i].value ? m->properties[i].value : "-");
    note(s->fake, ";");
    answer(s->fake, (struct fake_held){.done = done, .arg = arg});
}

static void twin_get(struct hub_session *s, hub_twin_done *done, void *arg)
{
    note(s->fake, "twin;");
    answer(s->fake, (struct fake_held){.twin = done, .arg = arg});
}

static void twin_patch(struct hub_session *s, const char *patch, size_t len, hub_version_done *done,
                       void *arg)
{
    note(s->fake, "patch %.*s;", (int) len, len ? patch : "");
    s->fake->version++;
    answer(s->fake, (struct fake_held){.version = done, .arg = arg});
}

static bool method_reply(struct hub_session *s, const char *rid, int status,
                         struct edge_bytes payload)
{
    note(s->fake, "reply %s %d %.*s;", rid, status, shown(payload.len),
         payload.len ? (const char *) payload.data : "");
    return true;
}

static void settle(struct hub_session *s, uint64_t lock, enum hub_outcome outcome)
{
    note(s->fake, "settle %d %d;", (int) lock, (int) outcome);
}

static void pause_session(struct hub_session *s, bool paused)
{
    s->paused = paused;
    note(s->fake, paused ? "pause;" : "resume;");
}

static const struct hub_backend_ops ops = {
    .authenticate = authenticate,
    .open = open_session,
    .close = close_session,
    .extend = extend,
    .input = want_input,
    .subscribe = subscribe,
    .send = send_message,
    .twin_get = twin_get,
    .twin_patch = twin_patch,
    .method_reply = method_reply,
    .settle = settle,
    .pause = pause_session,
};

void fake_backend_init(struct fake_backend *fake)
{
    *fake = (struct fake_backend){
        .backend = {&ops, fake},
        .until_s = INT64_MAX,
        .version = 1,
        .twin = "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}",
    };
    edge_buf_init(&fake->notes, 1 << 20);
}

void fake_backend_fini(struct fake_backend *fake)
{
    for (size_t i = 0; i < FAKE_SESSIONS; i++)
        if (fake->sessions[i].open)
            fake_close(&fake->sessions[i], HUB_UNAVAILABLE);
    fake->result = HUB_GONE;
    fake->granted = HUB_GONE;
    while (fake->nheld > 0)
        fake_answer(fake);
    edge_buf_fini(&fake->notes);
}
