/* Any bytes as the head of a proxy's or a WebSocket server's answer, and as the URL of a proxy. */
#include <stdlib.h>
#include <string.h>

#include "common/net/head.h"
#include "common/net/proxy.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct net_proxy proxy = {0};
    size_t len;
    int status;

    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0'; /* as in the buffer it comes in */
    len = net_head_end(text, size);
    status = net_head_status(text, len);
    if (len > size || status < 0 || status > 999)
        abort();
    if (net_head_is(text, len, "Upgrade", "websocket", false) &&
        !net_head_has(text, len, "Upgrade"))
        abort();
    if (net_proxy_parse(text, &proxy, NULL) == 0 && (proxy.port == 0 || *proxy.host == '\0'))
        abort();
    net_proxy_fini(&proxy);
    free(text);
    return 0;
}
