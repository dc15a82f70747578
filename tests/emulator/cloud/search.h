/* tests/emulator/cloud/search.h - all documents that match a query, inside this room. */
#ifndef TESTS_EMULATOR_CLOUD_SEARCH_H
#define TESTS_EMULATOR_CLOUD_SEARCH_H

#include "tests/emulator/cloud/cloud.h"
#include "tests/emulator/query/query.h"

/** Call @p each for every match, until it returns something else than 0; @p a and @p b name it.
 * Nothing may be written meanwhile that would be found again. @return 0 or negative */
EDGE_MUST_CHECK int cloud_search(struct cloud *cloud, const struct query *query,
                                 int (*each)(struct edge_json *document, const char *a,
                                             const char *b, void *arg),
                                 void *arg);

#endif
