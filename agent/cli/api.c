#include "agent/cli/api.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/http/client.h"

enum { ANSWER_MAX = 8 << 20, ANSWER_S = 60 };

int cli_complain(int code, const char *fmt, ...)
{
    va_list args;

    fputs("edgectl: ", stderr);
    va_start(args, fmt);
    (void) vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    return code;
}

char *cli_escape(const char *text)
{
    struct edge_buf out;

    edge_buf_init(&out, 4096);
    for (; *text; text++) {
        unsigned char c = (unsigned char) *text;

        if (isalnum(c) || strchr("-._~", c))
            (void) edge_buf_append(&out, text, 1);
        else
            (void) edge_buf_printf(&out, "%%%02X", c);
    }
    return edge_buf_take(&out);
}

static int exit_of(const char *path, int status)
{
    bool document = strncmp(path, "/plan", 5) == 0 || strncmp(path, "/apply", 6) == 0;

    if (status == 404)
        return CLI_NO_MODULE;
    return document && status >= 400 && status < 500 ? CLI_REFUSED : CLI_FAILED;
}

static int explain(const char *path, const struct edge_http_response *response)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;
    const char *message = NULL;

    if (response->body.data &&
        edge_json_parse(response->body.data, response->body.len, &answer, NULL) == 0)
        message = edge_json_str(edge_json_get(answer, "message"), NULL);
    return cli_complain(exit_of(path, response->status), "%s",
                        message ? message : "the agent gave no reason");
}

static int explain_silence(const struct cli *cli, int rc, const struct edge_err *err)
{
    if (rc == EDGE_EUNAVAILABLE)
        return cli_complain(CLI_UNREACHABLE,
                            "cannot reach the agent at %s: is edge-agent running, and may you "
                            "open its socket? (%s)",
                            cli->uri, err->text);
    return cli_complain(CLI_FAILED, "%s", *err->text ? err->text : edge_strerror(rc));
}

static const char *socket_of(const struct cli *cli)
{
    return strncmp(cli->uri, "unix://", 7) == 0 ? cli->uri + 7 : cli->uri;
}

static int request(const struct cli *cli, const char *path, struct edge_http_request *request,
                   struct edge_http_response *response)
{
    EDGE_CLEANUP(edge_free) char *url = edge_format("http://agent%s", path);
    struct edge_err err = {0};
    int rc;

    if (!url)
        return cli_complain(CLI_FAILED, "out of memory");
    request->url = url;
    request->unix_path = socket_of(cli);
    rc = edge_http_request(request, response, &err);
    if (rc < 0)
        return explain_silence(cli, rc, &err);
    return response->status / 100 == 2 ? CLI_OK : explain(path, response);
}

int cli_ask(const struct cli *cli, const char *path, const struct edge_bytes *body,
            struct edge_json **ret)
{
    static const struct edge_http_header json = {"Content-Type", "application/json"};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    struct edge_http_request ask = {
        .method = body ? "POST" : "GET",
        .headers = &json,
        .nheaders = body ? 1 : 0,
        .body = body ? *body : (struct edge_bytes){0},
        .stall_s = ANSWER_S,
        .max_body = ANSWER_MAX,
    };
    struct edge_err err = {0};
    int rc = request(cli, path, &ask, &response);

    if (rc != CLI_OK || !ret)
        return rc;
    *ret = NULL;
    if (response.body.len > 0 &&
        edge_json_parse(response.body.data, response.body.len, ret, &err) < 0)
        return cli_complain(CLI_FAILED, "the agent's answer cannot be read: %s", err.text);
    return CLI_OK;
}

int cli_stream(const struct cli *cli, const char *path,
               int (*fn)(struct edge_bytes data, void *arg), void *arg)
{
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    struct edge_http_request ask = {.stall_s = -1, .on_body = fn, .arg = arg};

    return request(cli, path, &ask, &response);
}
