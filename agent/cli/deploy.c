/* edgectl plan FILE, edgectl apply FILE, edgectl restart MODULE */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/cli/api.h"
#include "agent/cli/table.h"
#include "common/base/file.h"

enum { DOCUMENT_MAX = 1 << 20 };

/* The one argument a command takes. */
static const char *argument(const struct cli *cli, const char *what)
{
    if (cli->argc == 2 && (cli->argv[1][0] != '-' || strcmp(cli->argv[1], "-") == 0))
        return cli->argv[1];
    edge_ignore(cli_complain(CLI_USAGE, "%s takes %s", cli->argv[0], what));
    return NULL;
}

static int read_document(const struct cli *cli, struct edge_buf *buf)
{
    const char *path = argument(cli, "one deployment file (- for standard input)");
    struct edge_err err = {0};

    if (!path)
        return CLI_USAGE;
    if (edge_file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, buf, &err) < 0)
        return cli_complain(CLI_FAILED, "%s", err.text);
    return CLI_OK;
}

static int send_document(const struct cli *cli, const char *path, struct edge_json **ret)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text;
    struct edge_bytes body;
    int rc;

    edge_buf_init(&text, DOCUMENT_MAX);
    rc = read_document(cli, &text);
    if (rc != CLI_OK)
        return rc;
    body = (struct edge_bytes){(const uint8_t *) (text.data ? text.data : ""), text.len};
    return cli_ask(cli, path, &body, ret);
}

static void print_json(const struct edge_json *value)
{
    EDGE_CLEANUP(edge_free) char *text = edge_json_text(value);

    puts(text ? text : "null");
}

int cli_plan(const struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"STEP", "step"}, {"MODULE", "module"}, {"ORDER", "startupOrder"}, {"REASON", "reason"}};
    EDGE_CLEANUP(edge_json_free) struct edge_json *plan = NULL;
    const struct edge_json *steps;
    int rc = send_document(cli, "/plan", &plan);

    if (rc != CLI_OK)
        return rc;
    steps = edge_json_get(plan, "steps");
    if (cli->json)
        print_json(plan);
    else if (edge_json_len(steps) == 0)
        puts("nothing to do");
    else
        cli_table(stdout, columns, EDGE_ARRAY_LEN(columns), steps);
    return CLI_OK;
}

int cli_apply(const struct cli *cli)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;
    int rc = send_document(cli, "/apply", &answer);

    if (rc == CLI_OK && cli->json)
        print_json(answer);
    else if (rc == CLI_OK)
        puts("applied; `edgectl list` shows how far it is");
    return rc;
}

int cli_restart(const struct cli *cli)
{
    static const struct edge_bytes nothing = {(const uint8_t *) "", 0};
    const char *module = argument(cli, "the name of one module");
    EDGE_CLEANUP(edge_free) char *escaped = module ? cli_escape(module) : NULL;
    EDGE_CLEANUP(edge_free)
    char *path = escaped ? edge_format("/modules/%s/restart", escaped) : NULL;
    int rc;

    if (!module)
        return CLI_USAGE;
    if (!path)
        return cli_complain(CLI_FAILED, "out of memory");
    rc = cli_ask(cli, path, &nothing, NULL);
    if (rc == CLI_OK && cli->json)
        printf("{\"restarting\":true}\n");
    else if (rc == CLI_OK)
        printf("restarting %s\n", module);
    return rc;
}
