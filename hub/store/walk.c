#include "hub/store/walk.h"

#include "hub/store/crc.h"

enum { PIECE = 64 * 1024 };

void hub_walk_init(struct hub_walk *walk, struct hub_source *source, uint64_t salt, uint64_t limit)
{
    *walk = (struct hub_walk){
        .source = source,
        .salt = salt,
        .at = HUB_SEGMENT_HEAD,
        .limit = limit < source->size ? limit : source->size,
    };
}

/* Does it decode, to as many bytes of bodies as there are? */
static bool makes_sense(struct edge_bytes meta, uint64_t bodies_len)
{
    struct hub_decoder decoder;
    struct hub_log_record record;
    uint64_t bodies = 0;
    int rc;

    hub_decoder_init(&decoder, meta);
    while ((rc = hub_decoder_next(&decoder, &record)) == 1)
        bodies += record.kind == HUB_RECORD_PUT ? HUB_BODY_HEAD + (uint64_t) record.size : 0;
    return rc == 0 && bodies == bodies_len;
}

static bool read_group(struct hub_walk *walk, uint64_t at, struct hub_walk_group *ret)
{
    struct hub_source *source = walk->source;
    const uint8_t *in;

    if (at + HUB_GROUP_HEAD > walk->limit || !(in = source->view(source, at, HUB_GROUP_HEAD)) ||
        hub_group_head_read(in, walk->salt, &ret->head) < 0 || ret->head.sequence <= walk->sequence)
        return false;
    ret->at = at;
    ret->bodies = at + HUB_GROUP_HEAD + ret->head.meta_len;
    ret->end = ret->bodies + ret->head.bodies_len;
    if (ret->end > walk->limit)
        return false;
    in = source->view(source, at, HUB_GROUP_HEAD + (size_t) ret->head.meta_len);
    if (!in)
        return false;
    ret->meta = (struct edge_bytes){in + HUB_GROUP_HEAD, ret->head.meta_len};
    return hub_crc32c(0, ret->meta.data, ret->meta.len) == ret->head.meta_sum &&
           makes_sense(ret->meta, ret->head.bodies_len);
}

static uint64_t find_magic(const uint8_t *piece, size_t len)
{
    const uint8_t *found = memmem(piece, len, hub_group_magic, sizeof hub_group_magic);

    return found ? (uint64_t) (found - piece) : len;
}

/* The next group behind what cannot be read. */
static bool search(struct hub_walk *walk, struct hub_walk_group *ret)
{
    uint64_t at = walk->at + 1;

    while (at + HUB_GROUP_HEAD <= walk->limit) {
        size_t len = walk->limit - at < PIECE ? (size_t) (walk->limit - at) : PIECE;
        const uint8_t *piece = walk->source->view(walk->source, at, len);
        uint64_t found = piece ? find_magic(piece, len) : len;

        if (found < len && read_group(walk, at + found, ret))
            return true;
        at += found < len ? found + 1 : len - sizeof hub_group_magic + 1;
    }
    return false;
}

int hub_walk_next(struct hub_walk *walk, struct hub_walk_group *ret)
{
    if (!read_group(walk, walk->at, ret)) {
        if (!search(walk, ret))
            return 0;
        walk->damaged = true;
    }
    walk->at = ret->end;
    walk->sequence = ret->head.sequence;
    return 1;
}

static bool has_bodies(struct hub_source *source, const struct hub_walk_group *group)
{
    uint64_t at = group->bodies;

    while (at < group->end) {
        const uint8_t *in = source->view(source, at, HUB_BODY_HEAD);
        struct hub_body_head head;

        if (!in || !hub_body_head_read(in, &head) || at + HUB_BODY_HEAD + head.len > group->end)
            return false;
        in = source->view(source, at, HUB_BODY_HEAD + (size_t) head.len);
        if (!in || !hub_body_is_whole(in, &head))
            return false;
        at += HUB_BODY_HEAD + (uint64_t) head.len;
    }
    return true;
}

uint64_t hub_walk_tail(struct hub_source *source, uint64_t salt)
{
    struct hub_walk walk;
    struct hub_walk_group group;
    struct hub_walk_group last = {.at = HUB_SEGMENT_HEAD, .end = HUB_SEGMENT_HEAD};

    hub_walk_init(&walk, source, salt, source->size);
    while (hub_walk_next(&walk, &group) == 1)
        last = group;
    return has_bodies(source, &last) ? walk.at : last.at;
}
