#include "hub/core/seal.h"

#include <errno.h>

int hub_document_set(const struct hub_core *core, const char *kind, const char *name,
                     const char *text, hub_stored_done *done, void *arg)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf sealed = EDGE_BUF_INIT(HUB_STORE_DOCUMENT_MAX);
    EDGE_CLEANUP(edge_free) char *context = edge_format("%s/%s", kind, name);
    struct edge_bytes bytes = {(const uint8_t *) text, strlen(text)};
    int rc;

    if (!context)
        return -ENOMEM;
    if (core->options.vault) {
        rc = hub_vault_seal(core->options.vault, context, bytes, &sealed);
        if (rc < 0)
            return rc;
        bytes = (struct edge_bytes){(const uint8_t *) sealed.data, sealed.len};
    }
    return hub_store_set(core->options.store, kind, name, bytes, done, arg);
}

int hub_document_open(const struct hub_core *core, const char *kind, const char *name,
                      struct edge_bytes data, struct edge_buf *ret)
{
    EDGE_CLEANUP(edge_free) char *context = edge_format("%s/%s", kind, name);

    if (!context)
        return -ENOMEM;
    if (!core->options.vault)
        return edge_buf_append(ret, data.data, data.len);
    return hub_vault_unseal(core->options.vault, context, data, ret);
}
