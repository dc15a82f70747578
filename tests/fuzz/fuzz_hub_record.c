/* Any bytes as a message of the store: refused, or read; what was read is written to what reads the
 * same. */
#include <stdlib.h>
#include <string.h>

#include "hub/core/internal.h"
#include "tests/fuzz/fuzz.h"

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool equal(const struct hub_record *a, const struct hub_record *b)
{
    if (!edge_identity_equal(&a->sender, &b->sender) || a->message.len != b->message.len ||
        memcmp(a->message.body, b->message.body, a->message.len) != 0 ||
        a->message.nproperties != b->message.nproperties)
        return false;
    for (unsigned i = 0; i < EDGE_SYS_MAX; i++)
        if (!same(a->message.sys[i], b->message.sys[i]))
            return false;
    for (size_t i = 0; i < a->message.nproperties; i++)
        if (!same(a->properties[i].name, b->properties[i].name) ||
            !same(a->properties[i].value, b->properties[i].value))
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(16 * 1024 * 1024);
    struct hub_record record, again;

    if (hub_record_read((struct edge_bytes){data, size}, &record) < 0)
        return 0;
    if (hub_record_write(&record.message, &record.sender, &out) < 0 ||
        hub_record_read((struct edge_bytes){(const uint8_t *) out.data, out.len}, &again) < 0 ||
        !equal(&record, &again))
        abort();
    return 0;
}
