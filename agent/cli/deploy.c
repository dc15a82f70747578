#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/cli/cli.h"
#include "agent/cli/table.h"
#include "common/base/file.h"

enum { DOCUMENT_MAX = 1024 * 1024 }; /* the agent takes no more */

static int read_document(const char *path, struct edge_buf *out)
{
    bool standard = strcmp(path, "-") == 0;
    struct edge_err err = {0};
    int rc;

    edge_buf_init(out, DOCUMENT_MAX);
    rc = edge_file_read(standard ? "/dev/stdin" : path, out, &err);
    if (rc == EDGE_ELIMIT)
        return cli_fail(CLI_REFUSED, "%s: larger than a deployment may be (1 MiB)", path);
    if (rc < 0)
        return cli_fail(CLI_FAILED, "%s", err.text);
    if (out->len == 0)
        return cli_fail(CLI_REFUSED, "%s: the document is empty", path);
    return CLI_OK;
}

static int send(struct cli *cli, const char *path, struct edge_json **ret)
{
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf document = EDGE_BUF_INIT(0);
    int exit_code = read_document(cli->argument, &document);

    if (exit_code == CLI_OK)
        exit_code = cli_request(cli, "POST", path,
                                (struct edge_bytes){(uint8_t *) document.data, document.len}, NULL,
                                NULL, &response);
    if (exit_code != CLI_OK)
        return exit_code;
    if (edge_json_parse(response.body.data ? response.body.data : "", response.body.len, ret,
                        NULL) < 0)
        return cli_fail(CLI_FAILED, "the agent's answer is not JSON");
    return CLI_OK;
}

static int print_plan(const struct edge_json *plan)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(1024 * 1024);
    const struct edge_json *steps = edge_json_get(plan, "steps");
    struct cli_table table = {0};

    if (edge_json_len(steps) == 0)
        return puts("nothing to do") < 0 ? CLI_FAILED : CLI_OK;
    cli_table_add(&table, (const char *const[]){"", "STEP", "MODULE", "REASON"});
    for (size_t i = 0; i < edge_json_len(steps); i++) {
        const struct edge_json *step = edge_json_at(steps, i);
        char number[24];

        (void) snprintf(number, sizeof number, "%zu", i + 1);
        cli_table_add(&table,
                      (const char *const[]){number, edge_json_str(edge_json_get(step, "step"), ""),
                                            edge_json_str(edge_json_get(step, "module"), ""),
                                            edge_json_str(edge_json_get(step, "reason"), "")});
    }
    cli_table_print(&table, &out);
    cli_table_fini(&table);
    return out.len > 0 && fwrite(out.data, out.len, 1, stdout) == 1 ? CLI_OK : CLI_FAILED;
}

int cli_plan(struct cli *cli)
{
    struct edge_json *plan = NULL;
    int exit_code = send(cli, "/plan", &plan);

    if (exit_code != CLI_OK)
        return exit_code;
    if (cli->json)
        return cli_print_json(plan);
    exit_code = print_plan(plan);
    edge_json_free(plan);
    return exit_code;
}

int cli_apply(struct cli *cli)
{
    struct edge_json *answer = NULL;
    int exit_code = send(cli, "/apply", &answer);

    if (exit_code != CLI_OK)
        return exit_code;
    if (cli->json)
        return cli_print_json(answer);
    edge_json_free(answer);
    return puts("deployment accepted; `edgectl list --watch` shows it take effect") < 0 ? CLI_FAILED
                                                                                        : CLI_OK;
}

int cli_restart(struct cli *cli)
{
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf path = EDGE_BUF_INIT(4096);
    int exit_code;

    cli_module_path(&path, cli->argument, "restart");
    if (edge_buf_error(&path) < 0)
        return cli_fail(CLI_USAGE, "this name is too long");
    exit_code =
        cli_request(cli, "POST", path.data, (struct edge_bytes){NULL, 0}, NULL, NULL, &response);
    if (exit_code != CLI_OK)
        return exit_code;
    if (cli->json) {
        struct edge_json *done = edge_json_new_object();

        edge_ignore(edge_json_set_str(done, "restarted", cli->argument));
        return cli_print_json(done);
    }
    return printf("Restarted %s\n", cli->argument) < 0 ? CLI_FAILED : CLI_OK;
}
