#include "hub/store/body.h"

#include <errno.h>
#include <stdlib.h>

enum { COST = sizeof(struct hub_body) + 16 }; /* what a body takes besides its bytes */

struct hub_body *hub_body_create(uint64_t message, struct edge_bytes data)
{
    struct hub_body *body = malloc(sizeof *body + data.len);

    if (!body)
        return NULL;
    *body = (struct hub_body){.message = message, .len = (uint32_t) data.len, .refs = 1};
    if (data.len > 0)
        memcpy(body->data, data.data, data.len);
    return body;
}

struct hub_body *hub_body_ref(struct hub_body *body)
{
    body->refs++;
    return body;
}

struct hub_body *hub_body_unref(struct hub_body *body)
{
    if (body && --body->refs == 0)
        free(body);
    return NULL;
}

int hub_recent_init(struct hub_recent *recent, size_t max)
{
    *recent = (struct hub_recent){.nbuckets = 256, .max = max};
    while (recent->nbuckets < max / 512) /* bodies of half a kilobyte find a bucket each */
        recent->nbuckets *= 2;
    recent->buckets = calloc(recent->nbuckets, sizeof(struct hub_body *));
    return recent->buckets ? 0 : -ENOMEM;
}

static struct hub_body **place(const struct hub_recent *recent, uint64_t message)
{
    struct hub_body **at = &recent->buckets[message & (recent->nbuckets - 1)];

    while (*at && (*at)->message != message)
        at = &(*at)->chained;
    return at;
}

/* Whom a bucket points to, if anyone. */
static void take_out(struct hub_recent *recent, struct hub_body **at)
{
    struct hub_body *body = *at;

    if (!body)
        return;
    *at = body->chained;
    *(body->older ? &body->older->newer : &recent->oldest) = body->newer;
    *(body->newer ? &body->newer->older : &recent->newest) = body->older;
    body->recent = false;
    recent->count--;
    recent->bytes -= body->len + COST;
    hub_body_unref(body);
}

void hub_recent_add(struct hub_recent *recent, struct hub_body *body)
{
    struct hub_body **bucket = &recent->buckets[body->message & (recent->nbuckets - 1)];

    if (body->len + COST > recent->max)
        return;
    hub_body_ref(body);
    body->recent = true;
    body->chained = *bucket;
    *bucket = body;
    body->newer = NULL;
    body->older = recent->newest;
    *(body->older ? &body->older->newer : &recent->oldest) = body;
    recent->newest = body;
    recent->count++;
    recent->bytes += body->len + COST;
    while (recent->bytes > recent->max)
        take_out(recent, place(recent, recent->oldest->message));
}

struct hub_body *hub_recent_find(const struct hub_recent *recent, uint64_t message)
{
    return *place(recent, message);
}

void hub_recent_forget(struct hub_recent *recent, uint64_t message)
{
    take_out(recent, place(recent, message));
}

void hub_recent_fini(struct hub_recent *recent)
{
    while (recent->oldest)
        take_out(recent, place(recent, recent->oldest->message));
    free(recent->buckets);
    *recent = (struct hub_recent){0};
}
