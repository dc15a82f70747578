#include "hub/cloud/mqtt/login.h"

#include <string.h>

#include "common/base/encode.h"

#define API_VERSION "2021-04-12"
#define PRODUCT     "EdgeHub/" EDGE_VERSION

enum { USER_MAX = 16 * 1024 };

static void add(struct edge_buf *out, const char *name, const char *value)
{
    edge_ignore(edge_buf_printf(out, "&%s=", name));
    edge_ignore(edge_percent_encode(out, value, strlen(value)));
}

char *hub_login_user(const struct hub_login *login)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(USER_MAX);
    EDGE_CLEANUP(edge_free)
    char *product = edge_format("%s%s" PRODUCT, login->client, *login->client ? " " : "");
    char name[2 * EDGE_ID_MAX + 2];

    if (!product)
        return NULL;
    edge_identity_format(login->who, name, sizeof name);
    edge_ignore(edge_buf_printf(&out, "%s/%s/?api-version=" API_VERSION, login->hub_name, name));
    add(&out, "DeviceClientType", product);
    if (login->chain)
        add(&out, "auth-chain", login->chain);
    if (*login->model_id)
        add(&out, "model-id", login->model_id);
    return edge_buf_take(&out);
}
