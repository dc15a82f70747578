/* Reading a group's meta. */
#include "common/base/err.h"
#include "hub/store/wire.h"

static uint64_t unzigzag(uint64_t value)
{
    return (value >> 1) ^ (~(value & 1) + 1);
}

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
        ret->number > HUB_QUEUE_LIMIT || len > HUB_STORE_NAME_MAX ||
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
        !get_number(decoder, &expires) || route > HUB_ROUTE_LIMIT || ret->number > HUB_QUEUE_LIMIT)
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
