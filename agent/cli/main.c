/* edgectl - the operator's command line. Talks to the agent's management socket, never to the
 * cloud. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/cli/api.h"
#include "agent/config/config.h"

static const struct command {
    const char *name;
    int (*run)(const struct cli *cli);
    const char *help;
} commands[] = {
    {"list", cli_list, "list [--watch]                modules and how they are"},
    {"logs", cli_logs,
     "logs MODULE [-f] [--tail N] [--since T] [--until T] [--timestamps]\n"
     "                                T: RFC 3339, UNIX seconds, or back from now: \"1h30m\", \"2 "
     "days\""},
    {"restart", cli_restart, "restart MODULE                stop it and start it again"},
    {"plan", cli_plan,
     "plan FILE                     what a deployment would change (- for stdin)"},
    {"apply", cli_apply, "apply FILE                    make a deployment true (- for stdin)"},
    {"version", cli_version, "version                       of edgectl and of the agent"},
};

static void usage(FILE *to)
{
    fputs("usage: edgectl [--config FILE] [--host URI] [--json] COMMAND …\n\n", to);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(commands); i++)
        fprintf(to, "  %s\n", commands[i].help);
    fputs("\n"
          "  --config FILE   names the agent's socket; default " AGENT_CONFIG_PATH "\n"
          "  --host URI      the socket itself: unix:///run/edge/mgmt.sock\n"
          "  --json          machine-readable output, with every command\n"
          "\n"
          "Exit codes: 0 done · 1 failed · 2 bad arguments or configuration · 3 the agent is not\n"
          "reachable · 4 no such module · 5 the deployment is refused, nothing was changed.\n",
          to);
}

int cli_version(const struct cli *cli)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *info = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *out = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *text = NULL;
    const char *agent = NULL;

    if (access(strncmp(cli->uri, "unix://", 7) == 0 ? cli->uri + 7 : cli->uri, F_OK) == 0 &&
        cli_ask(cli, "/systeminfo", NULL, &info) == CLI_OK)
        agent = edge_json_str(edge_json_get(info, "version"), NULL);
    if (!cli->json) {
        printf("edgectl    " EDGE_VERSION "\nedge-agent %s\n", agent ? agent : "not reachable");
        return CLI_OK;
    }
    edge_ignore(edge_json_set_str(out, "edgectl", EDGE_VERSION));
    edge_ignore(edge_json_set_str(out, "agent", agent));
    text = edge_json_text(out);
    puts(text ? text : "{}");
    return CLI_OK;
}

static void warn(const char *text, void *arg)
{
    (void) arg;
    fprintf(stderr, "edgectl: %s\n", text);
}

static int find_socket(struct cli *cli, const char *config_path, const char *host)
{
    EDGE_CLEANUP(agent_config_free) struct agent_config *config = NULL;
    struct edge_err err = {0};

    if (!host && agent_config_load(config_path, warn, NULL, &config, &err) < 0)
        return cli_complain(CLI_USAGE,
                            "%s (name another file with --config, or the socket with "
                            "--host)",
                            err.text);
    cli->uri = edge_strdup(host ? host : config->listen.management_uri);
    return cli->uri ? CLI_OK : cli_complain(CLI_FAILED, "out of memory");
}

/* --json is taken wherever it stands: before or after the command. */
static void take_json(struct cli *cli)
{
    int n = 0;

    for (int i = 0; i < cli->argc; i++) {
        if (strcmp(cli->argv[i], "--json") == 0)
            cli->json = true;
        else
            cli->argv[n++] = cli->argv[i];
    }
    cli->argv[n] = NULL;
    cli->argc = n;
}

static int run(struct cli *cli, const char *config_path, const char *host)
{
    int rc;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, cli->argv[0]) != 0)
            continue;
        rc = find_socket(cli, config_path, host);
        optind = 0; /* the command reads its own options anew */
        return rc == CLI_OK ? commands[i].run(cli) : rc;
    }
    return cli_complain(CLI_USAGE, "no command named %s; see edgectl --help", cli->argv[0]);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"host", required_argument, NULL, 'H'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *config = AGENT_CONFIG_PATH;
    const char *host = NULL;
    struct cli cli = {.argc = argc, .argv = argv};
    int opt;
    int rc;

    take_json(&cli);
    while ((opt = getopt_long(cli.argc, cli.argv, "+c:H:vh", options, NULL)) >= 0) {
        switch (opt) {
        case 'c':
            config = optarg;
            break;
        case 'H':
            host = optarg;
            break;
        case 'v':
            puts("edgectl " EDGE_VERSION);
            return CLI_OK;
        default:
            usage(opt == 'h' ? stdout : stderr);
            return opt == 'h' ? CLI_OK : CLI_USAGE;
        }
    }
    if (optind >= cli.argc) {
        usage(stderr);
        return CLI_USAGE;
    }
    cli.argv += optind;
    cli.argc -= optind;
    rc = run(&cli, config, host);
    free(cli.uri);
    if (fflush(stdout) != 0 || ferror(stdout))
        return rc == CLI_OK ? CLI_FAILED : rc;
    return rc;
}
