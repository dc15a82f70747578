#include "hub/store/live.h"

#include <stdlib.h>

static struct hub_live_word *find(const struct hub_live *live, uint64_t base)
{
    size_t low = 0;
    size_t high = live->nwords;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (live->words[middle].base < base)
            low = middle + 1;
        else
            high = middle;
    }
    return low < live->nwords && live->words[low].base == base ? &live->words[low] : NULL;
}

static struct hub_live_word *append(struct hub_live *live, uint64_t base)
{
    if (live->nwords == live->size) {
        size_t size = live->size ? live->size * 2 : 8;
        struct hub_live_word *words = realloc(live->words, size * sizeof *words);

        if (!words)
            abort();
        live->words = words;
        live->size = size;
    }
    live->words[live->nwords] = (struct hub_live_word){.base = base};
    return &live->words[live->nwords++];
}

void hub_live_add(struct hub_live *live, uint64_t number)
{
    struct hub_live_word *last = live->nwords > 0 ? &live->words[live->nwords - 1] : NULL;

    if (!last || last->base != number / 64)
        last = append(live, number / 64);
    last->bits |= (uint64_t) 1 << number % 64;
    live->count++;
}

bool hub_live_has(const struct hub_live *live, uint64_t number)
{
    const struct hub_live_word *word = find(live, number / 64);

    return word && word->bits >> number % 64 & 1;
}

uint64_t hub_live_bits(const struct hub_live *live, uint64_t base)
{
    const struct hub_live_word *word = find(live, base);

    return word ? word->bits : 0;
}

bool hub_live_remove(struct hub_live *live, uint64_t number)
{
    struct hub_live_word *word = find(live, number / 64);
    uint64_t bit = (uint64_t) 1 << number % 64;

    if (!word || !(word->bits & bit))
        return false;
    word->bits &= ~bit;
    if (--live->count == 0)
        hub_live_fini(live);
    return true;
}

void hub_live_fini(struct hub_live *live)
{
    free(live->words);
    *live = (struct hub_live){0};
}
