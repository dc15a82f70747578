/* tests/fuzz/fuzz_store.h - checksums of a segment's groups set right, so that fuzzing gets behind
 * them. */
#ifndef TESTS_FUZZ_FUZZ_STORE_H
#define TESTS_FUZZ_FUZZ_STORE_H

#include <string.h>

#include "hub/store/crc.h"
#include "hub/store/record.h"
#include "hub/store/wire.h"

enum { FUZZ_SALT = 0x5a17 };

/* Each body where its group's meta says it is, and nothing else: checksums see to that on a disk.
 * One that was not whole stays so. */
static inline void fuzz_mend_bodies(struct edge_bytes meta, uint8_t *bodies, size_t size)
{
    struct hub_decoder decoder;
    struct hub_log_record record;
    size_t at = 0;

    hub_decoder_init(&decoder, meta);
    while (hub_decoder_next(&decoder, &record) == 1) {
        struct hub_body_head head;
        uint8_t *body = bodies + at;
        bool whole;

        if (record.kind != HUB_RECORD_PUT)
            continue;
        if (record.size > HUB_STORE_BODY_MAX || at + HUB_BODY_HEAD + record.size > size)
            break;
        whole = hub_body_head_read(body, &head) && head.len == record.size &&
                hub_body_is_whole(body, &head);
        head.len = (uint32_t) record.size;
        head.message = record.number;
        hub_body_head_write(&head, body + HUB_BODY_HEAD, body);
        body[4] ^= whole ? 0 : 1; /* of its checksum */
        at += HUB_BODY_HEAD + record.size;
    }
    memset(bodies + at, 0, size - at);
}

/** Every group whose place is plain. @param salt  theirs from now on; 0: as it is */
static inline void fuzz_mend_groups(uint8_t *bytes, size_t size, uint32_t salt)
{
    size_t at = HUB_SEGMENT_HEAD;

    while (at + HUB_GROUP_HEAD <= size && memcmp(bytes + at, hub_group_magic, 4) == 0) {
        uint64_t meta = hub_get32(bytes + at + 32);
        uint64_t bodies = hub_get32(bytes + at + 36);

        if (at + HUB_GROUP_HEAD + meta + bodies > size)
            return;
        if (salt) {
            (void) hub_put32(bytes + at + 8, salt);
            (void) hub_put32(bytes + at + 12, 0);
            fuzz_mend_bodies((struct edge_bytes){bytes + at + HUB_GROUP_HEAD, meta},
                             bytes + at + HUB_GROUP_HEAD + meta, bodies);
        }
        (void) hub_put32(bytes + at + 40, hub_crc32c(0, bytes + at + HUB_GROUP_HEAD, meta));
        (void) hub_put32(bytes + at + 4, hub_crc32c(0, bytes + at + 8, HUB_GROUP_HEAD - 8));
        at += HUB_GROUP_HEAD + meta + bodies;
    }
}

#endif
