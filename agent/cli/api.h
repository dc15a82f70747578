/* agent/cli/api.h - requests to the agent's management socket, and what their failures mean to the
 * shell. Blocking; single-threaded program. */
#ifndef AGENT_CLI_API_H
#define AGENT_CLI_API_H

#include <stdbool.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/json/json.h"

/** Exit codes, for scripts. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,      /* anything not named below */
    CLI_USAGE = 2,       /* bad arguments or configuration */
    CLI_UNREACHABLE = 3, /* no agent at the socket */
    CLI_NO_MODULE = 4,
    CLI_REFUSED = 5, /* the deployment is not valid: nothing was changed */
};

/** What every command works with. */
struct cli {
    char *uri; /* "unix:///run/edge/mgmt.sock" */
    bool json;
    int argc; /* the command's own words, without its name */
    char **argv;
};

/**
 * One request with a JSON answer.
 * @param body  NULL: none; the method is GET then, POST otherwise
 * @param ret   may be NULL; the parsed answer, or NULL for an empty one; the caller frees it
 * @return CLI_OK, or the exit code after the reason has been printed on standard error
 */
EDGE_MUST_CHECK int cli_ask(const struct cli *cli, const char *path, const struct edge_bytes *body,
                            struct edge_json **ret);

/** A GET whose body is handed to @p fn as it comes, for as long as it comes. */
EDGE_MUST_CHECK int cli_stream(const struct cli *cli, const char *path,
                               int (*fn)(struct edge_bytes data, void *arg), void *arg);

/** Percent-encode a path segment or query value; the caller frees it. */
char *cli_escape(const char *text);

/** Print "edgectl: …" on standard error and return @p code. */
int cli_complain(int code, const char *fmt, ...) EDGE_PRINTF(2, 3);

/* The commands, one file each. */
int cli_list(const struct cli *cli);
int cli_logs(const struct cli *cli);
int cli_restart(const struct cli *cli);
int cli_plan(const struct cli *cli);
int cli_apply(const struct cli *cli);
int cli_version(const struct cli *cli);

#endif
