#include "hub/store/record.h"

#include "common/base/err.h"
#include "hub/store/crc.h"
#include "hub/store/wire.h"

enum { BODY_TAG = 0xB5 };

static const uint8_t segment_magic[8] = "EdHubLg";
const uint8_t hub_group_magic[4] = {0x9D, 'H', 'g', 0xE1};

void hub_segment_head_write(const struct hub_segment_head *head, uint8_t out[HUB_SEGMENT_HEAD])
{
    uint8_t *at = out + 12;

    memset(out, 0, HUB_SEGMENT_HEAD);
    memcpy(out, segment_magic, sizeof segment_magic);
    at = hub_put32(at, head->version);
    at = hub_put64(at, head->id);
    at = hub_put64(at, head->last_id);
    at = hub_put64(at, head->salt);
    at = hub_put64(at, head->before_salt);
    at = hub_put64(at, head->before_end);
    (void) hub_put32(at, head->generation);
    (void) hub_put32(out + 8, hub_crc32c(0, out + 12, HUB_SEGMENT_HEAD - 12));
}

int hub_segment_head_read(const uint8_t in[HUB_SEGMENT_HEAD], struct hub_segment_head *ret)
{
    *ret = (struct hub_segment_head){0};
    if (memcmp(in, segment_magic, sizeof segment_magic) != 0 ||
        hub_get32(in + 8) != hub_crc32c(0, in + 12, HUB_SEGMENT_HEAD - 12))
        return EDGE_EINVALID;
    ret->version = hub_get32(in + 12);
    if (ret->version != HUB_LOG_VERSION)
        return 0;
    ret->id = hub_get64(in + 16);
    ret->last_id = hub_get64(in + 24);
    ret->salt = hub_get64(in + 32);
    ret->before_salt = hub_get64(in + 40);
    ret->before_end = hub_get64(in + 48);
    ret->generation = hub_get32(in + 56);
    return ret->last_id >= ret->id ? 0 : EDGE_EINVALID;
}

void hub_group_head_write(const struct hub_group_head *head, uint8_t *out)
{
    uint8_t *at = out + 8;

    memcpy(out, hub_group_magic, sizeof hub_group_magic);
    at = hub_put64(at, head->salt);
    at = hub_put64(at, head->sequence);
    at = hub_put64(at, head->next_message);
    at = hub_put32(at, head->meta_len);
    at = hub_put32(at, head->bodies_len);
    at = hub_put32(at, head->meta_sum);
    (void) hub_put32(at, 0);
    (void) hub_put32(out + 4, hub_crc32c(0, out + 8, HUB_GROUP_HEAD - 8));
}

int hub_group_head_read(const uint8_t in[HUB_GROUP_HEAD], uint64_t salt, struct hub_group_head *ret)
{
    if (memcmp(in, hub_group_magic, sizeof hub_group_magic) != 0 || hub_get64(in + 8) != salt ||
        hub_get32(in + 4) != hub_crc32c(0, in + 8, HUB_GROUP_HEAD - 8))
        return EDGE_EINVALID;
    *ret = (struct hub_group_head){
        .salt = salt,
        .sequence = hub_get64(in + 16),
        .next_message = hub_get64(in + 24),
        .meta_len = hub_get32(in + 32),
        .bodies_len = hub_get32(in + 36),
        .meta_sum = hub_get32(in + 40),
    };
    return ret->meta_len <= HUB_META_MAX && ret->bodies_len <= HUB_BODIES_MAX ? 0 : EDGE_EINVALID;
}

void hub_body_head_write(const struct hub_body_head *head, const uint8_t *data, uint8_t *out)
{
    uint32_t sum;

    (void) hub_put32(out, (uint32_t) BODY_TAG << 24 | head->len);
    (void) hub_put64(out + 8, head->message);
    (void) hub_put64(out + 16, (uint64_t) head->enqueued_ns);
    sum = hub_crc32c(0, out, 4);
    sum = hub_crc32c(sum, out + 8, 16);
    (void) hub_put32(out + 4, hub_crc32c(sum, data, head->len));
}

bool hub_body_head_read(const uint8_t in[HUB_BODY_HEAD], struct hub_body_head *ret)
{
    uint32_t first = hub_get32(in);

    *ret = (struct hub_body_head){
        .len = first & 0xffffff,
        .sum = hub_get32(in + 4),
        .message = hub_get64(in + 8),
        .enqueued_ns = (int64_t) hub_get64(in + 16),
    };
    return first >> 24 == BODY_TAG && ret->len <= HUB_STORE_BODY_MAX;
}

bool hub_body_is_whole(const uint8_t *in, const struct hub_body_head *head)
{
    uint32_t sum = hub_crc32c(0, in, 4);

    return hub_crc32c(sum, in + 8, 16 + (size_t) head->len) == head->sum;
}
