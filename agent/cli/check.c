/* `edgectl check`: does the agent answer, has it taken its deployment, does everything run that
 * should? One line each; a failed one says what to look at next. */
#include <stdio.h>
#include <string.h>

#include "agent/cli/cli.h"

struct checks {
    bool json;
    bool failed;
    struct edge_json *results;
};

static void report(struct checks *checks, const char *name, bool ok, const char *detail)
{
    struct edge_json *result;

    checks->failed = checks->failed || !ok;
    if (!checks->json) {
        printf("%-6s %s: %s\n", ok ? "ok" : "FAILED", name, detail);
        return;
    }
    result = edge_json_new_object();
    edge_ignore(edge_json_set_str(result, "check", name));
    edge_ignore(edge_json_set_bool(result, "ok", ok));
    edge_ignore(edge_json_set_str(result, "detail", detail));
    edge_ignore(edge_json_append(checks->results, result));
}

static void check_deployment(struct checks *checks, const struct edge_json *info)
{
    const struct edge_json *deployment = edge_json_get(info, "deployment");
    int64_t code = edge_json_int(edge_json_get(deployment, "code"), 0);
    const char *text = edge_json_str(edge_json_get(deployment, "description"), "");
    char detail[512];

    if (code == 200)
        (void) snprintf(detail, sizeof detail, "accepted");
    else
        (void) snprintf(detail, sizeof detail, "code %lld %s", (long long) code, text);
    report(checks, "deployment", code == 200, detail);
}

static void check_modules(struct checks *checks, const struct edge_json *modules)
{
    for (size_t i = 0; i < edge_json_len(modules); i++) {
        const struct edge_json *m = edge_json_at(modules, i);
        const char *status = edge_json_str(edge_json_get(m, "status"), "");
        const char *wanted = edge_json_str(edge_json_get(m, "desiredStatus"), "running");
        char name[160];
        char detail[512];

        (void) snprintf(name, sizeof name, "module %s",
                        edge_json_str(edge_json_get(m, "name"), ""));
        (void) snprintf(detail, sizeof detail, "%s, %s", status,
                        edge_json_str(edge_json_get(m, "description"), ""));
        report(checks, name, strcmp(wanted, "running") != 0 || strcmp(status, "running") == 0,
               detail);
    }
}

int cli_check(struct cli *cli)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *info = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *list = NULL;
    struct checks checks = {.json = cli->json};
    char detail[256];
    int exit_code = cli_get(cli, "/systeminfo", &info);

    if (exit_code == CLI_OK)
        exit_code = cli_get(cli, "/modules", &list);
    if (exit_code != CLI_OK)
        return exit_code;
    checks.results = cli->json ? edge_json_new_array() : NULL;
    (void) snprintf(detail, sizeof detail, "version %s answers at %s",
                    edge_json_str(edge_json_get(info, "version"), "unknown"), cli->uri);
    report(&checks, "agent", true, detail);
    check_deployment(&checks, info);
    check_modules(&checks, edge_json_get(list, "modules"));
    if (cli->json && cli_print_json(checks.results) != CLI_OK)
        return CLI_FAILED;
    return checks.failed ? CLI_FAILED : CLI_OK;
}
