/* Any bytes as the body of a workload request: an answer with a status, never a crash. The first
 * byte chooses the endpoint. Certificates are left out: making keys is slow and reads no more of
 * the body. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/security/workload/internal.h"
#include "common/base/file.h"
#include "tests/fuzz/fuzz.h"

static struct sec_keys *keys;
static struct sec_self *self;

static char folder[] = "/tmp/fuzz-workload-XXXXXX";

static void remove_folder(void)
{
    sec_keys_close(keys);
    sec_self_destroy(self);
    edge_ignore(edge_remove_tree(folder, NULL));
}

static void prepare(void)
{
    static struct sec_cloud cloud;

    if (!mkdtemp(folder) || sec_keys_open(folder, NULL, &keys, NULL) < 0 ||
        sec_self_create(&cloud, keys, folder, &self) < 0)
        abort();
    (void) atexit(remove_folder);
}

static void serve(const struct sec_route *route, struct edge_json *body)
{
    struct sec_workload workload = {.options = {.keys = keys, .self = self}};
    struct sec_request r = {
        .parts = {"modules", "m", "genid", "g"}, .body = body, .server = &workload};

    route->work(&r);
    if (r.status_ < 200 || r.status_ > 500 || !r.reply_)
        abort();
    edge_json_free(r.reply_);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct edge_json *body = NULL;
    const struct sec_route *route;

    if (!keys)
        prepare();
    if (size == 0)
        return 0;
    route = &sec_workload_routes[data[0] % sec_workload_nroutes];
    if (!route->work || strcmp(route->method, "POST") != 0 ||
        strcmp(route->path[2], "certificate") == 0 || strcmp(route->path[4], "certificate") == 0)
        return 0;
    if (edge_json_parse((const char *) data + 1, size - 1, &body, NULL) == 0 &&
        edge_json_is(body, EDGE_JSON_OBJECT))
        serve(route, body);
    edge_json_free(body);
    return 0;
}
