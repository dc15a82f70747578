/* What the client needs to know of URLs: who is asked, and whether a redirect may be followed. */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "common/http/transfer.h"

struct origin {
    CURLU *url;
    char *scheme;
    char *host;
    char *port;
};

static void origin_fini(struct origin *origin)
{
    curl_free(origin->scheme);
    curl_free(origin->host);
    curl_free(origin->port);
    curl_url_cleanup(origin->url);
    *origin = (struct origin){0};
}

static bool origin_of(const char *text, struct origin *ret)
{
    *ret = (struct origin){.url = curl_url()};
    if (ret->url &&
        curl_url_set(ret->url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
        curl_url_get(ret->url, CURLUPART_SCHEME, &ret->scheme, 0) == CURLUE_OK &&
        curl_url_get(ret->url, CURLUPART_HOST, &ret->host, 0) == CURLUE_OK &&
        curl_url_get(ret->url, CURLUPART_PORT, &ret->port, CURLU_DEFAULT_PORT) == CURLUE_OK)
        return true;
    origin_fini(ret);
    return false;
}

char *edge_http_peer(const struct edge_http_request *request, const char *url)
{
    struct origin origin;
    char *text;

    if (request->unix_path)
        return edge_strdup(request->unix_path);
    if (!origin_of(url, &origin))
        return edge_strdup("the server");
    text = edge_format("%s:%s", origin.host, origin.port);
    origin_fini(&origin);
    return text;
}

int edge_http_resolve(const char *base, const char *location, char **ret, struct edge_err *err)
{
    CURLU *url = curl_url();
    char *text = NULL;

    if (url && curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
        curl_url_set(url, CURLUPART_URL, location, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
        curl_url_get(url, CURLUPART_URL, &text, 0);
    curl_url_cleanup(url);
    *ret = edge_strdup(text);
    curl_free(text);
    return *ret ? 0 : edge_fail(err, EDGE_EPROTOCOL, "a redirect to something that is no URL");
}

static int check(const struct origin *from, const struct origin *to, struct edge_err *err)
{
    if (strcasecmp(to->scheme, "https") != 0 && strcasecmp(to->scheme, "http") != 0)
        return edge_fail(err, EDGE_EPROTOCOL, "%s redirects to %s:, which is not followed",
                         from->host, to->scheme);
    if (strcasecmp(from->scheme, "https") == 0 && strcasecmp(to->scheme, "https") != 0)
        return edge_fail(err, EDGE_EPROTOCOL,
                         "%s redirects from https to plain http at %s, which is refused",
                         from->host, to->host);
    return 0;
}

int edge_http_check_redirect(const char *from, const char *to, bool *ret_same_origin,
                             struct edge_err *err)
{
    struct origin a;
    struct origin b;
    int rc;

    if (!origin_of(from, &a))
        return edge_fail(err, EDGE_EPROTOCOL, "not a URL");
    if (!origin_of(to, &b)) {
        rc = edge_fail(err, EDGE_EPROTOCOL, "%s redirects to something that is no URL", a.host);
        origin_fini(&a);
        return rc;
    }
    rc = check(&a, &b, err);
    *ret_same_origin = strcasecmp(a.scheme, b.scheme) == 0 && strcasecmp(a.host, b.host) == 0 &&
                       strcmp(a.port, b.port) == 0;
    origin_fini(&a);
    origin_fini(&b);
    return rc;
}
