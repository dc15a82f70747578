/* Any bytes as manifest and as image config: refused, or within the limits. */
#include <stdlib.h>

#include "agent/image/manifest.h"
#include "tests/fuzz/fuzz.h"

static void check_config(struct edge_bytes text)
{
    static const struct agent_platform host = {"linux", "amd64", ""};
    struct agent_image_config config = {0};
    char chain[AGENT_DIGEST_TEXT];

    for (size_t layers = 0; layers < 3; layers++) {
        if (agent_image_config_parse(text, layers, &host, &config, NULL) < 0)
            continue;
        if (config.ndiff_ids != layers || !config.config)
            abort();
        agent_image_config_chain(&config, layers, chain);
        agent_image_config_fini(&config);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct agent_manifest_limits limits = {1 << 20, 1 << 16};
    static const struct agent_platform host = {"linux", "arm", "v7"};
    EDGE_CLEANUP(agent_manifest_free) struct agent_manifest *manifest = NULL;
    const struct agent_manifest_blob *blob = NULL;
    struct edge_bytes text = {data, size};
    struct edge_err err = {0};

    check_config(text);
    if (agent_manifest_parse(text, NULL, &limits, &manifest, &err) < 0)
        return 0;
    for (size_t i = 0; i < manifest->nlayers; i++) {
        if (manifest->layers[i].size < 0 || manifest->layers[i].size > limits.max_layer_bytes)
            abort();
    }
    if (manifest->is_index && agent_manifest_choose(manifest, &host, &blob, &err) == 0 && !blob)
        abort();
    return 0;
}
