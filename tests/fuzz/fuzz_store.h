/* tests/fuzz/fuzz_store.h - checksums of a segment's groups set right, so that fuzzing gets behind
 * them. */
#ifndef TESTS_FUZZ_FUZZ_STORE_H
#define TESTS_FUZZ_FUZZ_STORE_H

#include <string.h>

#include "hub/store/crc.h"
#include "hub/store/record.h"
#include "hub/store/wire.h"

enum { FUZZ_SALT = 0x5a17 };

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
        }
        (void) hub_put32(bytes + at + 40, hub_crc32c(0, bytes + at + HUB_GROUP_HEAD, meta));
        (void) hub_put32(bytes + at + 4, hub_crc32c(0, bytes + at + 8, HUB_GROUP_HEAD - 8));
        at += HUB_GROUP_HEAD + meta + bodies;
    }
}

#endif
