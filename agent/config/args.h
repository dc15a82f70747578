/* agent/config/args.h - the command line of a program whose settings are in config.yaml. */
#ifndef AGENT_CONFIG_ARGS_H
#define AGENT_CONFIG_ARGS_H

#include "common/base/err.h"

enum { AGENT_ARGS_DONE = 1 };
/** --config FILE, --version, --help; the latter two are answered.
 * @param ret_config  left as it is without --config
 * @return 0, AGENT_ARGS_DONE, or EDGE_EINVALID: @p usage was printed on standard error */
EDGE_MUST_CHECK int agent_args_read(int argc, char **argv, const char *program, const char *usage,
                                    const char **ret_config);

#endif
