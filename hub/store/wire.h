/* hub/store/wire.h - numbers as they are on disk, and the heads that go with them: what record.c,
 * encode.c, decode.c and copy.c share. Pure; any thread. */
#ifndef HUB_STORE_WIRE_H
#define HUB_STORE_WIRE_H

#include <endian.h>
#include <string.h>

#include "hub/store/record.h"

enum { HUB_ROUTE_LIMIT = 1000000, HUB_QUEUE_LIMIT = 1 << 20 };

static inline uint8_t *hub_put32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static inline uint8_t *hub_put64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static inline uint32_t hub_get32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

static inline uint64_t hub_get64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

void hub_group_head_write(const struct hub_group_head *head, uint8_t *out);
void hub_body_head_write(const struct hub_body_head *head, const uint8_t *data, uint8_t *out);

#endif
