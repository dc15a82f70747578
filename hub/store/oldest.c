#include "hub/store/oldest.h"

#include <errno.h>
#include <stdlib.h>

int hub_oldest_reserve(struct hub_oldest *oldest, size_t count)
{
    size_t size = oldest->size ? oldest->size : 16;
    struct hub_oldest_item **items;

    while (size < count)
        size *= 2;
    if (size == oldest->size)
        return 0;
    items = realloc(oldest->items, size * sizeof(struct hub_oldest_item *));
    if (!items)
        return -ENOMEM;
    oldest->items = items;
    oldest->size = size;
    return 0;
}

static void set(struct hub_oldest *oldest, size_t at, struct hub_oldest_item *item)
{
    oldest->items[at] = item;
    item->place = at + 1;
}

static void up(struct hub_oldest *oldest, size_t at, struct hub_oldest_item *item)
{
    while (at > 0 && oldest->items[(at - 1) / 2]->key > item->key) {
        set(oldest, at, oldest->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    set(oldest, at, item);
}

static void down(struct hub_oldest *oldest, size_t at, struct hub_oldest_item *item)
{
    for (size_t child = 2 * at + 1; child < oldest->count; child = 2 * at + 1) {
        if (child + 1 < oldest->count && oldest->items[child + 1]->key < oldest->items[child]->key)
            child++;
        if (oldest->items[child]->key >= item->key)
            break;
        set(oldest, at, oldest->items[child]);
        at = child;
    }
    set(oldest, at, item);
}

void hub_oldest_offer(struct hub_oldest *oldest, struct hub_oldest_item *item, uint64_t key)
{
    if (item->place && item->key <= key)
        return;
    item->key = key;
    up(oldest, item->place ? item->place - 1 : oldest->count++, item);
}

struct hub_oldest_item *hub_oldest_top(const struct hub_oldest *oldest)
{
    return oldest->count > 0 ? oldest->items[0] : NULL;
}

void hub_oldest_raise(struct hub_oldest *oldest, uint64_t key)
{
    oldest->items[0]->key = key;
    down(oldest, 0, oldest->items[0]);
}

void hub_oldest_pop(struct hub_oldest *oldest)
{
    oldest->items[0]->place = 0;
    oldest->count--;
    if (oldest->count > 0)
        down(oldest, 0, oldest->items[oldest->count]);
}

void hub_oldest_fini(struct hub_oldest *oldest)
{
    free(oldest->items);
    *oldest = (struct hub_oldest){0};
}
