#include "hub/store/record.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "common/base/err.h"
#include "hub/store/crc.h"

enum { BODY_TAG = 0xB5, KEPT = 256 * 1024, ROUTE_LIMIT = 1000000, QUEUE_LIMIT = 1 << 20 };

static const uint8_t segment_magic[8] = "EdHubLg";
const uint8_t hub_group_magic[4] = {0x9D, 'H', 'g', 0xE1};

static uint8_t *put32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static uint8_t *put64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

void hub_segment_head_write(const struct hub_segment_head *head, uint8_t out[HUB_SEGMENT_HEAD])
{
    uint8_t *at = out + 12;

    memset(out, 0, HUB_SEGMENT_HEAD);
    memcpy(out, segment_magic, sizeof segment_magic);
    at = put32(at, head->version);
    at = put64(at, head->id);
    at = put64(at, head->last_id);
    at = put64(at, head->salt);
    at = put64(at, head->before_salt);
    at = put64(at, head->before_end);
    (void) put32(at, head->generation);
    (void) put32(out + 8, hub_crc32c(0, out + 12, HUB_SEGMENT_HEAD - 12));
}

int hub_segment_head_read(const uint8_t in[HUB_SEGMENT_HEAD], struct hub_segment_head *ret)
{
    *ret = (struct hub_segment_head){0};
    if (memcmp(in, segment_magic, sizeof segment_magic) != 0 ||
        get32(in + 8) != hub_crc32c(0, in + 12, HUB_SEGMENT_HEAD - 12))
        return EDGE_EINVALID;
    ret->version = get32(in + 12);
    if (ret->version != HUB_LOG_VERSION)
        return 0;
    ret->id = get64(in + 16);
    ret->last_id = get64(in + 24);
    ret->salt = get64(in + 32);
    ret->before_salt = get64(in + 40);
    ret->before_end = get64(in + 48);
    ret->generation = get32(in + 56);
    return ret->last_id >= ret->id ? 0 : EDGE_EINVALID;
}

static void group_head_write(const struct hub_group_head *head, uint8_t *out)
{
    uint8_t *at = out + 8;

    memcpy(out, hub_group_magic, sizeof hub_group_magic);
    at = put64(at, head->salt);
    at = put64(at, head->sequence);
    at = put64(at, head->next_message);
    at = put32(at, head->meta_len);
    at = put32(at, head->bodies_len);
    at = put32(at, head->meta_sum);
    (void) put32(at, 0);
    (void) put32(out + 4, hub_crc32c(0, out + 8, HUB_GROUP_HEAD - 8));
}

int hub_group_head_read(const uint8_t in[HUB_GROUP_HEAD], uint64_t salt, struct hub_group_head *ret)
{
    if (memcmp(in, hub_group_magic, sizeof hub_group_magic) != 0 || get64(in + 8) != salt ||
        get32(in + 4) != hub_crc32c(0, in + 8, HUB_GROUP_HEAD - 8))
        return EDGE_EINVALID;
    *ret = (struct hub_group_head){
        .salt = salt,
        .sequence = get64(in + 16),
        .next_message = get64(in + 24),
        .meta_len = get32(in + 32),
        .bodies_len = get32(in + 36),
        .meta_sum = get32(in + 40),
    };
    return ret->meta_len <= HUB_META_MAX && ret->bodies_len <= HUB_BODIES_MAX ? 0 : EDGE_EINVALID;
}

static void body_head_write(const struct hub_body_head *head, const uint8_t *data, uint8_t *out)
{
    uint32_t sum;

    (void) put32(out, (uint32_t) BODY_TAG << 24 | head->len);
    (void) put64(out + 8, head->message);
    (void) put64(out + 16, (uint64_t) head->enqueued_ns);
    sum = hub_crc32c(0, out, 4);
    sum = hub_crc32c(sum, out + 8, 16);
    (void) put32(out + 4, hub_crc32c(sum, data, head->len));
}

bool hub_body_head_read(const uint8_t in[HUB_BODY_HEAD], struct hub_body_head *ret)
{
    uint32_t first = get32(in);

    *ret = (struct hub_body_head){
        .len = first & 0xffffff,
        .sum = get32(in + 4),
        .message = get64(in + 8),
        .enqueued_ns = (int64_t) get64(in + 16),
    };
    return first >> 24 == BODY_TAG && ret->len <= HUB_STORE_BODY_MAX;
}

bool hub_body_is_whole(const uint8_t *in, const struct hub_body_head *head)
{
    uint32_t sum = hub_crc32c(0, in, 4);

    return hub_crc32c(sum, in + 8, 16 + (size_t) head->len) == head->sum;
}

/* Writing. */

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

static uint64_t unzigzag(uint64_t value)
{
    return (value >> 1) ^ (~(value & 1) + 1);
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
    encoder->begin = encoder->len;
    encoder->bodies_len = 0;
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
    body_head_write(head, data, at);
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
    return encoder->len - encoder->begin + encoder->bodies_len;
}

void hub_encoder_end(struct hub_encoder *encoder, uint64_t salt, uint64_t sequence,
                     uint64_t next_message)
{
    struct hub_group_head head = {.salt = salt, .sequence = sequence, .next_message = next_message};
    uint8_t *at;

    if (encoder->failed)
        return;
    at = encoder->out + encoder->begin;
    head.meta_len = (uint32_t) (encoder->len - encoder->begin - HUB_GROUP_HEAD);
    head.bodies_len = (uint32_t) encoder->bodies_len;
    head.meta_sum = hub_crc32c(0, at + HUB_GROUP_HEAD, head.meta_len);
    group_head_write(&head, at);
    encoder->bodies_at = encoder->len;
    put_bytes(encoder, encoder->bodies, encoder->bodies_len);
    encoder->bodies_len = 0;
}

void hub_encoder_reset(struct hub_encoder *encoder)
{
    if (encoder->size > KEPT || encoder->bodies_size > KEPT)
        hub_encoder_fini(encoder);
    encoder->len = encoder->begin = encoder->bodies_len = 0;
    encoder->failed = 0;
}

void hub_encoder_fini(struct hub_encoder *encoder)
{
    free(encoder->out);
    free(encoder->bodies);
    *encoder = (struct hub_encoder){0};
}

/* Reading. */

void hub_decoder_init(struct hub_decoder *decoder, struct edge_bytes meta)
{
    *decoder =
        (struct hub_decoder){.at = meta.data, .end = meta.data + meta.len, .expires_t = INT64_MAX};
}

static bool get_number(struct hub_decoder *decoder, uint64_t *ret)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && decoder->at < decoder->end; shift += 7) {
        uint8_t byte = *decoder->at++;

        if (shift == 63 && byte > 1)
            return false;
        value |= (uint64_t) (byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static bool get_name(struct hub_decoder *decoder, struct hub_log_record *ret)
{
    uint64_t len;

    if (!get_number(decoder, &ret->number) || !get_number(decoder, &len) ||
        ret->number > QUEUE_LIMIT || len > HUB_STORE_NAME_MAX ||
        len > (uint64_t) (decoder->end - decoder->at) || memchr(decoder->at, '\0', len))
        return false;
    ret->name = (struct edge_bytes){decoder->at, len};
    decoder->at += len;
    return true;
}

static bool get_ledger(struct hub_decoder *decoder, struct hub_log_record *ret)
{
    bool good = get_number(decoder, &ret->number) && get_number(decoder, &ret->ledger.in) &&
                get_number(decoder, &ret->ledger.delivered) &&
                get_number(decoder, &ret->ledger.expired);

    for (int why = 0; good && why < HUB_DROP_MAX; why++)
        good = get_number(decoder, &ret->ledger.dropped[why]);
    return good;
}

static bool is_believable(uint64_t message)
{
    return message > 0 && message < (uint64_t) 1 << (62 - HUB_ENTRY_SHIFT);
}

static bool get_gone(struct hub_decoder *decoder, struct hub_log_record *ret)
{
    uint64_t distance;
    uint64_t count;

    if (!get_number(decoder, &distance) || !get_number(decoder, &count))
        return false;
    decoder->gone += unzigzag(distance);
    ret->number = decoder->gone;
    ret->count = count >> 1;
    ret->last = count & 1;
    return ret->count > 0 && ret->count <= HUB_GONE_RUN_MAX &&
           is_believable(hub_entry_message(ret->number)) &&
           is_believable(hub_entry_message(ret->number) + ret->count - 1) &&
           (ret->count == 1 || !(ret->number & HUB_ENTRY_MASK));
}

static bool get_put(struct hub_decoder *decoder, struct hub_log_record *ret)
{
    uint64_t distance;
    uint64_t size;
    uint64_t targets;

    if (!get_number(decoder, &distance) || !get_number(decoder, &size) ||
        !get_number(decoder, &targets) || distance == 0 || distance > (uint64_t) 1 << 62 ||
        size > HUB_STORE_BODY_MAX || targets < 2 || targets >> 1 > HUB_STORE_TARGETS_MAX)
        return false;
    decoder->message += distance;
    decoder->size = ret->size = (uint32_t) size;
    decoder->targets = ret->count = targets >> 1;
    decoder->several = ret->several = targets & 1;
    ret->number = decoder->message;
    return is_believable(ret->number) && (ret->several || ret->count == 1);
}

static bool get_target(struct hub_decoder *decoder, struct hub_log_record *ret)
{
    uint64_t which = 0;
    uint64_t route;
    uint64_t expires;

    ret->kind = HUB_RECORD_TARGET;
    decoder->targets--;
    if ((decoder->several &&
         (!get_number(decoder, &which) || which == 0 || which > HUB_STORE_TARGETS_MAX)) ||
        !get_number(decoder, &ret->number) || !get_number(decoder, &route) ||
        !get_number(decoder, &expires) || route > ROUTE_LIMIT || ret->number > QUEUE_LIMIT)
        return false;
    decoder->expires_t = (int64_t) ((uint64_t) decoder->expires_t + unzigzag(expires));
    ret->entry = (struct hub_entry){
        .id = decoder->message << HUB_ENTRY_SHIFT | which,
        .size = decoder->size,
        .route = (int) route,
        .expires_t = decoder->expires_t,
    };
    return true;
}

static bool get_record(struct hub_decoder *decoder, struct hub_log_record *ret)
{
    switch (ret->kind) {
    case HUB_RECORD_QUEUE:
    case HUB_RECORD_ROUTE:
        return get_name(decoder, ret);
    case HUB_RECORD_LEDGER:
        return get_ledger(decoder, ret);
    case HUB_RECORD_GONE:
        return get_gone(decoder, ret);
    case HUB_RECORD_PUT:
        return get_put(decoder, ret);
    case HUB_RECORD_TARGET:
        break;
    }
    return false;
}

int hub_decoder_next(struct hub_decoder *decoder, struct hub_log_record *ret)
{
    uint64_t kind;

    *ret = (struct hub_log_record){0};
    if (decoder->targets > 0)
        return get_target(decoder, ret) ? 1 : EDGE_EINVALID;
    if (decoder->at == decoder->end)
        return 0;
    if (!get_number(decoder, &kind) || kind > HUB_RECORD_TARGET)
        return EDGE_EINVALID;
    ret->kind = (enum hub_record_kind) kind;
    return get_record(decoder, ret) ? 1 : EDGE_EINVALID;
}
