/* Writing a group. */
#include <errno.h>
#include <stdlib.h>

#include "hub/store/crc.h"
#include "hub/store/wire.h"

enum { KEPT = 256 * 1024 };

static uint8_t *room(struct hub_encoder *encoder, uint8_t **buffer, size_t len, size_t *size,
                     size_t more)
{
    size_t larger = *size ? *size : 4096;
    uint8_t *new;

    if (encoder->failed)
        return NULL;
    if (len + more <= *size)
        return *buffer + len;
    while (larger < len + more)
        larger *= 2;
    new = realloc(*buffer, larger);
    if (!new) {
        encoder->failed = -ENOMEM;
        return NULL;
    }
    *buffer = new;
    *size = larger;
    return new + len;
}

static void put_bytes(struct hub_encoder *encoder, const void *data, size_t len)
{
    uint8_t *at = room(encoder, &encoder->out, encoder->len, &encoder->size, len);

    if (at && len > 0)
        memcpy(at, data, len);
    encoder->len += at ? len : 0;
}

/* Small differences, up or down, as small numbers. */
static uint64_t zigzag(uint64_t difference)
{
    return (difference << 1) ^ (difference >> 63 ? UINT64_MAX : 0);
}

static void put_number(struct hub_encoder *encoder, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;

    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (uint8_t) (value | 0x80);
    bytes[n++] = (uint8_t) value;
    put_bytes(encoder, bytes, n);
}

void hub_encoder_begin(struct hub_encoder *encoder)
{
    encoder->message = encoder->gone = 0;
    encoder->expires_t = INT64_MAX;
    if (room(encoder, &encoder->out, encoder->len, &encoder->size, HUB_GROUP_HEAD))
        encoder->len += HUB_GROUP_HEAD;
}

static void put_name(struct hub_encoder *encoder, enum hub_record_kind kind, uint64_t number,
                     const char *name)
{
    put_number(encoder, kind);
    put_number(encoder, number);
    put_number(encoder, strlen(name));
    put_bytes(encoder, name, strlen(name));
}

void hub_encoder_queue(struct hub_encoder *encoder, uint64_t number, const char *name)
{
    put_name(encoder, HUB_RECORD_QUEUE, number, name);
}

void hub_encoder_route(struct hub_encoder *encoder, uint64_t number, const char *name)
{
    put_name(encoder, HUB_RECORD_ROUTE, number, name);
}

void hub_encoder_ledger(struct hub_encoder *encoder, uint64_t route,
                        const struct hub_ledger *ledger)
{
    put_number(encoder, HUB_RECORD_LEDGER);
    put_number(encoder, route);
    put_number(encoder, ledger->in);
    put_number(encoder, ledger->delivered);
    put_number(encoder, ledger->expired);
    for (int why = 0; why < HUB_DROP_MAX; why++)
        put_number(encoder, ledger->dropped[why]);
}

void hub_encoder_gone(struct hub_encoder *encoder, uint64_t entry, uint64_t count, bool last)
{
    put_number(encoder, HUB_RECORD_GONE);
    put_number(encoder, zigzag(entry - encoder->gone));
    put_number(encoder, count << 1 | last);
    encoder->gone = entry;
}

void hub_encoder_put(struct hub_encoder *encoder, const struct hub_body_head *head,
                     const uint8_t *data, size_t ntargets, bool several)
{
    size_t more = HUB_BODY_HEAD + (size_t) head->len;
    uint8_t *at = room(encoder, &encoder->bodies, encoder->bodies_len, &encoder->bodies_size, more);

    put_number(encoder, HUB_RECORD_PUT);
    put_number(encoder, head->message - encoder->message);
    put_number(encoder, head->len);
    put_number(encoder, ntargets << 1 | several);
    encoder->message = head->message;
    if (!at)
        return;
    hub_body_head_write(head, data, at);
    if (head->len > 0)
        memcpy(at + HUB_BODY_HEAD, data, head->len);
    encoder->bodies_len += more;
}

void hub_encoder_target(struct hub_encoder *encoder, const struct hub_entry *entry, uint64_t queue)
{
    if (entry->id & HUB_ENTRY_MASK)
        put_number(encoder, entry->id & HUB_ENTRY_MASK);
    put_number(encoder, queue);
    put_number(encoder, (uint64_t) entry->route);
    put_number(encoder, zigzag((uint64_t) entry->expires_t - (uint64_t) encoder->expires_t));
    encoder->expires_t = entry->expires_t;
}

size_t hub_encoder_size(const struct hub_encoder *encoder)
{
    return encoder->len + encoder->bodies_len;
}

void hub_encoder_end(struct hub_encoder *encoder, uint64_t salt, uint64_t sequence,
                     uint64_t next_message)
{
    struct hub_group_head head = {.salt = salt, .sequence = sequence, .next_message = next_message};

    if (encoder->failed)
        return;
    head.meta_len = (uint32_t) (encoder->len - HUB_GROUP_HEAD);
    head.bodies_len = (uint32_t) encoder->bodies_len;
    head.meta_sum = hub_crc32c(0, encoder->out + HUB_GROUP_HEAD, head.meta_len);
    hub_group_head_write(&head, encoder->out);
}

/* The head last: who is killed in between has written nothing. */
int hub_encoder_write(const struct hub_encoder *encoder, const struct hub_files *files, int fd,
                      uint64_t at)
{
    int rc = encoder->failed;

    if (rc == 0 && encoder->bodies_len > 0)
        rc = files->write(fd, encoder->bodies, encoder->bodies_len, at + encoder->len);
    return rc == 0 ? files->write(fd, encoder->out, encoder->len, at) : rc;
}

void hub_encoder_reset(struct hub_encoder *encoder)
{
    if (encoder->size > KEPT || encoder->bodies_size > KEPT)
        hub_encoder_fini(encoder);
    encoder->len = encoder->bodies_len = 0;
    encoder->failed = 0;
}

void hub_encoder_fini(struct hub_encoder *encoder)
{
    free(encoder->out);
    free(encoder->bodies);
    *encoder = (struct hub_encoder){0};
}
