/* A twin and what happens to it, a line each: 'w' and a whole twin, 'd' and a desired patch, 'r'
 * and a reported patch, 't' the client is told, 'p' a patch is sent to IoT Hub, 'f' that fails, 's'
 * it goes to disk and back.
 *
 * An IoT Hub beside it takes what is sent: in the end it has what the client reported. Who applies
 * what it is told has the desired properties. */
#include <string.h>

#include "common/iothub/twin.h"
#include "hub/core/twin_state.h"
#include "tests/fuzz/fuzz.h"

struct world {
    struct hub_twin_state *twin;
    struct edge_json *cloud;  /* what IoT Hub has as reported */
    struct edge_json *client; /* what the client takes for the desired properties; NULL: nothing */
    unsigned refused;
};

static struct edge_json *parse(const char *text, size_t len)
{
    struct edge_json *json = NULL;

    if (edge_json_parse(text, len, &json, NULL) < 0)
        return NULL;
    return json;
}

static struct edge_json *without_version(const struct edge_json *section)
{
    struct edge_json *bare = edge_json_new_object();

    fuzz_holds(bare && edge_twin_merge(bare, section) == 0);
    return bare;
}

static void whole(struct world *world, const char *text, size_t len)
{
    struct edge_err err = {0};
    int rc = hub_twin_state_whole(world->twin, text, len, &err);

    if (rc == HUB_TWIN_GAP) {
        world->twin->heard = 0; /* it is asked for again */
    } else if (rc >= 0) {
        struct edge_json *json = parse(text, len);

        edge_json_free(world->cloud);
        world->cloud = without_version(edge_json_get(json, "reported"));
        edge_json_free(json);
    }
}

static void tell(struct world *world)
{
    EDGE_CLEANUP(edge_free) char *news = NULL;

    fuzz_holds(hub_twin_state_news(world->twin, &news) == 0);
    if (!world->client) { /* it asks for all */
        world->client = edge_json_copy(world->twin->desired);
    } else if (news) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *patch = parse(news, strlen(news));

        fuzz_holds(patch && edge_json_has(patch, "$version"));
        fuzz_holds(edge_twin_merge(world->client, patch) == 0);
    }
    (void) hub_twin_state_told(world->twin);
    if (world->twin->told_version == 0)
        world->client = edge_json_free(world->client); /* no version: as if never told */
    else
        fuzz_holds(edge_json_equal(world->client, world->twin->desired));
}

static void push(struct world *world, bool fails)
{
    EDGE_CLEANUP(edge_free) char *text = hub_twin_state_next(world->twin);
    EDGE_CLEANUP(edge_json_free) struct edge_json *patch = NULL;

    if (!text)
        return;
    patch = parse(text, strlen(text));
    fuzz_holds(patch && edge_twin_check(patch, &edge_twin_limits_properties, NULL) == 0);
    if (!fails)
        fuzz_holds(edge_twin_merge(world->cloud, patch) == 0);
    hub_twin_state_sent(world->twin, !fails, fails ? 0 : 7);
}

static void store(struct world *world)
{
    EDGE_CLEANUP(edge_free) char *text = hub_twin_state_write(world->twin);
    struct hub_twin_state *twin = NULL;

    fuzz_holds(text && hub_twin_state_read((struct edge_bytes){(uint8_t *) text, strlen(text)},
                                           &twin) == 0);
    hub_twin_state_free(world->twin);
    world->twin = twin;
}

static void step(struct world *world, const char *line, size_t len)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = len > 0 ? parse(line + 1, len - 1) : NULL;

    if (len == 0)
        return;
    if (line[0] == 'w')
        whole(world, line + 1, len - 1);
    else if (line[0] == 'd' && json)
        fuzz_holds(hub_twin_state_desired(world->twin, json) >= 0);
    else if (line[0] == 'r' && json)
        world->refused += hub_twin_state_report(world->twin, json, NULL) < 0;
    else if (line[0] == 't')
        tell(world);
    else if (line[0] == 'p' || line[0] == 'f')
        push(world, line[0] == 'f');
    else if (line[0] == 's')
        store(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {hub_twin_state_create(), edge_json_new_object(), NULL, 0};
    const char *text = (const char *) data;
    const char *end = text + size;
    char *document;

    fuzz_holds(world.twin && world.cloud);
    while (text < end) {
        const char *line = text;

        text = memchr(line, '\n', (size_t) (end - line));
        step(&world, line, (size_t) ((text ? text : end) - line));
        text = text ? text + 1 : end;
    }
    document = hub_twin_state_text(world.twin);
    fuzz_holds(document);
    edge_free(document);
    store(&world);
    for (unsigned i = 0; i <= HUB_TWIN_PATCHES; i++)
        push(&world, false);
    fuzz_holds(world.twin->npending == 0);
    fuzz_holds(edge_json_equal(world.cloud, world.twin->reported));
    hub_twin_state_free(world.twin);
    edge_json_free(world.cloud);
    edge_json_free(world.client);
    return 0;
}
