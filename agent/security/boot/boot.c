#include "agent/security/boot/boot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/pause.h"

enum { REFUSED_PAUSE_MS = 300000 };
static const struct edge_pauses waits = {5000, 300000};

enum state { NONE, RECALLING, ASKING, ADOPTING, WAITING, READY, OFF, STATES };
enum event { FOUND, ADOPTED, FAILED, TIME, AGAIN, EVENTS };

struct sec_boot {
    struct sec_boot_options options;
    enum state state;
    struct edge_timer *timer;
    unsigned wait_ms; /* the last one; 0: none yet */
    bool ready;
    bool closed;
    bool other;         /* adopted another device than before */
    bool anew;          /* look at our own identity in the cloud even if it is remembered */
    int64_t refused_ms; /* when a refusal was followed last, 0: never */
    struct edge_err why;

    /* of the work under way */
    bool offline;
    struct sec_device device;
    int rc;
    struct edge_err err;
};

static void step(struct sec_boot *b, enum event event);

/* ---- work ---- */

static void work_provision(void *arg)
{
    struct sec_boot *b = arg;
    const struct sec_provision p = {
        .config = b->options.config,
        .cache = b->options.cache,
        .cloud = b->options.cloud,
        .offline = b->offline,
    };

    b->rc = sec_provision(&p, &b->device, &b->err);
}

static void work_adopt(void *arg)
{
    struct sec_boot *b = arg;
    struct sec_identity agent;

    b->rc = 0;
    if (b->device.id) {
        b->rc = sec_self_adopt(b->options.self, &b->device, &b->err);
        b->other = b->other || b->rc == 0;
    }
    if (b->rc >= 0)
        b->rc = sec_self_ensure(b->options.self, SEC_AGENT_MODULE, NULL, b->anew, &agent, &b->err);
}

static void done(void *arg)
{
    struct sec_boot *b = arg;

    if (b->closed)
        return;
    if (b->rc < 0)
        b->why = b->err;
    if (b->rc < 0)
        step(b, FAILED);
    else
        step(b, b->state == ADOPTING ? ADOPTED : FOUND);
}

static void submit(struct sec_boot *b, struct edge_pool *pool, void (*work)(void *arg))
{
    b->err = (struct edge_err){0};
    edge_pool_submit(pool, work, done, b);
}

/* ---- what is done on the way ---- */

static void recall(struct sec_boot *b)
{
    b->offline = true;
    submit(b, b->options.asker, work_provision);
}

static void ask(struct sec_boot *b)
{
    b->offline = false;
    submit(b, b->options.asker, work_provision);
}

static void adopt(struct sec_boot *b)
{
    submit(b, b->options.writer, work_adopt);
}

static void wait_a_while(struct sec_boot *b)
{
    b->wait_ms = edge_pause_longer(b->wait_ms, &waits);
    edge_timer_arm(b->timer, b->wait_ms + edge_random_below(b->wait_ms / 4));
    edge_warn("not provisioned yet: %s", b->why.text);
}

static bool by_dps(const struct sec_boot *b)
{
    return strcmp(b->options.config->source, "dps") == 0;
}

static void try_again(struct sec_boot *b)
{
    struct sec_self_names names;

    if (!sec_self_names(b->options.self, &names) || (b->anew && by_dps(b))) {
        b->state = ASKING;
        ask(b);
    } else {
        b->state = ADOPTING;
        adopt(b);
    }
}

static void begin_ready(struct sec_boot *b)
{
    struct sec_self_names names;
    bool first = !b->ready;

    b->ready = true;
    b->wait_ms = 0;
    b->anew = false;
    if (sec_self_names(b->options.self, &names) && (first || b->other))
        edge_info("provisioned hub=%s device=%s", names.hub, names.device);
    if (first || b->other)
        b->options.ready(!first && b->other, b->options.arg);
    b->other = false;
    if (first && by_dps(b) && b->options.config->always_reprovision && b->offline)
        step(b, AGAIN);
}

static void still_ready(struct sec_boot *b)
{
    edge_warn("not provisioned anew, the device stays as it is: %s", b->why.text);
}

static const struct way {
    enum state next; /* NONE: no such way */
    void (*act)(struct sec_boot *b);
} ways[STATES][EVENTS] = {
    [RECALLING] = {[FOUND] = {ADOPTING, adopt}, [FAILED] = {ASKING, ask}},
    [ASKING] = {[FOUND] = {ADOPTING, adopt}, [FAILED] = {WAITING, wait_a_while}},
    [ADOPTING] = {[ADOPTED] = {READY, begin_ready}, [FAILED] = {WAITING, wait_a_while}},
    [WAITING] = {[TIME] = {WAITING, try_again}, [AGAIN] = {WAITING, try_again}},
    [READY] = {[AGAIN] = {WAITING, try_again}},
};

static void step(struct sec_boot *b, enum event event)
{
    const struct way *way = &ways[b->state][event];

    if (way->next == NONE)
        return;
    if (event == FAILED && b->rc == EDGE_EUNSUPPORTED) {
        b->state = OFF;
        edge_info("%s", b->why.text);
    } else if (event == FAILED && b->ready && b->state != RECALLING) {
        b->state = READY;
        still_ready(b);
    } else {
        edge_timer_disarm(b->timer);
        b->state = way->next;
        way->act(b);
    }
}

static void on_time(void *arg)
{
    step(arg, TIME);
}

/* ---- outside ---- */

int sec_boot_open(const struct sec_boot_options *options, struct sec_boot **ret)
{
    struct sec_boot *b = calloc(1, sizeof *b);

    if (!b)
        return -ENOMEM;
    b->options = *options;
    b->timer = edge_timer_create(options->loop, on_time, b);
    if (!b->timer) {
        free(b);
        return -ENOMEM;
    }
    edge_fail(&b->why, EDGE_EUNAVAILABLE, "the device is being provisioned");
    b->state = RECALLING;
    recall(b);
    *ret = b;
    return 0;
}

static void forget(void *arg)
{
    struct sec_boot *b = arg;

    sec_device_fini(&b->device);
    free(b);
}

/* Behind what the pools still have to tell. */
struct sec_boot *sec_boot_close(struct sec_boot *b)
{
    if (!b)
        return NULL;
    b->closed = true;
    edge_timer_destroy(b->timer);
    edge_loop_post(b->options.loop, forget, b);
    return NULL;
}

const char *sec_boot_reason(const struct sec_boot *b)
{
    return b->ready ? NULL : b->why.text;
}

void sec_boot_again(struct sec_boot *b, bool asked)
{
    int64_t now = edge_now_ms();

    if (!asked) {
        if (!b->options.config->dynamic ||
            (b->refused_ms && now - b->refused_ms < REFUSED_PAUSE_MS))
            return;
        b->refused_ms = now;
    }
    b->anew = true;
    edge_info("provisioning anew: %s", asked ? "the agent asks for it" : "the cloud refuses us");
    step(b, AGAIN);
}
