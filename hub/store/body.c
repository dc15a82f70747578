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

static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9E3779B97F4A7C15U;
    return sum ^ sum >> 29;
}

static uint64_t word_at(const struct hub_body *body, size_t at)
{
    uint64_t word = 0;
    size_t left = body->len - at;

    memcpy(&word, body->data + at, left < sizeof word ? left : sizeof word);
    return word;
}

/* Four sums side by side, each in a variable of its own: a processor works on all at once. */
uint32_t hub_body_sum(const struct hub_body *body)
{
    uint64_t sum = mix(mix(body->len, body->message), (uint64_t) body->enqueued_ns);
    uint64_t a = 1, b = 2, c = 3, d = 4; /* blocks that change places change the sum */
    uint64_t words[4];
    size_t at = 0;

    for (; body->len - at >= sizeof words; at += sizeof words) {
        memcpy(words, body->data + at, sizeof words);
        a = mix(a, words[0]);
        b = mix(b, words[1]);
        c = mix(c, words[2]);
        d = mix(d, words[3]);
    }
    sum = mix(mix(mix(mix(sum, a), b), c), d);
    for (; at < body->len; at += sizeof words[0])
        sum = mix(sum, word_at(body, at));
    return (uint32_t) (sum ^ sum >> 32);
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
