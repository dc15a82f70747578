/* tests/emulator/options.h - iothub-emulator's command line. */
#ifndef TESTS_EMULATOR_OPTIONS_H
#define TESTS_EMULATOR_OPTIONS_H

#include <stdbool.h>

#include "common/base/err.h"
#include "tests/emulator/cloud/cloud.h"

enum { OPTIONS_POLICIES_MAX = 32 };

struct emulator_options {
    const char *listen; /* address of all three ports */
    const char *hostname;
    const char *state;
    const char *cert, *key; /* files, or NULL: made */
    const char *device_ca;  /* file, or NULL */
    const char *admin;      /* "address:port", or NULL */
    const char *show;       /* policy or identity whose connection string is printed, or NULL */
    const char *policies[OPTIONS_POLICIES_MAX]; /* "name=key" */
    unsigned npolicies;
    const char *blob_host, *blob_container, *blob_sas;
    unsigned max_devices, max_clients, partitions;
    int64_t retention;
    bool dps;
    struct cloud_faults faults;
};

enum { OPTIONS_HELP = 1 };
/** Text is borrowed from @p argv. @return 0, OPTIONS_HELP (the help has been asked for), or
 * EDGE_EINVALID with what is wrong */
EDGE_MUST_CHECK int options_read(int argc, char **argv, struct emulator_options *ret,
                                 struct edge_err *err);
extern const char options_help[];

#endif
