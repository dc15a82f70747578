/* One exchange: a curl easy handle driven by a multi handle of its own, so that a cancellation can
 * wake it at any time. */
#include "common/http/transfer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/http/options.h"

enum {
    POLL_MS = 1000,
    MAX_HEAD = 64 << 10,
    MAX_BODY = 1 << 20,
    MAX_ERROR_BODY = 64 << 10,
};

struct transfer {
    const struct edge_http_hop *hop;
    const struct edge_http_request *request;
    struct edge_http_response *response;
    CURL *easy;
    CURLM *multi;
    struct curl_slist *headers;
    struct edge_err *err;
    int rc; /* negative: what a callback or a limit ended it with */
    size_t head_bytes;
    int64_t body_bytes;
    bool head_done;
    bool redirect;
    char text[CURL_ERROR_SIZE];
};

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int out_of_memory(struct edge_err *err)
{
    return edge_fail(err, -ENOMEM, "no memory for an HTTP request");
}

static int too_large(struct transfer *t, const char *what, int64_t limit)
{
    EDGE_CLEANUP(edge_free) char *peer = edge_http_peer(t->request, t->hop->url);

    return edge_fail(t->err, EDGE_ELIMIT, "the answer of %s has more than %lld bytes of %s",
                     peer ? peer : "the server", (long long) limit, what);
}

static bool is_success(const struct edge_http_response *response)
{
    return response->status >= 200 && response->status < 300;
}

/* A callback's answer as curl wants it: all bytes, or another number to end the transfer. */
static size_t verdict(struct transfer *t, int rc, size_t len)
{
    if (rc == 0)
        return len;
    if (rc > 0)
        t->response->stopped = true;
    else
        t->rc = rc;
    return len == 0 ? 1 : 0;
}

static int64_t body_limit(const struct transfer *t)
{
    if (!is_success(t->response))
        return MAX_ERROR_BODY;
    if (t->request->max_body > 0)
        return t->request->max_body;
    return t->request->on_body ? INT64_MAX : MAX_BODY;
}

static bool is_head(const struct transfer *t)
{
    return t->request->method && strcmp(t->request->method, "HEAD") == 0;
}

static bool is_redirect(const struct transfer *t)
{
    int status = t->response->status;

    return t->hop->may_redirect &&
           (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) &&
           edge_http_response_header(t->response, "Location");
}

/* The empty line after the headers. */
static int end_of_head(struct transfer *t)
{
    const char *length = edge_http_response_header(t->response, "Content-Length");
    int64_t limit = body_limit(t);

    if (t->response->status < 200)
        return 0;
    t->head_done = true;
    t->redirect = is_redirect(t);
    if (t->redirect)
        return 0;
    if (is_success(t->response) && length && !is_head(t) && strtoll(length, NULL, 10) > limit)
        return too_large(t, "body", limit);
    edge_buf_init(&t->response->body, (size_t) (limit > MAX_BODY ? limit : MAX_BODY));
    return t->request->on_head ? t->request->on_head(t->response, t->request->arg) : 0;
}

static int start_of_head(struct transfer *t, const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);

    edge_http_response_reset(t->response);
    t->response->head_.max = t->request->max_head ? t->request->max_head : MAX_HEAD;
    t->response->status = space ? (int) strtol(space + 1, NULL, 10) : 0;
    return 0;
}

static int head_line(struct transfer *t, const char *line, size_t len)
{
    size_t limit = t->request->max_head ? t->request->max_head : MAX_HEAD;

    t->head_bytes += len;
    if (t->head_bytes > limit)
        return too_large(t, "headers", (int64_t) limit);
    if (t->head_done) /* trailers come here too and are no news */
        return 0;
    if (len > 5 && strncmp(line, "HTTP/", 5) == 0)
        return start_of_head(t, line, len);
    if (len <= 2 && (line[0] == '\r' || line[0] == '\n'))
        return end_of_head(t);
    return edge_http_response_line(t->response, line, len);
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t len = size * count;

    return verdict(t, len > 0 ? head_line(t, line, len) : 0, len);
}

static int collect(struct transfer *t, const char *data, size_t len)
{
    struct edge_buf *body = &t->response->body;

    if (is_success(t->response))
        return edge_buf_append(body, data, len);
    if (len > MAX_ERROR_BODY - body->len)
        len = MAX_ERROR_BODY - body->len;
    if (edge_buf_append(body, data, len) < 0 || body->len == MAX_ERROR_BODY)
        return EDGE_HTTP_STOP;
    return 0;
}

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    struct edge_bytes bytes = {(const uint8_t *) data, size * count};
    int64_t limit = body_limit(t);

    if (t->redirect)
        return verdict(t, EDGE_HTTP_STOP, bytes.len); /* where to go is known by now */
    t->body_bytes += (int64_t) bytes.len;
    if (is_success(t->response) && t->body_bytes > limit)
        return verdict(t, too_large(t, "body", limit), bytes.len);
    if (is_success(t->response) && t->request->on_body)
        return verdict(t, t->request->on_body(bytes, t->request->arg), bytes.len);
    return verdict(t, collect(t, data, bytes.len), bytes.len);
}

static void wake(void *arg)
{
    curl_multi_wakeup(arg);
}

/* Until curl is done or the token fires. */
static CURLcode drive(struct transfer *t)
{
    struct edge_cancel_hook hook = {.fn = wake, .arg = t->multi};
    CURLcode code = CURLE_ABORTED_BY_CALLBACK;
    int running = 1;

    edge_cancel_add_hook(t->request->cancel, &hook);
    while (running && !edge_cancelled(t->request->cancel)) {
        CURLMsg *msg;
        int left;

        if (curl_multi_perform(t->multi, &running) != CURLM_OK)
            break;
        while ((msg = curl_multi_info_read(t->multi, &left)) != NULL)
            code = msg->data.result;
        if (running)
            curl_multi_poll(t->multi, NULL, 0, POLL_MS, NULL);
    }
    edge_cancel_remove_hook(t->request->cancel, &hook);
    return code;
}

/* A certificate that has expired, or not begun, may be a matter of the clock here. */
static int out_of_time(struct transfer *t, const char *peer)
{
    char now[EDGE_TIME_TEXT];

    edge_time_format(edge_wall_ns(), now);
    return edge_fail(t->err, EDGE_EAUTH,
                     "the certificate of %s is not valid now (%s); the clock of this device says "
                     "%.19sZ",
                     peer, t->text, now);
}

static int trust_failed(struct transfer *t, const char *peer)
{
    const struct edge_http_request *r = t->request;
    const char *by = r->ca_file  ? "the CA file in use is "
                     : r->ca_pem ? "neither by the system nor by the CAs of the trust bundle"
                                 : "no CA file is configured for it";

    t->response->fault = EDGE_HTTP_FAULT_TRUST;
    if (strstr(t->text, "has expired") || strstr(t->text, "not yet valid")) /* OpenSSL's words */
        return out_of_time(t, peer);
    return edge_fail(t->err, EDGE_EAUTH, "the certificate of %s is not trusted (%s); %s%s", peer,
                     t->text, by, r->ca_file ? r->ca_file : "");
}

/* curl's code to ours, here and nowhere else. */
static int fail_with(struct transfer *t, CURLcode code)
{
    EDGE_CLEANUP(edge_free) char *owned = edge_http_peer(t->request, t->hop->url);
    const char *peer = owned ? owned : "the server";
    const char *why = *t->text ? t->text : curl_easy_strerror(code);

    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return trust_failed(t, peer);
    case CURLE_SSL_CONNECT_ERROR:
        t->response->fault = EDGE_HTTP_FAULT_HANDSHAKE;
        return edge_fail(t->err, EDGE_EUNAVAILABLE, "no TLS connection with %s: %s", peer, why);
    case CURLE_SSL_CACERT_BADFILE:
        return edge_fail(t->err, EDGE_EINVALID, "cannot read the CA file %s for %s",
                         t->request->ca_file  ? t->request->ca_file
                         : t->request->ca_pem ? "given"
                                              : "of the system",
                         peer);
    case CURLE_SSL_CERTPROBLEM: /* curl's own text may hold a token's PIN */
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
        return edge_fail(t->err, EDGE_EINVALID,
                         "our certificate %s or its key cannot be used with %s",
                         t->request->cert_file ? t->request->cert_file : "", peer);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_LOGIN_DENIED:
        return edge_fail(t->err, EDGE_EINVALID, "not a URL that can be asked: %s", why);
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        return edge_fail(t->err, EDGE_EPROTOCOL, "%s does not speak HTTP as we know it: %s", peer,
                         why);
    case CURLE_OUT_OF_MEMORY:
        return out_of_memory(t->err);
    default:
        return edge_fail(t->err, EDGE_EUNAVAILABLE, "no answer from %s: %s", peer, why);
    }
}

static int outcome(struct transfer *t, CURLcode code, char **ret_location)
{
    if (t->rc < 0)
        return t->rc;
    if (t->redirect)
        return edge_http_resolve(t->hop->url, edge_http_response_header(t->response, "Location"),
                                 ret_location, t->err);
    if (t->response->stopped || code == CURLE_OK)
        return 0;
    if (edge_cancelled(t->request->cancel))
        return edge_fail(t->err, -ECANCELED, "cancelled");
    return fail_with(t, code);
}

static void set_callbacks(struct transfer *t)
{
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->text);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
}

int edge_http_transfer(const struct edge_http_hop *hop, struct edge_http_response *ret,
                       char **ret_location, struct edge_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct transfer t = {.hop = hop, .request = hop->request, .response = ret, .err = err};
    int rc;

    pthread_once(&once, init_curl);
    edge_http_response_reset(ret);
    t.easy = curl_easy_init();
    t.multi = curl_multi_init();
    rc = t.easy && t.multi ? edge_http_set_options(t.easy, hop, &t.headers, err)
                           : out_of_memory(err);
    if (rc == 0) {
        set_callbacks(&t);
        curl_multi_add_handle(t.multi, t.easy);
        rc = outcome(&t, drive(&t), ret_location);
        curl_multi_remove_handle(t.multi, t.easy);
    }
    curl_easy_cleanup(t.easy);
    curl_multi_cleanup(t.multi);
    curl_slist_free_all(t.headers);
    return rc;
}
