/* A bag of properties: what is taken reads the same after it was written. */
#include <string.h>

#include "common/iothub/message.h"
#include "tests/fuzz/fuzz.h"

static void same(const char *a, const char *b)
{
    fuzz_holds((!a && !b) || (a && b && strcmp(a, b) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(1 << 20);
    struct edge_message m = {0};
    struct edge_message again = {0};
    struct edge_err err = {0};

    if (edge_bag_parse((const char *) data, size, &m, &err) == 0 &&
        edge_bag_format(&m, &out) == 0) {
        fuzz_holds(edge_bag_parse(out.data ? out.data : "", out.len, &again, &err) == 0);
        fuzz_holds(m.nproperties == again.nproperties);
        for (size_t i = 0; i < m.nproperties; i++) {
            same(m.properties[i].name, again.properties[i].name);
            same(m.properties[i].value, again.properties[i].value);
        }
        for (size_t i = 0; i < EDGE_SYS_MAX; i++)
            same(m.sys[i], again.sys[i]);
    }
    edge_message_fini(&m);
    edge_message_fini(&again);
    return 0;
}
