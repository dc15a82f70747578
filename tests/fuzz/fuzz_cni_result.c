/* Any bytes as a plugin's answer: refused, or with an address and an interface name that are what
 * they say; as a plugin's error: one printable line. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/network/result.h"
#include "tests/fuzz/fuzz.h"

static void check_error(struct edge_bytes output, struct edge_bytes errors)
{
    struct edge_err err = {0};

    if (agent_cni_error("p", "ADD", 1, output, errors, &err) != EDGE_ECHILD)
        abort();
    for (const char *at = err.text; *at; at++) {
        if (!isprint((unsigned char) *at))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct agent_cni_result result = {0};

    check_error((struct edge_bytes){data, size}, (struct edge_bytes){0});
    check_error((struct edge_bytes){0}, (struct edge_bytes){data, size});
    if (agent_cni_result_parse((const char *) data, size, "br0", &result, NULL) < 0)
        return 0;
    if (!agent_ipv4_ok(result.address) || !result.json ||
        (*result.veth && !agent_ifname_ok(result.veth)) || strcmp(result.veth, "br0") == 0)
        abort();
    agent_cni_result_fini(&result);
    return 0;
}
