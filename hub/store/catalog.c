#include "hub/store/catalog.h"

#include <stdlib.h>

void hub_catalog_add(struct hub_catalog *catalog, uint64_t message, uint64_t at)
{
    hub_live_add(&catalog->live, message);
    if (!catalog->first)
        catalog->first = message;
    catalog->last = message;
    if (catalog->nmarks > 0 && at < catalog->marks[catalog->nmarks - 1].at + HUB_MARK_BYTES)
        return;
    if (catalog->nmarks == catalog->size) {
        size_t size = catalog->size ? catalog->size * 2 : 8;
        struct hub_mark *marks = realloc(catalog->marks, size * sizeof *marks);

        if (!marks)
            abort();
        catalog->marks = marks;
        catalog->size = size;
    }
    catalog->marks[catalog->nmarks++] = (struct hub_mark){message, (uint32_t) at};
}

const struct hub_mark *hub_catalog_find(const struct hub_catalog *catalog, uint64_t message)
{
    size_t low = 0;
    size_t high = catalog->nmarks;

    if (message < catalog->first || message > catalog->last)
        return NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (catalog->marks[middle].message <= message)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &catalog->marks[low - 1] : NULL;
}

void hub_catalog_fini(struct hub_catalog *catalog)
{
    hub_live_fini(&catalog->live);
    free(catalog->marks);
    *catalog = (struct hub_catalog){0};
}
