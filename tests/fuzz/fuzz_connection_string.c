/* A connection string: what is taken has what a client needs. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/iothub/connection_string.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *) data, size);
    struct edge_connection_string cs;
    struct edge_err err = {0};

    if (text && edge_connection_string_parse(text, &cs, &err) == 0) {
        fuzz_holds(cs.hostname && *cs.hostname && cs.device_id && (cs.key || cs.x509));
        edge_connection_string_fini(&cs);
    }
    free(text);
    return 0;
}
