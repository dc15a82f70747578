/* tests/emulator/query/value.h - values in the middle of an evaluation; what eval.c and result.c
 * share. */
#ifndef TESTS_EMULATOR_QUERY_VALUE_H
#define TESTS_EMULATOR_QUERY_VALUE_H

#include "tests/emulator/query/ast.h"

/** Borrowed JSON, a truth, an array of the query, or nothing there. */
struct query_value {
    enum { V_UNDEFINED, V_BOOL, V_JSON, V_ARRAY } kind;
    bool truth;
    const struct edge_json *json;
    const struct query_node *array;
};

/** What the path leads to. Names of the first level are the cloud's own and compare without case.
 */
struct query_value query_walk(const struct query_node *path, const struct edge_json *doc);
enum { QUERY_UNORDERED = 2 };
/** -1, 0, 1, or QUERY_UNORDERED when the two cannot be compared. */
int query_compare(const struct query_value *a, const struct query_value *b);
bool query_number_of(const struct query_value *v, double *ret);

#endif
