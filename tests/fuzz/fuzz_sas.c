/* A token: what is taken can be asked anything, and what we make of it is taken again. */
#include <string.h>

#include "common/base/bytes.h"
#include "common/iothub/sas.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct edge_bytes key = {(const uint8_t *) "key", 3};
    struct edge_sas sas;
    struct edge_sas again;
    struct edge_err err = {0};

    if (edge_sas_parse((const char *) data, size, &sas, &err) == 0) {
        EDGE_CLEANUP(edge_free) char *token = edge_sas_make(sas.resource, sas.se, key, sas.skn);

        (void) edge_sas_covers(&sas, "hub.test", "/devices/d");
        (void) edge_sas_signed_by(&sas, key);
        if (token && strlen(token) <= EDGE_SAS_MAX) {
            fuzz_holds(edge_sas_parse(token, strlen(token), &again, &err) == 0);
            fuzz_holds(strcmp(again.resource, sas.resource) == 0 && again.se == sas.se);
            fuzz_holds(edge_sas_signed_by(&again, key));
            edge_sas_fini(&again);
        }
    }
    edge_sas_fini(&sas);
    return 0;
}
