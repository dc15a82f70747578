/* What time it is for a message. Expiry follows the wall clock, but a clock that is set - at boot,
 * without a battery, by decades - does not age what waits: messages from before the jump are judged
 * as if it had not been. Jumps are forgotten when the store is closed. */
#include "common/base/clock.h"
#include "hub/store/internal.h"

/* Less than that is a clock that is being corrected. */
#define JUMP_NS ((int64_t) 60 * 1000000000)

static void remember(struct hub_store *store, int64_t by_ns)
{
    struct hub_jump *jump = &store->jumps[store->njumps];

    if (store->njumps == EDGE_ARRAY_LEN(store->jumps))
        jump--; /* the last two become one */
    else
        store->njumps++;
    jump->before = store->next_message;
    jump->by_t += by_ns / HUB_TICK_NS;
}

int64_t hub_store_now_t(struct hub_store *store)
{
    int64_t wall_ns = edge_wall_ns();
    int64_t steady_ms = edge_now_ms();
    int64_t passed_ns = (steady_ms - store->clock_steady_ms) * 1000000;
    int64_t jumped_ns = wall_ns - store->clock_wall_ns - passed_ns;

    if (store->clock_wall_ns && (jumped_ns > JUMP_NS || jumped_ns < -JUMP_NS))
        remember(store, jumped_ns);
    store->clock_wall_ns = wall_ns;
    store->clock_steady_ms = steady_ms;
    return wall_ns / HUB_TICK_NS;
}

bool hub_store_expired(const struct hub_store *store, const struct hub_entry *entry, int64_t now_t)
{
    uint64_t message = hub_entry_message(entry->id);

    for (unsigned i = 0; i < store->njumps; i++) {
        if (message < store->jumps[i].before)
            now_t -= store->jumps[i].by_t;
    }
    return entry->expires_t <= now_t;
}
