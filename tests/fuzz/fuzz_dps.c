/* Any bytes as a JSON answer of DPS or IoT Hub: refused with a text, or a result that may stand in
 * a URL. The first byte chooses the status. */
#include <stdlib.h>
#include <string.h>

#include "agent/security/identities/hub.h"
#include "agent/security/provision/dps.h"
#include "common/iothub/identity.h"
#include "tests/fuzz/fuzz.h"

static void check_dps(const struct sec_cloud_answer *answer)
{
    struct sec_dps_result result = {0};
    struct edge_err err = {0};
    int rc = sec_dps_read(answer, &result, &err);

    if (rc < 0 && !*err.text)
        abort();
    if (rc == SEC_DPS_ASSIGNED &&
        (!sec_hub_valid(result.hub) || !edge_id_valid(result.device, strlen(result.device))))
        abort();
    if (rc == SEC_DPS_ASSIGNING && (strpbrk(result.operation, "/?#%") || !*result.operation ||
                                    result.wait_s < 1 || result.wait_s > 60))
        abort();
}

static void check_hub(const struct sec_cloud_answer *answer)
{
    struct sec_hub_module module;

    if (sec_hub_read(answer->body, &module) == 0 &&
        (!edge_id_valid(module.id, strlen(module.id)) || !*module.generation))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 202, 401, 404, 429, 500, 400, 0};
    struct sec_cloud_answer answer = {0};

    if (size == 0)
        return 0;
    answer.status = statuses[data[0] % (sizeof statuses / sizeof *statuses)];
    answer.retry_after_s = data[0];
    edge_ignore(edge_json_parse((const char *) data + 1, size - 1, &answer.body, NULL));
    check_dps(&answer);
    check_hub(&answer);
    sec_cloud_answer_fini(&answer);
    return 0;
}
