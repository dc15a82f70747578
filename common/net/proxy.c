#include "common/net/proxy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/base/bytes.h"
#include "common/base/encode.h"

enum { CREDENTIALS_MAX = 1024, DEFAULT_PORT = 80 };

/* "user:password", each percent-encoded by itself; the password and its colon may be left out. */
static char *basic(const char *text, size_t len)
{
    struct edge_buf plain = EDGE_BUF_INIT(CREDENTIALS_MAX);
    char *encoded = NULL;

    if (edge_percent_decode(&plain, text, len) == 0 &&
        edge_buf_puts(&plain, memchr(text, ':', len) ? "" : ":") == 0)
        encoded = edge_base64(plain.data, plain.len);
    edge_buf_wipe(&plain);
    return encoded;
}

static bool take_port(const char *text, uint16_t *ret)
{
    char *end = NULL;
    unsigned long port;

    if (*text == '\0') {
        *ret = DEFAULT_PORT;
        return true;
    }
    if (*text != ':' || text[1] < '0' || text[1] > '9')
        return false;
    port = strtoul(text + 1, &end, 10);
    *ret = (uint16_t) port;
    return *end == '\0' && port > 0 && port <= UINT16_MAX;
}

/* "host:port" or "[address]:port" */
static bool take_host(const char *text, struct net_proxy *proxy)
{
    bool brackets = *text == '[';
    size_t len = strcspn(text + brackets, brackets ? "]" : ":");
    const char *rest = text + brackets + len;

    if (len == 0 || (brackets && *rest++ != ']'))
        return false;
    proxy->host = strndup(text + brackets, len);
    return take_port(rest, &proxy->port);
}

int net_proxy_parse(const char *url, struct net_proxy *ret, struct edge_err *err)
{
    static const char scheme[] = "http://";
    struct net_proxy proxy = {0};
    EDGE_CLEANUP(edge_free) char *authority = NULL;
    const char *at;
    bool good;

    if (strncmp(url, scheme, sizeof scheme - 1) != 0)
        return edge_fail(err, EDGE_EINVALID, "a proxy is written http://[user:password@]host:port");
    url += sizeof scheme - 1;
    at = strrchr(url, '@');
    if (at)
        proxy.basic = basic(url, (size_t) (at - url));
    authority = strndup(at ? at + 1 : url, strcspn(at ? at + 1 : url, "/"));
    good = authority && take_host(authority, &proxy) && proxy.host && (!at || proxy.basic);
    if (!good) {
        net_proxy_fini(&proxy);
        return edge_fail(err, EDGE_EINVALID, "a proxy is written http://[user:password@]host:port");
    }
    *ret = proxy;
    return 0;
}

void net_proxy_fini(struct net_proxy *proxy)
{
    (void) edge_wipe(proxy->basic);
    free(proxy->host);
    *proxy = (struct net_proxy){0};
}
