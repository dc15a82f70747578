#include "hub/mqtt/window.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 4 };

static unsigned larger(unsigned size, unsigned max)
{
    unsigned next = size ? 2 * size : FIRST_SIZE;

    return next < max ? next : max;
}

static int grow_ring(struct mqtt_requests *r)
{
    unsigned size = larger(r->size, r->max);
    struct mqtt_request *ring = calloc(size, sizeof *ring);

    if (!ring)
        return -ENOMEM;
    for (unsigned i = 0; i < r->count; i++)
        ring[i] = r->ring[(r->first + i) % r->size];
    free(r->ring);
    r->ring = ring;
    r->size = size;
    r->first = 0;
    return 0;
}

int mqtt_requests_add(struct mqtt_requests *r, const struct mqtt_request *request,
                      uint32_t *ret_ticket)
{
    int rc = r->count == r->size ? grow_ring(r) : 0;

    if (rc < 0)
        return rc;
    assert(r->count < r->size);
    r->ring[(r->first + r->count) % r->size] = *request;
    *ret_ticket = r->ticket + r->count;
    r->count++;
    r->bytes += request->bytes;
    return 0;
}

void mqtt_requests_done(struct mqtt_requests *r, uint32_t ticket, uint64_t granted)
{
    uint32_t at = ticket - r->ticket; /* wraps as tickets do */

    if (at < r->count) {
        struct mqtt_request *request = &r->ring[(r->first + at) % r->size];

        request->done = true;
        request->granted = granted;
    }
}

bool mqtt_requests_next(struct mqtt_requests *r, struct mqtt_request *ret)
{
    if (r->count == 0 || !r->ring[r->first].done)
        return false;
    *ret = r->ring[r->first];
    r->first = (r->first + 1) % r->size;
    r->count--;
    r->bytes -= ret->bytes;
    r->ticket++;
    return true;
}

void mqtt_requests_fini(struct mqtt_requests *r)
{
    free(r->ring);
    *r = (struct mqtt_requests){.max = r->max, .max_bytes = r->max_bytes};
}

static bool id_used(const struct mqtt_sent *s, uint16_t id)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->ones[i].id == id)
            return true;
    return false;
}

static int grow_sent(struct mqtt_sent *s)
{
    unsigned size = larger(s->size, s->max);
    struct mqtt_sent_one *ones = realloc(s->ones, size * sizeof *ones);

    if (!ones)
        return -ENOMEM;
    s->ones = ones;
    s->size = size;
    return 0;
}

int mqtt_sent_add(struct mqtt_sent *s, uint64_t tag, uint16_t *ret_id)
{
    int rc = s->count == s->size ? grow_sent(s) : 0;

    if (rc < 0)
        return rc;
    assert(s->count < s->size);
    do {
        s->last++;
    } while (s->last == 0 || id_used(s, s->last));
    s->ones[s->count++] = (struct mqtt_sent_one){tag, s->last};
    *ret_id = s->last;
    return 0;
}

bool mqtt_sent_ack(struct mqtt_sent *s, uint16_t id, uint64_t *ret_tag)
{
    for (unsigned i = 0; i < s->count; i++) {
        if (s->ones[i].id != id)
            continue;
        *ret_tag = s->ones[i].tag;
        s->count--;
        memmove(&s->ones[i], &s->ones[i + 1], (s->count - i) * sizeof *s->ones);
        return true;
    }
    return false;
}

void mqtt_sent_fini(struct mqtt_sent *s)
{
    free(s->ones);
    *s = (struct mqtt_sent){.max = s->max};
}
