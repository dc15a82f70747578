#include "agent/config/args.h"

#include <getopt.h>
#include <stdio.h>

int agent_args_read(int argc, char **argv, const char *program, const char *usage,
                    const char **ret_config)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int opt;

    while ((opt = getopt_long(argc, argv, "c:vh", options, NULL)) >= 0) {
        if (opt == 'c') {
            *ret_config = optarg;
        } else if (opt == 'v') {
            printf("%s " EDGE_VERSION "\n", program);
            return AGENT_ARGS_DONE;
        } else {
            (void) fputs(usage, opt == 'h' ? stdout : stderr);
            return opt == 'h' ? AGENT_ARGS_DONE : EDGE_EINVALID;
        }
    }
    if (optind == argc)
        return 0;
    (void) fputs(usage, stderr);
    return EDGE_EINVALID;
}
