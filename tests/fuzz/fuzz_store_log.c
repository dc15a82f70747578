/* Any bytes as segments of the store's log: never a crash, and never a body whose checksum does not
 * match. Checksums of groups that fuzzing breaks are set right, so that it gets behind them. */
#include <stdlib.h>
#include <string.h>

#include "hub/store/scan.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_store.h"

enum { SEGMENTS = 2 };

struct memory {
    struct hub_source source;
    uint8_t *bytes;
};

static const uint8_t *view(struct hub_source *source, uint64_t at, size_t len)
{
    struct memory *memory = EDGE_CONTAINER_OF(source, struct memory, source);

    return at + len <= source->size ? memory->bytes + at : NULL;
}

static int on_name(const char *name, void *arg)
{
    (void) arg;
    fuzz_holds(strlen(name) <= HUB_STORE_NAME_MAX);
    return 1;
}

static int on_entry(const struct hub_entry *entry, uint32_t queue, void *arg)
{
    uint64_t *entries = arg;

    fuzz_holds(queue == 1 && entry->size <= HUB_STORE_BODY_MAX && entry->id > 0);
    ++*entries;
    return 0;
}

static void look_at_bodies(struct memory *memory, const struct hub_walk_group *group)
{
    uint64_t at = group->bodies;
    struct hub_body_head head;

    while (at + HUB_BODY_HEAD <= group->end && hub_body_head_read(memory->bytes + at, &head) &&
           at + HUB_BODY_HEAD + head.len <= group->end) {
        uint32_t sum = hub_crc32c(0, memory->bytes + at, 4);

        sum = hub_crc32c(sum, memory->bytes + at + 8, 16 + (size_t) head.len);
        fuzz_holds(hub_body_is_whole(memory->bytes + at, &head) ==
                   (sum == hub_get32(memory->bytes + at + 4)));
        at += HUB_BODY_HEAD + (uint64_t) head.len;
    }
}

static void look_at_groups(struct memory *memory)
{
    struct hub_walk walk;
    struct hub_walk_group group;
    uint64_t before = HUB_SEGMENT_HEAD;

    hub_walk_init(&walk, &memory->source, FUZZ_SALT, UINT64_MAX);
    while (hub_walk_next(&walk, &group) == 1) {
        fuzz_holds(group.at >= before && group.end > group.at && group.end <= memory->source.size);
        before = group.end;
        look_at_bodies(memory, &group);
    }
    fuzz_holds(hub_walk_tail(&memory->source, FUZZ_SALT) <= before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory memory[SEGMENTS];
    struct hub_scan_segment segments[SEGMENTS] = {0};
    struct hub_gone_set gone = {0};
    uint64_t entries = 0;
    uint64_t next = 0;
    const struct hub_scan_found found = {on_name, on_name, on_entry, NULL, &entries};

    for (size_t i = 0; i < SEGMENTS; i++) { /* the same numbers in both: they are told once */
        memory[i].bytes = malloc(size + 1);
        fuzz_holds(memory[i].bytes);
        if (size > 0)
            memcpy(memory[i].bytes, data, size);
        if (size > 0 && data[0] & 1)
            fuzz_mend_groups(memory[i].bytes, size, 0);
        memory[i].source = (struct hub_source){.view = view, .size = size};
        look_at_groups(&memory[i]);
        segments[i].source = &memory[i].source;
        segments[i].salt = FUZZ_SALT;
        segments[i].limit = UINT64_MAX;
    }
    if (hub_scan_gone(segments, SEGMENTS, &gone, &next) == 0)
        fuzz_holds(hub_scan_waiting(segments, SEGMENTS, &gone, &found) == 0);
    fuzz_holds(entries <= size && next > 0);
    hub_gone_set_fini(&gone);
    for (size_t i = 0; i < SEGMENTS; i++) {
        hub_catalog_fini(&segments[i].catalog);
        free(memory[i].bytes);
    }
    return 0;
}
