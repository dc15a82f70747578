/* edgectl list [--watch] */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/cli/api.h"
#include "agent/cli/table.h"

enum { LINE_MAX_BYTES = 8 << 20 };

static void show(const struct cli *cli, const struct edge_json *answer)
{
    static const struct cli_column columns[] = {
        {"NAME", "name"}, {"STATUS", "status"}, {"DESCRIPTION", "description"}, {"IMAGE", "image"}};
    const struct edge_json *modules = edge_json_get(answer, "modules");

    if (cli->json) {
        EDGE_CLEANUP(edge_free) char *text = edge_json_text(modules);

        puts(text && modules ? text : "[]");
    } else {
        cli_table(stdout, columns, EDGE_ARRAY_LEN(columns), modules);
    }
    fflush(stdout);
}

struct watch {
    const struct cli *cli;
    struct edge_buf line;
    bool again;
};

static void redraw(struct watch *watch, const char *line, size_t len)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;

    if (edge_json_parse(line, len, &answer, NULL) < 0)
        return;
    if (!watch->cli->json && isatty(STDOUT_FILENO))
        fputs("\033[H\033[J", stdout);
    else if (!watch->cli->json && watch->again)
        putchar('\n');
    watch->again = true;
    show(watch->cli, answer);
}

static int on_data(struct edge_bytes data, void *arg)
{
    struct watch *watch = arg;
    char *end;
    int rc = edge_buf_append(&watch->line, data.data, data.len);

    if (rc < 0)
        return rc;
    while (watch->line.len > 0 && (end = memchr(watch->line.data, '\n', watch->line.len)) != NULL) {
        size_t len = (size_t) (end - watch->line.data);

        redraw(watch, watch->line.data, len);
        edge_buf_consume(&watch->line, len + 1);
    }
    return 0;
}

static int watch_list(const struct cli *cli)
{
    struct watch watch = {.cli = cli};
    int rc;

    edge_buf_init(&watch.line, LINE_MAX_BYTES);
    rc = cli_stream(cli, "/modules?watch=true", on_data, &watch);
    edge_buf_fini(&watch.line);
    return rc;
}

int cli_list(const struct cli *cli)
{
    static const struct option options[] = {{"watch", no_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;
    bool watch = false;
    int opt;
    int rc;

    while ((opt = getopt_long(cli->argc, cli->argv, "w", options, NULL)) >= 0) {
        if (opt != 'w')
            return CLI_USAGE;
        watch = true;
    }
    if (optind < cli->argc)
        return cli_complain(CLI_USAGE, "list takes no argument: %s", cli->argv[optind]);
    if (watch)
        return watch_list(cli);
    rc = cli_ask(cli, "/modules", NULL, &answer);
    if (rc == CLI_OK)
        show(cli, answer);
    return rc;
}
