#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/cli/cli.h"

enum { URL_MAX = 8192, CONNECT_MS = 5000 };

int cli_fail(int exit_code, const char *fmt, ...)
{
    va_list args;

    fflush(stdout);
    va_start(args, fmt);
    fputs("edgectl: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    return exit_code;
}

static void escape(struct edge_buf *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";

    for (; *text; text++) {
        if (strchr(plain, *text))
            edge_buf_append(out, text, 1);
        else
            edge_buf_printf(out, "%%%02X", (unsigned char) *text);
    }
}

void cli_module_path(struct edge_buf *out, const char *module, const char *what)
{
    edge_buf_puts(out, "/modules/");
    escape(out, module);
    if (what)
        edge_buf_printf(out, "/%s", what);
}

void cli_query(struct edge_buf *out, const char *name, const char *value)
{
    if (!value)
        return;
    edge_buf_printf(out, "&%s=", name);
    escape(out, value);
}

static int unreachable(const struct cli *cli, const char *socket, const struct edge_err *err)
{
    if (socket && access(socket, F_OK) == 0 && access(socket, W_OK) < 0 && errno == EACCES)
        return cli_fail(CLI_UNREACHABLE,
                        "may not use the agent's socket %s: be root or a member of its group",
                        socket);
    return cli_fail(CLI_UNREACHABLE, "cannot reach the agent at %s: is edge-agent running? (%s)",
                    cli->uri, err->text);
}

/* The answer is no success: print the reason it gives. */
static int refused(const char *method, const struct edge_http_response *response)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = NULL;
    const char *reason = NULL;
    char fallback[64];

    if (edge_json_parse(response->body.data ? response->body.data : "", response->body.len, &body,
                        NULL) == 0)
        reason = edge_json_str(edge_json_get(body, "message"), NULL);
    (void) snprintf(fallback, sizeof fallback, "the agent answered with status %d",
                    response->status);
    if (!reason || !*reason)
        reason = fallback;
    switch (response->status) {
    case 404:
        return cli_fail(CLI_NO_MODULE, "%s", reason);
    case 400:
        if (strcmp(method, "GET") == 0) /* no document: a parameter */
            return cli_fail(CLI_USAGE, "%s", reason);
        return cli_fail(CLI_REFUSED, "refused with code 400: %s", reason);
    case 412:
    case 417:
        return cli_fail(CLI_REFUSED, "refused with code %d: %s", response->status, reason);
    default:
        return cli_fail(CLI_FAILED, "%s", reason);
    }
}

/* "unix:///run/x.sock" is a path and an URL with any host; "tcp://host:port" just an URL. */
static bool target(const struct cli *cli, const char *path, struct edge_buf *url,
                   const char **ret_socket)
{
    *ret_socket = NULL;
    if (strncmp(cli->uri, "unix://", 7) == 0) {
        *ret_socket = cli->uri + 7;
        edge_buf_printf(url, "http://localhost%s", path);
    } else if (strncmp(cli->uri, "tcp://", 6) == 0) {
        edge_buf_printf(url, "http://%s%s", cli->uri + 6, path);
    } else {
        return false;
    }
    return edge_buf_error(url) == 0;
}

int cli_request(struct cli *cli, const char *method, const char *path, struct edge_bytes body,
                int (*on_body)(struct edge_bytes data, void *arg), void *arg,
                struct edge_http_response *ret)
{
    static const struct edge_http_header json = {"Content-Type", "application/json"};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf url = EDGE_BUF_INIT(URL_MAX);
    struct edge_http_request request = {
        .method = method,
        .body = body,
        .headers = &json,
        .nheaders = body.len > 0 ? 1 : 0,
        .connect_timeout_ms = CONNECT_MS,
        .stall_s = on_body ? -1 : 0,
        .max_body = 16 * 1024 * 1024,
        .on_body = on_body,
        .arg = arg,
    };
    struct edge_err err = {0};
    int rc;

    if (!target(cli, path, &url, &request.unix_path))
        return cli_fail(CLI_USAGE, "%s: expected unix:///path or tcp://address:port", cli->uri);
    if (on_body)
        request.max_body = 0;
    request.url = url.data;
    rc = edge_http_request(&request, ret, &err);
    if (rc == EDGE_EUNAVAILABLE && ret->status == 0)
        return unreachable(cli, request.unix_path, &err);
    if (rc < 0)
        return cli_fail(CLI_FAILED, "%s", *err.text ? err.text : edge_strerror(rc));
    return ret->status / 100 == 2 ? CLI_OK : refused(method, ret);
}

int cli_get(struct cli *cli, const char *path, struct edge_json **ret)
{
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    struct edge_err err = {0};
    int exit_code =
        cli_request(cli, "GET", path, (struct edge_bytes){NULL, 0}, NULL, NULL, &response);

    if (exit_code != CLI_OK)
        return exit_code;
    if (edge_json_parse(response.body.data ? response.body.data : "", response.body.len, ret,
                        &err) < 0)
        return cli_fail(CLI_FAILED, "the agent's answer is not JSON: %s", err.text);
    return CLI_OK;
}

int cli_print_json(struct edge_json *value)
{
    EDGE_CLEANUP(edge_free) char *text = edge_json_text(value);

    edge_json_free(value);
    if (!text)
        return cli_fail(CLI_FAILED, "out of memory");
    return puts(text) < 0 || fflush(stdout) != 0 ? CLI_FAILED : CLI_OK;
}
