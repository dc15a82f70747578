#include "hub/amqp/mapping.h"
#include "hub/cloud/amqp/trunk.h"
#include "hub/cloud/amqp/words.h"

/* ---- methods ---- */

void hub_twig_called(struct hub_limb *limb, const struct hub_amqp_message *message,
                     pn_delivery_t *delivery)
{
    const struct hub_cloud_options *options = &limb->trunk->options;
    struct hub_twig *twig = limb->twig;
    struct hub_words_call call;

    hub_limb_settle(limb, delivery, HUB_ACCEPTED, 0);
    if ((twig->wanted & EDGE_FEATURE_METHODS) && hub_words_call(message, &call))
        options->events.method(&twig->who, call.rid, call.name, call.payload, options->arg);
}

/* ---- cloud-to-device messages ---- */

/* @return a free one, or NULL; @p ret_kept  those that are not */
static struct hub_lock *free_lock(struct hub_twig *twig, unsigned *ret_kept)
{
    struct hub_lock *found = NULL;

    *ret_kept = 0;
    for (unsigned i = 0; i < HUB_TWIG_LOCKS_MAX; i++) {
        if (twig->locks[i].number == 0)
            found = &twig->locks[i];
        else
            (*ret_kept)++;
    }
    return found;
}

void hub_twig_deliver(struct hub_limb *limb, const struct hub_amqp_message *message,
                      pn_delivery_t *delivery)
{
    const struct hub_cloud_options *options = &limb->trunk->options;
    struct hub_twig *twig = limb->twig;
    struct edge_message mapped;
    unsigned kept;
    struct hub_lock *lock = free_lock(twig, &kept);
    int rc = hub_amqp_from_cloud(message, &mapped);

    if (rc < 0 || !lock || !(twig->wanted & EDGE_FEATURE_C2D)) {
        hub_limb_settle(limb, delivery,
                        rc == EDGE_EINVALID || rc == EDGE_ELIMIT ? HUB_REJECTED : HUB_RELEASED,
                        kept);
    } else {
        *lock = (struct hub_lock){++limb->trunk->next_id, delivery};
        options->events.message(&twig->who, &mapped, lock->number, options->arg);
    }
    edge_message_fini(&mapped);
}

void hub_twig_settle(struct hub_trunk *trunk, const struct edge_identity *who, uint64_t number,
                     enum hub_outcome outcome)
{
    struct hub_twig *twig = hub_trunk_find(trunk, who);
    struct hub_limb *limb = twig ? &twig->limbs[LIMB_C2D] : NULL;
    unsigned kept;

    for (unsigned i = 0; limb && limb->engine && number && i < HUB_TWIG_LOCKS_MAX; i++) {
        pn_delivery_t *delivery = twig->locks[i].delivery;

        if (twig->locks[i].number != number)
            continue;
        twig->locks[i] = (struct hub_lock){0};
        (void) free_lock(twig, &kept);
        hub_limb_settle(limb, delivery, outcome, kept);
        hub_trunk_attend(twig);
        return;
    }
}
