#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/cli/cli.h"
#include "agent/cli/table.h"

enum { LINE_MAX = 16 * 1024 * 1024 };

static const char *word(const struct edge_json *module, const char *name)
{
    return edge_json_str(edge_json_get(module, name), "");
}

static int print_table(const struct edge_json *modules)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(LINE_MAX);
    struct cli_table table = {0};
    int exit_code = CLI_OK;

    cli_table_add(&table, (const char *const[]){"NAME", "STATUS", "DESCRIPTION", "CONFIG"});
    for (size_t i = 0; i < edge_json_len(modules); i++) {
        const struct edge_json *m = edge_json_at(modules, i);

        cli_table_add(&table, (const char *const[]){word(m, "name"), word(m, "status"),
                                                    word(m, "description"), word(m, "image")});
    }
    cli_table_print(&table, &out);
    cli_table_fini(&table);
    if (out.len > 0 && (fwrite(out.data, out.len, 1, stdout) != 1 || fflush(stdout) != 0))
        exit_code = CLI_FAILED;
    return exit_code;
}

/* @p answer is {"modules":[…]} */
static int print(const struct cli *cli, const struct edge_json *answer)
{
    const struct edge_json *modules = edge_json_get(answer, "modules");

    if (!edge_json_is(modules, EDGE_JSON_ARRAY))
        return cli_fail(CLI_FAILED, "the agent's answer has no list of modules");
    return cli->json ? cli_print_json(edge_json_copy(modules)) : print_table(modules);
}

/* Lists that come one a line. */
struct watch {
    const struct cli *cli;
    struct edge_buf line;
    bool tty;
    bool again;
    int exit_code;
};

static void show(struct watch *w, const char *line, size_t len)
{
    static const char clear[] = "\033[H\033[2J";
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;

    if (edge_json_parse(line, len, &answer, NULL) < 0) {
        w->exit_code = cli_fail(CLI_FAILED, "the agent's answer is not JSON");
        return;
    }
    if (!w->cli->json)
        fputs(w->tty ? clear : w->again ? "\n" : "", stdout);
    w->again = true;
    w->exit_code = print(w->cli, answer);
}

static int on_body(struct edge_bytes data, void *arg)
{
    struct watch *w = arg;
    const char *end;

    if (edge_buf_append(&w->line, data.data, data.len) < 0)
        return EDGE_ELIMIT;
    while (w->exit_code == CLI_OK && w->line.len > 0 &&
           (end = memchr(w->line.data, '\n', w->line.len)) != NULL) {
        size_t len = (size_t) (end - w->line.data);

        show(w, w->line.data, len);
        edge_buf_consume(&w->line, len + 1);
    }
    return w->exit_code == CLI_OK ? 0 : EDGE_HTTP_STOP;
}

static int watch(struct cli *cli)
{
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    struct watch w = {.cli = cli, .tty = isatty(STDOUT_FILENO)};
    int exit_code;

    edge_buf_init(&w.line, LINE_MAX);
    exit_code = cli_request(cli, "GET", "/modules?watch=true", (struct edge_bytes){NULL, 0},
                            on_body, &w, &response);
    edge_buf_fini(&w.line);
    if (w.exit_code != CLI_OK)
        return w.exit_code;
    return exit_code != CLI_OK ? exit_code
                               : cli_fail(CLI_UNREACHABLE, "the agent has ended the connection");
}

int cli_list(struct cli *cli)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;
    int exit_code;

    if (cli->watch)
        return watch(cli);
    exit_code = cli_get(cli, "/modules", &answer);
    return exit_code == CLI_OK ? print(cli, answer) : exit_code;
}
