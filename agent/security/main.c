/* edge-securityd: wiring only. What each part does is in its room. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/args.h"
#include "agent/security/confine/confine.h"
#include "agent/security/daemon.h"
#include "agent/security/watchdog/launcher.h"
#include "common/base/file.h"
#include "common/base/log.h"

static void say_warning(const char *text, void *arg)
{
    (void) arg;
    edge_warn("%s", text);
}

static void say(const char *text)
{
    edge_warn("%s", text);
}

static const char usage[] =
    "usage: edge-securityd [--config FILE]\n"
    "\n"
    "Holds the device's keys and identity, serves modules their workload API, and keeps\n"
    "edge-agent running.\n"
    "\n"
    "  --config FILE   default " AGENT_CONFIG_PATH "\n"
    "  --version\n"
    "  --help\n"
    "\n"
    "Ends on SIGTERM, and the agent with it; modules run on. Exit codes: 0 ended on a\n"
    "signal, 1 failed, 153 bad arguments or configuration.\n";

/* The launcher before anything is given up. */
static int launch(const struct agent_config *config, const char *path, int *ret_fd,
                  struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *program = edge_beside("edge-agent");

    if (!config->watchdog.agent)
        return 0;
    return program ? sec_launcher_spawn(program, path, ret_fd, err)
                   : edge_fail(err, EDGE_ECHILD, "cannot tell where edge-agent is");
}

static int make_folders(const struct agent_config *config, struct edge_err *err)
{
    int rc = edge_mkdirs(config->homedir, 0755, err);

    return rc < 0 ? rc : edge_mkdirs(config->rundir, 0755, err);
}

static int prepare(const struct agent_config *config, const char *path, int *ret_fd,
                   struct edge_err *err)
{
    const char *const writable[] = {config->homedir, config->rundir, config->keys.token_files,
                                    NULL};
    int rc = make_folders(config, err);

    if (rc == 0)
        rc = launch(config, path, ret_fd, err);
    return rc < 0 ? rc : sec_confine(writable, say, err);
}

int main(int argc, char **argv)
{
    EDGE_CLEANUP(agent_config_free) struct agent_config *config = NULL;
    const char *path = AGENT_CONFIG_PATH;
    struct edge_err err = {0};
    enum edge_log_level level;
    int launcher = -1;
    int rc;

    (void) signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], SEC_LAUNCHER_OPTION) == 0)
        return sec_launcher_main(argc, argv);
    rc = agent_args_read(argc, argv, "edge-securityd", usage, &path);
    if (rc != 0)
        return rc == AGENT_ARGS_DONE ? 0 : SEC_EXIT_SETTINGS;
    rc = agent_config_load(path, say_warning, NULL, &config, &err);
    if (rc < 0) {
        edge_error("%s", *err.text ? err.text : edge_strerror(rc));
        return SEC_EXIT_SETTINGS;
    }
    if (edge_log_parse_level(config->agent.log_level, &level) == 0)
        edge_log_set_level(level);
    rc = prepare(config, path, &launcher, &err);
    if (rc < 0) {
        edge_error("cannot begin: %s", *err.text ? err.text : edge_strerror(rc));
        return SEC_EXIT_FAILED;
    }
    return sec_daemon_run(config, launcher);
}
