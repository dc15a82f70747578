/* hub/store/live.h - which messages of a segment are still wanted: a bit each, in words of 64
 * neighbours, sorted. Pure. */
#ifndef HUB_STORE_LIVE_H
#define HUB_STORE_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hub_live_word {
    uint64_t base; /* number / 64 */
    uint64_t bits;
};
/** `{0}` is empty. */
struct hub_live {
    struct hub_live_word *words;
    size_t nwords, size;
    uint64_t count;
};

/** Numbers must grow. Aborts without memory: what is on disk must not be forgotten. */
void hub_live_add(struct hub_live *live, uint64_t number);
bool hub_live_has(const struct hub_live *live, uint64_t number);
/** The word of numbers base * 64 and up. */
uint64_t hub_live_bits(const struct hub_live *live, uint64_t base);
/** @return false when it was not there */
bool hub_live_remove(struct hub_live *live, uint64_t number);
void hub_live_fini(struct hub_live *live);

#endif
