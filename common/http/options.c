/* What is asked, as curl wants to be told it. */
#include "common/http/options.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

enum { CONNECT_TIMEOUT_MS = 10000, STALL_S = 30 };

/* Names the host's credentials may travel in. */
static bool is_secret(const char *name)
{
    return strcasecmp(name, "Authorization") == 0 || strcasecmp(name, "Cookie") == 0 ||
           strcasecmp(name, "Proxy-Authorization") == 0;
}

static int add_header(struct curl_slist **headers, const char *name, const char *value,
                      struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *line = NULL;
    struct curl_slist *more;

    if (strpbrk(name, "\r\n:") || strpbrk(value, "\r\n"))
        return edge_fail(err, EDGE_EINVALID, "a line break in HTTP header %.32s", name);
    line = *value ? edge_format("%s: %s", name, value) : edge_format("%s;", name);
    more = line ? curl_slist_append(*headers, line) : NULL;
    if (!more)
        return edge_fail(err, -ENOMEM, "no memory for an HTTP request");
    *headers = more;
    return 0;
}

static int add_headers(struct curl_slist **headers, const struct edge_http_hop *hop,
                       struct edge_err *err)
{
    struct curl_slist *more = curl_slist_append(NULL, "Expect:"); /* no waiting for 100 Continue */

    if (!more)
        return edge_fail(err, -ENOMEM, "no memory for an HTTP request");
    *headers = more;
    for (size_t i = 0; i < hop->request->nheaders; i++) {
        const struct edge_http_header *header = &hop->request->headers[i];
        int rc;

        if (is_secret(header->name) && !hop->with_credentials)
            continue;
        rc = add_header(headers, header->name, header->value, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void set_method(CURL *easy, const struct edge_http_hop *hop)
{
    const struct edge_http_request *r = hop->request;
    const char *method = r->method ? r->method : "GET";

    if (r->body.data || strcmp(method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body.data ? (const char *) r->body.data : "");
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) r->body.len);
    }
    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

/* A key in a token is reached as common/tls does it: by the engine of that name. */
static void set_certificate(CURL *easy, const struct edge_http_request *r)
{
    curl_easy_setopt(easy, CURLOPT_SSLCERT, r->cert_file);
    if (strncmp(r->key, "pkcs11:", 7) == 0) {
        curl_easy_setopt(easy, CURLOPT_SSLENGINE, "pkcs11");
        curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "ENG");
    }
    curl_easy_setopt(easy, CURLOPT_SSLKEY, r->key);
}

/* As text: nothing is read from disk while it is used. */
static void set_ca(CURL *easy, const char *pem)
{
    struct curl_blob blob = {(void *) (uintptr_t) pem, strlen(pem), CURL_BLOB_NOCOPY};

    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
}

static void set_peer(CURL *easy, const struct edge_http_hop *hop)
{
    const struct edge_http_request *r = hop->request;

    if (r->unix_path) {
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, r->unix_path);
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
    }
    if (r->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, r->ca_file);
    if (r->ca_pem)
        set_ca(easy, r->ca_pem);
    if (r->cert_file && hop->with_credentials)
        set_certificate(easy, r);
    if (r->username && hop->with_credentials) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, r->username);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, r->password ? r->password : "");
    }
}

static void set_limits(CURL *easy, const struct edge_http_hop *hop)
{
    const struct edge_http_request *r = hop->request;
    long connect_ms = r->connect_timeout_ms > 0 ? r->connect_timeout_ms : CONNECT_TIMEOUT_MS;

    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    if (r->stall_s >= 0) {
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                         r->stall_s > 0 ? (long) r->stall_s : STALL_S);
    }
    if (hop->total_ms > 0)
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) hop->total_ms);
}

static void set_always(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "edge/" EDGE_VERSION);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 65536L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a hanging name lookup is left behind */
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

int edge_http_set_options(CURL *easy, const struct edge_http_hop *hop, struct curl_slist **headers,
                          struct edge_err *err)
{
    int rc = add_headers(headers, hop, err);

    if (rc < 0)
        return rc;
    set_always(easy);
    curl_easy_setopt(easy, CURLOPT_URL, hop->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers);
    set_method(easy, hop);
    set_peer(easy, hop);
    set_limits(easy, hop);
    return 0;
}
