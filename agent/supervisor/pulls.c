/* Images on their way. One pull an image, whoever wants it; a failed one is tried again after a
 * pause that doubles up to five minutes, for ever. Nothing of supervision waits here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/supervisor/internal.h"
#include "common/base/clock.h"
#include "common/base/log.h"

static const struct agent_restart_rules pause_rules = {.unit_s = 10};

/* One attempt: lives until its result is in, also when nobody wants the image any more. */
struct attempt {
    struct agent_supervisor *sup;
    struct sup_pull *pull; /* NULL: dropped meanwhile; loop thread only */
    struct edge_cancel *cancel;
    char *image;
    bool local;
    struct agent_registry_auth *auths;
    size_t nauths;
    struct agent_image *result;
    int rc;
    struct edge_err err;
};

struct tick {
    struct agent_supervisor *sup;
    char *image;
    struct agent_pull_progress progress;
};

static bool is_local(const struct agent_module_spec *spec)
{
    return spec->pull == AGENT_PULL_NEVER;
}

static struct sup_pull *find(struct agent_supervisor *sup, const char *image, bool local)
{
    for (struct sup_pull *p = sup->pulls; p; p = p->next) {
        if (p->local == local && strcmp(p->image, image) == 0)
            return p;
    }
    return NULL;
}

struct sup_pull *sup_pull_find(struct agent_supervisor *sup, const struct agent_module_spec *spec)
{
    return find(sup, spec->image, is_local(spec));
}

static bool serves(const struct sup_pull *p, const struct agent_module_spec *spec)
{
    return p->local == is_local(spec) && strcmp(p->image, spec->image) == 0;
}

static bool is_wanted(const struct sup_pull *p)
{
    const struct agent_desired *desired = p->sup->desired;

    for (size_t i = 0; desired && i < desired->nmodules; i++) {
        if (serves(p, &desired->modules[i]))
            return true;
    }
    return false;
}

static void pull_free(struct sup_pull *p)
{
    struct sup_pull **at = &p->sup->pulls;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    edge_cancel_unref(p->cancel);
    edge_timer_destroy(p->timer);
    free(p->image);
    free(p);
}

static void attempt_free(struct attempt *a)
{
    for (size_t i = 0; i < a->nauths; i++) {
        free((char *) (uintptr_t) a->auths[i].address);
        free((char *) (uintptr_t) a->auths[i].username);
        (void) edge_wipe((char *) (uintptr_t) a->auths[i].password);
    }
    free(a->auths);
    agent_image_free(a->result);
    edge_cancel_unref(a->cancel);
    free(a->image);
    free(a);
}

static void on_tick(void *arg)
{
    struct tick *tick = arg;
    struct sup_pull *p = tick->sup->ending ? NULL : find(tick->sup, tick->image, false);

    if (p) {
        p->progress = tick->progress;
        sup_changed(tick->sup);
    }
    free(tick->image);
    free(tick);
}

static void on_progress(const struct agent_pull_progress *progress, void *arg)
{
    struct attempt *a = arg;
    struct tick *tick = calloc(1, sizeof *tick);

    if (!tick)
        return;
    *tick = (struct tick){a->sup, strdup(a->image), *progress};
    if (tick->image)
        edge_loop_post(a->sup->cfg.loop, on_tick, tick);
    else
        free(tick);
}

static void work(void *arg)
{
    struct attempt *a = arg;
    struct agent_pull pull = {
        .image = a->image,
        .auths = a->auths,
        .nauths = a->nauths,
        .cancel = a->cancel,
        .on_progress = on_progress,
        .arg = a,
    };

    if (a->local)
        a->rc = agent_images_find(a->sup->cfg.rt->images, a->image, a->cancel, &a->result, &a->err);
    else
        a->rc = agent_images_pull(a->sup->cfg.rt->images, &pull, &a->result, &a->err);
}

static void for_each_waiting(const struct sup_pull *p, void (*fn)(struct sup_module *m))
{
    for (struct sup_module *m = p->sup->modules; m; m = m->next) {
        const struct agent_module_spec *spec = sup_wanted(m);

        if (spec && serves(p, spec) && !sup_is_current(m, spec))
            fn(m);
    }
}

static void set_ready(struct sup_module *m)
{
    free(m->image_ready);
    m->image_ready = strdup(sup_wanted(m)->image);
}

static void set_tried(struct sup_module *m)
{
    m->tried = true;
}

static const char *reason(const struct sup_pull *p, int rc, const struct edge_err *err)
{
    if (p->local && rc == -ENOENT)
        return "it is not on this device and imagePullPolicy is never: load it, or set "
               "imagePullPolicy to on-create";
    return *err->text ? err->text : edge_strerror(rc);
}

static void wait_and_retry(struct sup_pull *p, const char *why)
{
    int64_t pause = agent_restart_pause_ms(&pause_rules, p->failures);

    pause = agent_with_jitter(pause, (uint32_t) edge_wall_ns());
    p->failures++;
    p->state = SUP_PULL_WAITING;
    p->retry_ms = edge_now_ms() + pause;
    (void) snprintf(p->error, sizeof p->error, "%.399s", why);
    edge_timer_arm(p->timer, (uint64_t) pause);
    edge_error("pull failed image=%s retry_s=%lld: %s", p->image, (long long) (pause / 1000), why);
    for_each_waiting(p, set_tried);
}

static void done(void *arg)
{
    struct attempt *a = arg;
    struct agent_supervisor *sup = a->sup;
    struct sup_pull *p = sup->ending ? NULL : find(sup, a->image, a->local);

    if (p && p->cancel == a->cancel) {
        p->cancel = edge_cancel_unref(p->cancel);
        if (a->rc == 0) {
            edge_info("image is here image=%s digest=%s", a->image, a->result->digest);
            for_each_waiting(p, set_ready);
            pull_free(p);
        } else {
            wait_and_retry(p, reason(p, a->rc, &a->err));
        }
        sup_changed(sup);
        sup_kick(sup);
    }
    attempt_free(a);
}

static int copy_auths(struct attempt *a, const struct agent_desired *desired)
{
    a->auths = calloc(desired->ncredentials + 1, sizeof *a->auths);
    for (size_t i = 0; a->auths && i < desired->ncredentials; i++) {
        const struct agent_credential *c = &desired->credentials[i];

        a->auths[i] = (struct agent_registry_auth){strdup(c->address), strdup(c->username),
                                                   strdup(c->password)};
        a->nauths++;
        if (!a->auths[i].address || !a->auths[i].username || !a->auths[i].password)
            return -1;
    }
    return a->auths ? 0 : -1;
}

/* NULL without memory. */
static struct attempt *make_attempt(const struct sup_pull *p)
{
    struct attempt *a = calloc(1, sizeof *a);

    if (!a)
        return NULL;
    a->sup = p->sup;
    a->image = strdup(p->image);
    a->local = p->local;
    a->cancel = edge_cancel_create();
    if (a->image && a->cancel && copy_auths(a, p->sup->desired) == 0)
        return a;
    attempt_free(a);
    return NULL;
}

static void start(struct sup_pull *p)
{
    struct attempt *a = make_attempt(p);

    if (!a) {
        p->state = SUP_PULL_WAITING;
        edge_timer_arm(p->timer, 10000);
        return;
    }
    p->state = SUP_PULL_RUNNING;
    p->cancel = edge_cancel_ref(a->cancel);
    p->progress = (struct agent_pull_progress){0};
    edge_pool_submit(p->sup->pull, work, done, a);
}

static void on_timer(void *arg)
{
    struct sup_pull *p = arg;

    if (!p->sup->ending && p->state == SUP_PULL_WAITING)
        start(p);
}

void sup_pull_want(struct agent_supervisor *sup, const struct agent_module_spec *spec)
{
    struct sup_pull *p = sup_pull_find(sup, spec);

    if (p)
        return;
    p = calloc(1, sizeof *p);
    if (!p)
        return;
    p->sup = sup;
    p->image = strdup(spec->image);
    p->local = is_local(spec);
    p->timer = edge_timer_create(sup->cfg.loop, on_timer, p);
    p->next = sup->pulls;
    sup->pulls = p;
    if (!p->image || !p->timer) {
        pull_free(p);
        return;
    }
    if (!p->local)
        edge_info("pull begins image=%s", p->image);
    start(p);
    sup_changed(sup);
}

void sup_pulls_review(struct agent_supervisor *sup)
{
    struct sup_pull *next;

    for (struct sup_pull *p = sup->pulls; p; p = next) {
        next = p->next;
        if (!is_wanted(p)) {
            edge_info("pull is dropped image=%s", p->image);
            edge_cancel_fire(p->cancel);
            pull_free(p);
        } else if (p->state == SUP_PULL_WAITING) {
            p->failures = 0; /* credentials may have changed, or the operator knows better */
            edge_timer_arm(p->timer, 0);
        }
    }
}

void sup_pulls_cancel(struct agent_supervisor *sup)
{
    for (struct sup_pull *p = sup->pulls; p; p = p->next)
        edge_cancel_fire(p->cancel);
}

void sup_pulls_free(struct agent_supervisor *sup)
{
    while (sup->pulls)
        pull_free(sup->pulls);
}
