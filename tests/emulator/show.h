/* tests/emulator/show.h - connection strings of what a state file holds. */
#ifndef TESTS_EMULATOR_SHOW_H
#define TESTS_EMULATOR_SHOW_H

#include "tests/emulator/cloud/cloud.h"

/** Of a policy, a device "d" or a module "d/m". The caller frees it.
 * @return 0, CLOUD_NOT_FOUND with the words, negative */
EDGE_MUST_CHECK int show_connection_string(struct cloud *cloud, const char *who, char **ret,
                                           struct edge_err *err);

#endif
