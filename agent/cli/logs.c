/* edgectl logs MODULE [-f] [--tail N|all] [--since T] [--until T] [--timestamps] */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/cli/api.h"
#include "agent/cli/frames.h"

struct query {
    bool follow;
    bool timestamps;
    const char *tail;
    const char *since;
    const char *until;
};

static int parse(const struct cli *cli, struct query *ret)
{
    static const struct option options[] = {
        {"follow", no_argument, NULL, 'f'},      {"tail", required_argument, NULL, 'n'},
        {"since", required_argument, NULL, 's'}, {"until", required_argument, NULL, 'u'},
        {"timestamps", no_argument, NULL, 't'},  {NULL, 0, NULL, 0},
    };
    int opt;

    while ((opt = getopt_long(cli->argc, cli->argv, "fn:s:u:t", options, NULL)) >= 0) {
        switch (opt) {
        case 'f':
            ret->follow = true;
            break;
        case 'n':
            ret->tail = optarg;
            break;
        case 's':
            ret->since = optarg;
            break;
        case 'u':
            ret->until = optarg;
            break;
        case 't':
            ret->timestamps = true;
            break;
        default:
            return CLI_USAGE;
        }
    }
    if (cli->argc - optind != 1)
        return cli_complain(CLI_USAGE, "logs takes the name of one module");
    return CLI_OK;
}

static void add(struct edge_buf *path, const char *name, const char *value)
{
    EDGE_CLEANUP(edge_free) char *escaped = value ? cli_escape(value) : NULL;

    if (escaped)
        (void) edge_buf_printf(path, "&%s=%s", name, escaped);
}

static char *path_of(const char *module, const struct query *query)
{
    EDGE_CLEANUP(edge_free) char *escaped = cli_escape(module);
    struct edge_buf path;

    edge_buf_init(&path, 16384);
    if (!escaped)
        return NULL;
    (void) edge_buf_printf(&path, "/modules/%s/logs?follow=%s&timestamps=%s", escaped,
                           query->follow ? "true" : "false", query->timestamps ? "true" : "false");
    add(&path, "tail", query->tail);
    add(&path, "since", query->since);
    add(&path, "until", query->until);
    return edge_buf_take(&path);
}

static void put(bool from_stderr, struct edge_bytes text, void *arg)
{
    FILE *to = from_stderr ? stderr : stdout;

    (void) arg;
    (void) fwrite(text.data, 1, text.len, to);
}

static int on_data(struct edge_bytes data, void *arg)
{
    int rc = cli_frames_feed(arg, data, put, NULL);

    fflush(stdout);
    return rc;
}

int cli_logs(const struct cli *cli)
{
    EDGE_CLEANUP(edge_free) char *path = NULL;
    struct cli_frames frames = {0};
    struct query query = {0};
    int rc = parse(cli, &query);

    if (rc != CLI_OK)
        return rc;
    path = path_of(cli->argv[optind], &query);
    if (!path)
        return cli_complain(CLI_FAILED, "out of memory");
    return cli_stream(cli, path, on_data, &frames);
}
