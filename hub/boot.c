#include "hub/boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"

enum {
    TRIES = 60, /* once a second: edge-securityd may be starting, too */
    REST_MS = 1000,
    WRAPPED_MAX = 64 * 1024,
};

struct boot {
    struct edge_loop *loop;
    struct hub_store *store;
    struct hub_boot *ret;
};

/* ---- the key of what is sealed on disk ---- */

static void take_wrapped(const char *name, struct edge_bytes data, void *arg)
{
    (void) name;
    edge_ignore(edge_buf_append(arg, data.data, data.len));
}

static int keep_wrapped(const struct boot *boot, const struct edge_buf *before,
                        const struct edge_buf *now)
{
    if (before->len == now->len && memcmp(before->data, now->data, now->len) == 0)
        return 0;
    return hub_store_set(boot->store, "vault", "key",
                         (struct edge_bytes){(const uint8_t *) now->data, now->len}, NULL, NULL);
}

static int open_vault(struct boot *boot, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf wrapped = EDGE_BUF_INIT(WRAPPED_MAX);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf now = EDGE_BUF_INIT(WRAPPED_MAX);
    struct hub_boot *ret = boot->ret;
    struct edge_bytes given;
    int rc = hub_store_each(boot->store, "vault", take_wrapped, &wrapped);

    if (rc < 0)
        return edge_fail(err, rc, "cannot read the store");
    given = (struct edge_bytes){(const uint8_t *) wrapped.data, wrapped.len};
    rc = hub_vault_open(ret->workload, given, &now, &ret->vault, err);
    if (rc == EDGE_EAUTH) {
        edge_warn("what was sealed on disk is lost and will be asked for again: reason=%s",
                  err->text);
        rc = hub_vault_open(ret->workload, (struct edge_bytes){NULL, 0}, &now, &ret->vault, err);
    }
    return rc == 0 ? keep_wrapped(boot, &wrapped, &now) : rc;
}

static int get_trust(struct boot *boot, struct edge_err *err)
{
    return hub_workload_trust(boot->ret->workload, &boot->ret->trust_pem, err);
}

static int get_certificate(struct boot *boot, struct edge_err *err)
{
    return hub_workload_certificate(boot->ret->workload, &boot->ret->certificate, err);
}

/* ---- steps ---- */

static void on_rested(void *arg)
{
    edge_loop_stop(arg);
}

/* The loop runs meanwhile. */
static int rest(const struct boot *boot)
{
    struct edge_timer *timer = edge_timer_create(boot->loop, on_rested, boot->loop);

    if (!timer)
        return -ENOMEM;
    edge_timer_arm(timer, REST_MS);
    edge_loop_run(boot->loop);
    edge_timer_destroy(timer);
    return 0;
}

/* Ask edge-securityd until it answers, for a while. */
static int insist(struct boot *boot, int (*step)(struct boot *boot, struct edge_err *err),
                  struct edge_err *err)
{
    int rc = step(boot, err);

    for (int tries = 1; rc == EDGE_EUNAVAILABLE && tries < TRIES; tries++) {
        if (tries == 1)
            edge_warn("waiting for the workload API: reason=%s", err->text);
        rc = rest(boot);
        if (rc == 0)
            rc = step(boot, err);
    }
    return rc;
}

int hub_boot(struct edge_loop *loop, struct hub_store *store, const struct hub_self *self,
             struct hub_boot *ret, struct edge_err *err)
{
    static int (*const steps[])(struct boot * boot, struct edge_err * err) = {open_vault, get_trust,
                                                                              get_certificate};
    struct boot boot = {loop, store, ret};
    int rc = hub_workload_open(loop, self, &ret->workload, err);

    for (size_t i = 0; rc == 0 && i < EDGE_ARRAY_LEN(steps); i++)
        rc = insist(&boot, steps[i], err);
    return rc;
}

void hub_boot_fini(struct hub_boot *boot)
{
    boot->vault = hub_vault_close(boot->vault);
    boot->workload = hub_workload_close(boot->workload);
    hub_certificate_fini(&boot->certificate);
    boot->trust_pem = edge_free(boot->trust_pem);
}
