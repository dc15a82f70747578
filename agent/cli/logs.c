#include <stdio.h>

#include "agent/cli/cli.h"
#include "agent/cli/frames.h"

static int emit(bool from_stderr, struct edge_bytes text, void *arg)
{
    FILE *out = from_stderr ? stderr : stdout;

    (void) arg;
    if (from_stderr)
        (void) fflush(stdout); /* keep the order where both go to one terminal */
    return fwrite(text.data, text.len, 1, out) == 1 ? 0 : EDGE_HTTP_STOP;
}

static int on_body(struct edge_bytes data, void *arg)
{
    int rc = cli_frames_read(arg, data, emit, NULL);

    return fflush(stdout) != 0 ? EDGE_HTTP_STOP : rc;
}

int cli_logs(struct cli *cli)
{
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf path = EDGE_BUF_INIT(4096);
    struct cli_frames frames = {0};
    int exit_code;

    cli_module_path(&path, cli->argument, "logs?");
    cli_query(&path, "follow", cli->follow ? "true" : NULL);
    cli_query(&path, "timestamps", cli->timestamps ? "true" : NULL);
    cli_query(&path, "tail", cli->tail);
    cli_query(&path, "since", cli->since);
    cli_query(&path, "until", cli->until);
    if (edge_buf_error(&path) < 0)
        return cli_fail(CLI_USAGE, "these arguments are too long");
    exit_code = cli_request(cli, "GET", path.data, (struct edge_bytes){NULL, 0}, on_body, &frames,
                            &response);
    if (exit_code == CLI_OK && !response.stopped && !cli_frames_whole(&frames))
        return cli_fail(CLI_FAILED, "the agent has ended the connection in the middle of a line");
    return response.stopped ? CLI_FAILED : exit_code;
}
