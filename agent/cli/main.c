/* edgectl - the operator's command line: options in, one command out. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli/cli.h"
#include "agent/config/config.h"

#define USUAL_URI "unix:///run/edge/mgmt.sock"

static const char help[] =
    "usage: edgectl [--config FILE] [--host URI] [--json] COMMAND\n"
    "\n"
    "  list [--watch]      all modules and their state; again after every change\n"
    "  logs MODULE         what a module has printed: its stdout and stderr\n"
    "    -f, --follow        go on with what it prints from now\n"
    "    --tail N|all        only the last N lines\n"
    "    --since T           lines from T on: 2024-01-31T12:00:00Z, 1706702400 or 1h30m ago\n"
    "    --until T           lines up to T\n"
    "    --timestamps        before each line the time it was printed\n"
    "  restart MODULE      stop a module and start it again\n"
    "  plan FILE           what a deployment would change, in order (- is standard input)\n"
    "  apply FILE          make a deployment the one that is wanted\n"
    "  routes test ROUTES.json MESSAGE.json\n"
    "                      what each route makes of a message: true, false, undefined, or error.\n"
    "                      ROUTES.json is the `routes` of $edgeHub's twin; MESSAGE.json is\n"
    "                      {\"source\": \"/messages/modules/m/outputs/o\", \"properties\": {},\n"
    "                      \"systemProperties\": {}, \"body\": {}}; the body is any JSON value\n"
    "                      and sent as this JSON, in UTF-8, also a string, with its quotes\n"
    "  check               does the agent answer, and does everything run that should?\n"
    "  version             of this program\n"
    "\n"
    "  --config FILE       where the agent's address is written (" AGENT_CONFIG_PATH ")\n"
    "  --host URI          the agent's address: unix:///path or tcp://address:port\n"
    "  --json              print JSON; with --watch one array a line\n"
    "\n"
    "exit codes: 0 done, 1 failed or a route is in error, 2 wrong usage,\n"
    "            3 the agent cannot be reached, 4 no such module, 5 the deployment is refused\n";

enum {
    OPT_CONFIG = 1 << 8, /* clear of the short options */
    OPT_HOST,
    OPT_JSON,
    OPT_TAIL,
    OPT_SINCE,
    OPT_UNTIL,
    OPT_TIMESTAMPS,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option options[] = {
    {"config", required_argument, NULL, OPT_CONFIG},
    {"host", required_argument, NULL, OPT_HOST},
    {"json", no_argument, NULL, OPT_JSON},
    {"watch", no_argument, NULL, 'w'},
    {"follow", no_argument, NULL, 'f'},
    {"tail", required_argument, NULL, OPT_TAIL},
    {"since", required_argument, NULL, OPT_SINCE},
    {"until", required_argument, NULL, OPT_UNTIL},
    {"timestamps", no_argument, NULL, OPT_TIMESTAMPS},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static int print_version(struct cli *cli)
{
    struct edge_json *version;

    if (!cli->json)
        return puts("edgectl " EDGE_VERSION) < 0 ? CLI_FAILED : CLI_OK;
    version = edge_json_new_object();
    edge_ignore(edge_json_set_str(version, "version", EDGE_VERSION));
    return cli_print_json(version);
}

static const struct command {
    const char *name;
    int (*run)(struct cli *cli);
    const char *argument; /* what it needs, NULL: nothing */
    int count;            /* words of that */
    bool watch;           /* takes --watch */
    bool logs;            /* takes the options of logs */
    bool local;           /* needs no agent */
} commands[] = {
    {"list", cli_list, NULL, 0, true, false, false},
    {"logs", cli_logs, "MODULE", 1, false, true, false},
    {"restart", cli_restart, "MODULE", 1, false, false, false},
    {"plan", cli_plan, "FILE", 1, false, false, false},
    {"apply", cli_apply, "FILE", 1, false, false, false},
    {"routes", cli_routes, "test ROUTES.json MESSAGE.json", 3, false, false, true},
    {"check", cli_check, NULL, 0, false, false, false},
    {"version", print_version, NULL, 0, false, false, true},
};

static int usage(const char *what, const char *which)
{
    return cli_fail(CLI_USAGE, "%s%s; see edgectl --help", what, which);
}

static void take_option(struct cli *cli, int option)
{
    switch (option) {
    case OPT_CONFIG:
        cli->config_path = optarg;
        break;
    case OPT_HOST:
        free(cli->uri);
        cli->uri = edge_strdup(optarg);
        break;
    case OPT_JSON:
        cli->json = true;
        break;
    case 'w':
        cli->watch = true;
        break;
    case 'f':
        cli->follow = true;
        break;
    case OPT_TAIL:
        cli->tail = optarg;
        break;
    case OPT_SINCE:
        cli->since = optarg;
        break;
    case OPT_UNTIL:
        cli->until = optarg;
        break;
    case OPT_TIMESTAMPS:
        cli->timestamps = true;
        break;
    default:
        break;
    }
}

/* The agent's address by the configuration. Without one the usual place will do. */
static int find_agent(struct cli *cli)
{
    EDGE_CLEANUP(agent_config_free) struct agent_config *config = NULL;
    const char *path = cli->config_path ? cli->config_path : AGENT_CONFIG_PATH;
    struct edge_err err = {0};
    int rc;

    if (cli->uri)
        return CLI_OK;
    rc = agent_config_load(path, NULL, NULL, &config, &err);
    if (rc < 0 && (cli->config_path || (rc != -ENOENT && rc != -EACCES)))
        return cli_fail(CLI_FAILED, "%s (--host goes without it)", err.text);
    cli->uri = edge_strdup(rc < 0 ? USUAL_URI : config->listen.management_uri);
    return cli->uri ? CLI_OK : cli_fail(CLI_FAILED, "out of memory");
}

static int run(struct cli *cli, char **words, int count)
{
    const struct command *command = NULL;
    bool for_logs = cli->follow || cli->timestamps || cli->tail || cli->since || cli->until;
    int exit_code;

    if (count == 0)
        return usage("no command", "");
    for (size_t i = 0; i < EDGE_ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, words[0]) == 0)
            command = &commands[i];
    }
    if (!command)
        return usage("no such command: ", words[0]);
    if ((cli->watch && !command->watch) || (for_logs && !command->logs))
        return usage("this option is not for ", command->name);
    if (count < 1 + command->count)
        return cli_fail(CLI_USAGE, "usage: edgectl %s %s; see edgectl --help", command->name,
                        command->argument);
    if (count > 1 + command->count)
        return usage("one argument too many: ", words[count - 1]);
    cli->arguments = words + 1;
    cli->argument = command->argument ? words[1] : NULL;
    exit_code = command->local ? CLI_OK : find_agent(cli);
    return exit_code == CLI_OK ? command->run(cli) : exit_code;
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    int exit_code = CLI_OK;
    int option;

    while ((option = getopt_long(argc, argv, "fw", options, NULL)) != -1) {
        if (option == '?') {
            free(cli.uri);
            return CLI_USAGE;
        }
        if (option == OPT_HELP) {
            free(cli.uri);
            return fputs(help, stdout) < 0 ? CLI_FAILED : CLI_OK;
        }
        if (option == OPT_VERSION) {
            free(cli.uri);
            return print_version(&cli);
        }
        take_option(&cli, option);
    }
    exit_code = run(&cli, argv + optind, argc - optind);
    free(cli.uri);
    if (fflush(stdout) != 0 && exit_code == CLI_OK)
        exit_code = CLI_FAILED;
    return exit_code;
}
