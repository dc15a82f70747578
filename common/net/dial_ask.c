/* The steps of a dial that are a request and the head of its answer: proxy and WebSocket. */
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>

#include "common/base/encode.h"
#include "common/net/dial_steps.h"
#include "common/net/head.h"
#include "common/net/websocket.h"

enum { REQUEST_MAX = 8 * 1024, KEY_BYTES = 16 };

static void judge_proxy(struct edge_dial *dial, int status);
static void judge_websocket(struct edge_dial *dial, int status);

/* What has come in one piece with the head is the next one's. */
static void on_data(struct edge_bytes data, void *arg)
{
    struct edge_dial *dial = arg;
    int rc = edge_buf_append(&dial->head, data.data, data.len);
    size_t len = net_head_end(dial->head.data, dial->head.len);
    int status = net_head_status(dial->head.data, len);

    if (rc == 0 && len == 0 && dial->head.len <= NET_HEAD_MAX)
        return;
    if (rc < 0 || len > NET_HEAD_MAX || status == 0)
        dial_fail(dial, EDGE_EPROTOCOL, "the answer is not HTTP, or too long");
    else if (edge_stream_detach(dial->stream, dial->head.data + len, dial->head.len - len) < 0)
        dial_fail(dial, -ENOMEM, "no memory");
    else if (dial->step == PROXY)
        judge_proxy(dial, status);
    else
        judge_websocket(dial, status);
}

static void on_end(int rc, void *arg)
{
    struct edge_dial *dial = arg;
    char why[160];

    (void) snprintf(why, sizeof why, "the other side left while %s%s%s", dial_doing(dial),
                    rc < 0 ? ": " : "", rc < 0 ? edge_strerror(rc) : "");
    dial_fail(dial, EDGE_EUNAVAILABLE, why);
}

static void ask(struct edge_dial *dial, struct edge_buf *request)
{
    static const struct edge_stream_handler handler = {.on_data = on_data, .on_end = on_end};
    int rc = edge_buf_error(request);

    if (rc == 0)
        edge_stream_write(dial->stream, request->data, request->len);
    edge_buf_wipe(request); /* the proxy's password */
    if (rc < 0) {
        dial_fail(dial, rc, "the request is too long");
        return;
    }
    edge_buf_fini(&dial->head);
    edge_stream_attach(dial->stream, &handler, dial);
}

static void refused(struct edge_dial *dial, const char *who, int status)
{
    struct edge_err err = {0};
    bool auth = status == 401 || status == 403 || status == 407;
    int rc = auth ? EDGE_EAUTH : EDGE_EREMOTE;

    edge_fail(&err, rc, "no connection to %s: %s answered with status %d", dial->authority, who,
              status);
    err.status = status;
    dial_tell(dial, NULL, rc, &err);
}

void dial_ask_proxy(struct edge_dial *dial)
{
    struct edge_buf request = EDGE_BUF_INIT(REQUEST_MAX);

    edge_buf_printf(&request, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", dial->authority,
                    dial->authority);
    if (dial->proxy.basic)
        edge_buf_printf(&request, "Proxy-Authorization: Basic %s\r\n", dial->proxy.basic);
    edge_buf_puts(&request, "\r\n");
    ask(dial, &request);
}

static void judge_proxy(struct edge_dial *dial, int status)
{
    if (status >= 200 && status <= 299)
        dial_next(dial);
    else
        refused(dial, "the proxy", status);
}

/* WebSocket. */

void dial_ask_websocket(struct edge_dial *dial)
{
    struct edge_buf request = EDGE_BUF_INIT(REQUEST_MAX);
    unsigned char nonce[KEY_BYTES];

    if (RAND_bytes(nonce, sizeof nonce) == 1)
        dial->key = edge_base64(nonce, sizeof nonce);
    if (!dial->key) {
        dial_fail(dial, -ENOMEM, "no memory");
        return;
    }
    edge_buf_printf(&request,
                    "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n",
                    dial->ws_path, dial->authority, dial->key);
    if (dial->ws_protocol)
        edge_buf_printf(&request, "Sec-WebSocket-Protocol: %s\r\n", dial->ws_protocol);
    edge_buf_puts(&request, "\r\n");
    ask(dial, &request);
}

/* RFC 6455 4.1: what it grants must be what we have asked for. */
static bool is_granted(const struct edge_dial *dial)
{
    const char *text = dial->head.data;
    size_t len = net_head_end(text, dial->head.len);
    char accept[EDGE_WEBSOCKET_ACCEPT_SIZE];

    edge_websocket_accept(dial->key, accept);
    if (*accept == '\0' || !net_head_is(text, len, "Upgrade", "websocket", false) ||
        !net_head_is(text, len, "Connection", "upgrade", false) ||
        !net_head_is(text, len, "Sec-WebSocket-Accept", accept, true) ||
        net_head_has(text, len, "Sec-WebSocket-Extensions"))
        return false;
    return dial->ws_protocol
               ? net_head_is(text, len, "Sec-WebSocket-Protocol", dial->ws_protocol, true)
               : !net_head_has(text, len, "Sec-WebSocket-Protocol");
}

static void judge_websocket(struct edge_dial *dial, int status)
{
    if (status != 101) {
        refused(dial, "the server", status);
        return;
    }
    if (!is_granted(dial)) {
        dial_fail(dial, EDGE_EPROTOCOL, "the server's WebSocket is not the one asked for");
        return;
    }
    dial->stream = edge_websocket_over(dial->loop, dial->stream, true);
    if (dial->stream)
        dial_next(dial);
    else
        dial_fail(dial, -ENOMEM, "no memory for a WebSocket");
}
