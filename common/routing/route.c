/* A route: [SELECT *] FROM source [WHERE condition] INTO sink. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/routing/compile.h"
#include "common/routing/set.h"
#include "common/routing/text.h"

/* /item/item…; a prefix of what it takes: without the stars and slashes at its end, with one slash.
 */
static int read_source(struct route_parser *p, struct edge_route *route)
{
    char *out = route->source;
    size_t len = 0;

    do {
        struct route_span item;
        int rc = route_expect(p, TOKEN_SLASH, "a source, /messages/* or so,");

        if (rc < 0)
            return rc;
        item = p->token.text;
        if (p->token.kind != TOKEN_NAME && p->token.kind != TOKEN_STAR)
            return route_unexpected(
                p, "a part of the source (no number, no word of the language, no $)");
        out[len++] = '/';
        memcpy(out + len, item.data, item.len);
        len += item.len;
        route_advance(p);
    } while (p->token.kind == TOKEN_SLASH);
    while (len > 0 && out[len - 1] == '*')
        len--;
    while (len > 0 && out[len - 1] == '/')
        len--;
    out[len++] = '/';
    route->source_len = len;
    return 0;
}

/* One part of the address, up to a slash. */
static struct route_span next_part(struct route_span *rest)
{
    const char *slash = memchr(rest->data, '/', rest->len);
    struct route_span part = {rest->data, slash ? (size_t) (slash - rest->data) : rest->len};
    size_t step = part.len + (slash ? 1 : 0);

    *rest = (struct route_span){rest->data + step, rest->len - step};
    return part;
}

static struct route_span trimmed(struct route_span text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]))
        text.len--;
    return text;
}

/* "/modules/<module>/inputs/<input>": four parts, of which the original looks at two. */
static int read_address(struct route_parser *p, struct route_span quoted, struct edge_route *route)
{
    struct route_span rest = trimmed((struct route_span){quoted.data + 1, quoted.len - 2});
    struct route_span parts[4];
    size_t count = 0;

    if (rest.len > 0 && rest.data[0] == '/')
        rest = (struct route_span){rest.data + 1, rest.len - 1};
    if (rest.len > 0 && rest.data[rest.len - 1] == '/')
        rest.len--;
    while (count < 4 && rest.len > 0)
        parts[count++] = next_part(&rest);
    if (count < 4 || rest.len > 0 || trimmed(parts[1]).len == 0 || trimmed(parts[3]).len == 0 ||
        memchr(quoted.data, '\0', quoted.len))
        return route_fail(p, EDGE_EINVALID, quoted,
                          "The address %.*s is not \"/modules/<module>/inputs/<input>\"",
                          route_shown(quoted), quoted.data);
    memcpy(route->module, parts[1].data, parts[1].len);
    memcpy(route->input, parts[3].data, parts[3].len);
    route->sink = (struct edge_route_sink){.module = route->module, .input = route->input};
    return 0;
}

static int read_endpoint(struct route_parser *p, struct edge_route *route)
{
    struct route_span name = p->token.text;
    struct route_span address;
    int rc;

    route_advance(p);
    if (route_span_is(name, "upstream"))
        return route_fail(p, EDGE_EINVALID, name, "Syntax error: write $upstream");
    if (!route_span_is(name, "BrokeredEndpoint"))
        return route_fail(p, EDGE_EINVALID, name, "Function endpoint type '%.*s' is not supported",
                          route_shown(name), name.data);
    rc = route_expect(p, TOKEN_OPEN, "'('");
    address = p->token.text;
    if (rc == 0)
        rc = route_expect(p, TOKEN_STRING, "an address in quotes");
    if (rc == 0)
        rc = route_expect(p, TOKEN_CLOSE, "')'");
    return rc < 0 ? rc : read_address(p, address, route);
}

static int read_sink(struct route_parser *p, struct edge_route *route)
{
    struct route_span name = p->token.text;

    if (p->token.kind == TOKEN_NAME)
        return read_endpoint(p, route);
    if (p->token.kind != TOKEN_DOLLAR)
        return route_unexpected(
            p, "$upstream or BrokeredEndpoint(\"/modules/<module>/inputs/<input>\")");
    if (!route_span_is(name, "$upstream"))
        return route_fail(p, EDGE_EINVALID, name, "System endpoint type '%.*s' is not supported",
                          route_shown(name), name.data);
    route_advance(p);
    route->sink = (struct edge_route_sink){.upstream = true, .module = "", .input = ""};
    return 0;
}

static int read_head(struct route_parser *p)
{
    int rc = 0;

    if (p->token.kind == TOKEN_SELECT) {
        route_advance(p);
        rc = route_expect(p, TOKEN_STAR, "'*'");
    }
    return rc < 0 ? rc : route_expect(p, TOKEN_FROM, "FROM");
}

/* The original stops reading here: a WHERE behind INTO would be no condition at all. */
static int read_end(struct route_parser *p)
{
    struct route_span text = p->token.text;

    if (p->token.kind == TOKEN_END)
        return 0;
    return route_fail(p, EDGE_EINVALID, text,
                      "Syntax error: '%.*s' behind the sink; a route ends there, and a condition "
                      "stands before INTO",
                      route_shown(text), text.data);
}

static int read_route(struct route_parser *p, struct edge_route *route)
{
    int rc = read_head(p);

    if (rc == 0)
        rc = read_source(p, route);
    if (rc == 0 && p->token.kind == TOKEN_WHERE) {
        route_advance(p);
        rc = route_condition(p);
    }
    if (rc == 0)
        rc = route_expect(p, TOKEN_INTO, p->program->len ? "an operator or INTO" : "WHERE or INTO");
    if (rc == 0)
        rc = read_sink(p, route);
    return rc < 0 ? rc : read_end(p);
}

static int check_text(struct route_parser *p)
{
    struct route_span text = p->lexer.text;
    size_t at = 0;

    if (text.len > EDGE_ROUTE_TEXT_MAX)
        return edge_fail(p->err, EDGE_ELIMIT, "The route is longer than %d bytes",
                         EDGE_ROUTE_TEXT_MAX);
    while (at < text.len) {
        size_t step = text.data[at] ? edge_utf8_char(text.data + at, text.len - at) : 0;

        if (step == 0)
            return route_fail(p, EDGE_EINVALID, (struct route_span){text.data + at, 1},
                              "Syntax error: a byte that is no character");
        at += step;
    }
    if (trimmed(text).len == 0)
        return edge_fail(p->err, EDGE_EINVALID, "line 1, column 1 (1:1-1:2): The route is empty");
    return 0;
}

int edge_route_compile(const char *text, size_t len, struct edge_route **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_route_free) struct edge_route *route = NULL;
    struct route_parser p = {.lexer = {.text = {text, len}}, .err = err};
    int rc;

    assert(text && ret);
    rc = check_text(&p);
    if (rc < 0)
        return rc;
    /* The text, its literals, the source, the sink's two names: none is longer than the text. */
    route = calloc(1, sizeof *route + 5 * (len + 2));
    if (!route)
        return -ENOMEM;
    memcpy(route->memory, text, len);
    route->source = route->memory + 2 * (len + 2);
    route->module = route->memory + 3 * (len + 2);
    route->input = route->memory + 4 * (len + 2);
    p.lexer.text.data = route->memory;
    p.pool = route->memory + len + 2;
    p.program = &route->program;
    route_advance(&p);
    rc = read_route(&p, route);
    if (rc == 0 && p.type_error.code != 0) {
        rc = p.type_error.code;
        if (err)
            *err = p.type_error;
    }
    if (rc < 0)
        return rc;
    *ret = EDGE_TAKE(route);
    return 0;
}

struct edge_route *edge_route_free(struct edge_route *route)
{
    if (!route)
        return NULL;
    free(route->program.ops);
    route_tree_fini(&route->program.tree);
    free(route);
    return NULL;
}

const struct edge_route_sink *edge_route_sink(const struct edge_route *route)
{
    return &route->sink;
}
