#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "hub/auth/identity.h"

/* What has been read can be written and is the same again. */
static void check(const struct hub_entry *entry, void *arg)
{
    EDGE_CLEANUP(edge_free) char *text = hub_entry_text(entry);
    EDGE_CLEANUP(edge_json_free) struct edge_json *root = NULL;
    struct hub_entry again;

    (void) arg;
    if (!text || edge_json_parse(text, strlen(text), &root, NULL) < 0 ||
        hub_entry_read(root, &again, NULL) < 0 || !hub_entry_equal(entry, &again))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    EDGE_CLEANUP(edge_free) char *link = NULL;
    struct edge_err err = {0};

    edge_ignore(hub_scope_read((const char *) data, size, check, NULL, &link, &err));
    return 0;
}
