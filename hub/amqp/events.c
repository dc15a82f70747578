#include <errno.h>

#include "common/iothub/topic.h"
#include "hub/amqp/condition.h"
#include "hub/amqp/mapping.h"
#include "hub/amqp/message.h"
#include "hub/amqp/place.h"
#include "hub/amqp/ration.h"

enum { CREDIT = 200, ARENA_MAX = 2 * HUB_AMQP_MESSAGE_MAX };

/* Nothing is wrong with the message. */
static bool for_now(enum hub_result result)
{
    return result == HUB_THROTTLED || result == HUB_UNAVAILABLE || result == HUB_FAILED;
}

static void conclude(struct hub_amqp_errand *errand, enum hub_result result, const char *why)
{
    struct hub_amqp_link *link;

    if (result != HUB_OK && errand->result == HUB_OK) {
        errand->result = result;
        errand->why = edge_strdup(why);
    }
    if (--errand->left > 0)
        return;
    link = hub_amqp_errand_link(errand);
    if (link && (errand->result == HUB_OK || for_now(errand->result)))
        hub_amqp_ration_answer(link, errand->delivery, errand->result == HUB_OK);
    if (link && errand->result == HUB_OK)
        hub_amqp_settle(link, errand->delivery, HUB_AMQP_ACCEPTED, NULL, NULL);
    else if (link)
        hub_amqp_settle(link, errand->delivery, HUB_AMQP_REJECTED,
                        hub_amqp_condition(errand->result), errand->why);
    hub_amqp_errand_end(errand);
}

static void on_sent(enum hub_result result, const char *why, void *arg)
{
    conclude(arg, result, why);
}

static void refuse(struct hub_amqp_errand *errand, int rc, const char *why)
{
    if (rc == -EMSGSIZE)
        conclude(errand, HUB_TOO_LARGE, "the message is larger than 256 KiB");
    else if (rc == EDGE_EINVALID || rc == EDGE_ELIMIT || rc == EDGE_EPROTOCOL)
        conclude(errand, HUB_BAD, why);
    else
        conclude(errand, HUB_FAILED, edge_strerror(rc));
}

static int map(const struct hub_amqp_message *message, struct hub_amqp_arena *arena,
               struct edge_message *ret, struct edge_err *err)
{
    int rc = hub_amqp_borrow(message, arena, ret, err);

    return rc == 0 && edge_message_size(ret) > EDGE_MESSAGE_MAX ? -EMSGSIZE : rc;
}

static void send(struct hub_amqp_person *person, const struct hub_amqp_message *message,
                 struct hub_amqp_errand *errand)
{
    struct hub_amqp_arena arena = HUB_AMQP_ARENA_INIT(ARENA_MAX);
    struct edge_message mapped;
    struct edge_err err = {0};
    int rc = map(message, &arena, &mapped, &err);

    errand->left++;
    if (rc < 0)
        refuse(errand, rc, err.text);
    else if (person->session)
        hub_amqp_backend(person->connection)->send(person->session, &mapped, on_sent, errand);
    else
        conclude(errand, HUB_FAILED, "the session has ended");
    hub_amqp_arena_fini(&arena);
}

/* The next message of a batch. @return 0, HUB_AMQP_MESSAGE_END, or negative */
static int next(struct edge_bytes batch, size_t *at, struct hub_amqp_arena *arena,
                struct hub_amqp_message *ret)
{
    struct edge_bytes inner;
    int rc = hub_amqp_batch_next(batch, at, &inner);

    return rc == 0 ? hub_amqp_message_read(arena, inner, ret) : rc;
}

/* One answer stands for all of them, so that all of them are looked at before any is taken. */
static int check(struct edge_bytes batch, struct edge_err *err)
{
    size_t at = 0;
    unsigned n = 0;
    int rc;

    do {
        struct hub_amqp_arena arena = HUB_AMQP_ARENA_INIT(ARENA_MAX);
        struct hub_amqp_message message;
        struct edge_message mapped;

        rc = next(batch, &at, &arena, &message);
        if (rc == 0)
            rc = map(&message, &arena, &mapped, err);
        hub_amqp_arena_fini(&arena);
        n++;
    } while (rc == 0);
    if (rc < 0)
        return edge_wrap(err, rc, "message %u of the batch", n);
    return n > 1 ? 0 : edge_fail(err, EDGE_EINVALID, "the batch holds no message");
}

/* Every data section is a message of its own. */
static void send_batch(struct hub_amqp_person *person, struct edge_bytes batch,
                       struct hub_amqp_errand *errand)
{
    struct edge_err err = {0};
    size_t at = 0;
    int rc = check(batch, &err);

    if (rc < 0) {
        errand->left++;
        refuse(errand, rc, err.text);
    }
    while (rc == 0) {
        struct hub_amqp_arena arena = HUB_AMQP_ARENA_INIT(ARENA_MAX);
        struct hub_amqp_message message;

        rc = next(batch, &at, &arena, &message);
        if (rc == 0)
            send(person, &message, errand);
        hub_amqp_arena_fini(&arena);
    }
}

static void on_message(struct hub_amqp_link *link, uint64_t delivery,
                       const struct hub_amqp_message *message, void *arg)
{
    struct hub_amqp_place *place = arg;
    struct hub_amqp_errand *errand = hub_amqp_errand_begin(link, delivery, NULL);

    if (!errand) {
        hub_amqp_settle(link, delivery, HUB_AMQP_REJECTED, "amqp:internal-error", "out of memory");
        return;
    }
    errand->left = 1; /* ours: answers may come at once */
    if (link->format == HUB_AMQP_FORMAT_BATCH)
        send_batch(place->person, link->encoded, errand);
    else
        send(place->person, message, errand);
    conclude(errand, HUB_OK, "");
}

const struct hub_amqp_place_kind hub_amqp_events = {
    .credit = CREDIT,
    .ops = {.message = on_message, .detached = hub_amqp_place_left},
};
