/* A request and the redirects it leads to. */
#include "common/http/client.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/http/transfer.h"

static bool may_follow(const struct edge_http_request *request)
{
    const char *method = request->method ? request->method : "GET";

    return request->redirects > 0 && (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0);
}

static int too_many(const struct edge_http_request *request, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *peer = edge_http_peer(request, request->url);

    return edge_fail(err, EDGE_ELIMIT, "%s redirects more than %u times",
                     peer ? peer : "the server", request->redirects);
}

/* As curl wants it: 0 would be no limit. */
static int left_ms(const struct edge_http_request *request, int64_t since_ms)
{
    int64_t left = since_ms + request->total_ms - edge_now_ms();

    if (request->total_ms <= 0)
        return 0;
    return left > 0 ? (int) left : 1;
}

int edge_http_request(const struct edge_http_request *request, struct edge_http_response *ret,
                      struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *url = edge_strdup(request->url);
    struct edge_http_hop hop = {request, url, true, may_follow(request), request->total_ms};
    int64_t since_ms = edge_now_ms();

    if (!url)
        return edge_fail(err, -ENOMEM, "no memory");
    for (unsigned hops = 0;; hops++) {
        EDGE_CLEANUP(edge_free) char *location = NULL;
        bool same_origin = false;
        int rc = edge_http_transfer(&hop, ret, &location, err);

        if (rc < 0 || !location)
            return rc;
        if (hops == request->redirects)
            return too_many(request, err);
        rc = edge_http_check_redirect(url, location, &same_origin, err);
        if (rc < 0)
            return rc;
        hop.with_credentials = hop.with_credentials && same_origin;
        edge_free(url);
        hop.url = url = EDGE_TAKE(location);
        hop.total_ms = left_ms(request, since_ms);
    }
}
