/* agent/cli/cli.h - what the commands of edgectl share. One thread; blocking. */
#ifndef AGENT_CLI_CLI_H
#define AGENT_CLI_CLI_H

#include <stdbool.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/http/client.h"
#include "common/json/json.h"

/* Exit codes; --help documents them. */
enum {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_UNREACHABLE = 3,
    CLI_NO_MODULE = 4,
    CLI_REFUSED = 5,
};

struct cli {
    const char *config_path; /* NULL: the usual one, which may be absent */
    char *uri;               /* of the agent; --host or the configuration's */
    bool json;
    bool watch;
    bool follow;
    bool timestamps;
    const char *tail;
    const char *since;
    const char *until;
    const char *argument; /* module or file, NULL when the command takes none */
    char **arguments;     /* all of them, as many as the command takes */
};

int cli_list(struct cli *cli);
int cli_logs(struct cli *cli);
int cli_restart(struct cli *cli);
int cli_plan(struct cli *cli);
int cli_apply(struct cli *cli);
int cli_routes(struct cli *cli);
int cli_check(struct cli *cli);

/** Print "edgectl: …" on standard error. @return @p exit_code */
int cli_fail(int exit_code, const char *fmt, ...) EDGE_PRINTF(2, 3);

/** Append "/modules/<module>/<what>", or without the last when NULL, escaped. */
void cli_module_path(struct edge_buf *out, const char *module, const char *what);
/** Append "&name=value", escaped; nothing for a NULL value. */
void cli_query(struct edge_buf *out, const char *name, const char *value);

/** One request to the agent at @p path. Failure is printed.
 * @param on_body  receives the body of a 2xx answer as it comes; NULL: it is collected in @p ret
 * @return CLI_OK for 2xx, else the exit code for what happened */
int cli_request(struct cli *cli, const char *method, const char *path, struct edge_bytes body,
                int (*on_body)(struct edge_bytes data, void *arg), void *arg,
                struct edge_http_response *ret);
/** GET, and the answer as JSON, which the caller frees. @return as cli_request */
int cli_get(struct cli *cli, const char *path, struct edge_json **ret);

/** Print compact JSON and a line end; frees @p value. @return CLI_OK or CLI_FAILED */
int cli_print_json(struct edge_json *value);

#endif
