/* tests/unit/agent/security/temp.h - a folder for one test program, removed at its end. */
#ifndef TESTS_UNIT_AGENT_SECURITY_TEMP_H
#define TESTS_UNIT_AGENT_SECURITY_TEMP_H

#include <stdio.h>
#include <stdlib.h>

#include "common/base/file.h"

static char temp_folder[] = "/tmp/test-security-XXXXXX";

static inline int make_temp(void **state)
{
    (void) state;
    return mkdtemp(temp_folder) ? 0 : -1;
}

static inline int remove_temp(void **state)
{
    (void) state;
    return edge_remove_tree(temp_folder, NULL);
}

/** "<folder>/name"; one at a time. */
static inline const char *temp_path(const char *name)
{
    static char path[128];

    (void) snprintf(path, sizeof path, "%s/%s", temp_folder, name);
    return path;
}

#endif
