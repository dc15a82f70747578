/* Any JSON: it is refused with a text, or its options can be taken over an image's and become a
 * spec that is JSON again. Before a line "---" stands what the image says. */
#include <stdlib.h>
#include <string.h>

#include "agent/spec/spec.h"
#include "tests/fuzz/fuzz.h"

static const struct agent_host host = {
    .capabilities = UINT64_MAX,
    .abilities = ~(unsigned) AGENT_HOST_CGROUP_V2,
    .kernel = 6 << 8,
    .machine = "x86_64",
};

static void build(const struct agent_options *options, const struct edge_json *config)
{
    struct agent_user user = {.home = (char *) (uintptr_t) "/"};
    const struct agent_bind bind = {.source = "/s", .target = "/t", .options = "rw,rshared"};
    const struct agent_spec_facts facts = {
        .id = "id",
        .hostname = "host",
        .image_config = config,
        .user = &user,
        .binds = &bind,
        .nbinds = 1,
        .netns = "/n",
        .pidns = "/p",
        .ipcns = "/i",
        .cgroup_path = "/edge/id",
        .init_path = "/init",
        .host = &host,
    };
    EDGE_CLEANUP(edge_free) char *text = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *spec = NULL;
    struct edge_buf notices;
    struct edge_err err = {0};

    edge_buf_init(&notices, 4096);
    if (agent_spec_build(options, &facts, &text, &notices, &err) == 0) {
        if (edge_json_parse(text, strlen(text), &spec, NULL) < 0 || !edge_json_get(spec, "process"))
            abort();
    } else if (!*err.text) {
        abort();
    }
    edge_buf_fini(&notices);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *) data;
    const char *mark = memmem(data, size, "\n---\n", 5);
    size_t head = mark ? (size_t) (mark - text) : 0;
    EDGE_CLEANUP(edge_json_free) struct edge_json *config = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    EDGE_CLEANUP(agent_options_free) struct agent_options *options = NULL;
    struct edge_err err = {0};

    if (mark && edge_json_parse(text, head, &config, NULL) < 0)
        return 0;
    if (mark)
        head += 5;
    if (edge_json_parse(text + head, size - head, &json, NULL) < 0)
        return 0;
    if (agent_options_parse(json, &options, &err) < 0 ||
        agent_options_inherit(options, config, &err) < 0) {
        if (!*err.text)
            abort();
        return 0;
    }
    build(options, config);
    return 0;
}
