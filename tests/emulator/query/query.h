/* tests/emulator/query/query.h - IoT Hub's query language over JSON documents. Pure; any thread.
 *
 *   SELECT [TOP n] * | item [AS name], …  FROM source  [WHERE condition] [GROUP BY path, …]
 *   [ORDER BY path [ASC|DESC], …]
 *   item: a path, or COUNT() COUNT(*) SUM AVG MIN MAX (path)
 *   condition: = == != <> < <= > >=  AND OR NOT  IN […] NIN […] NOT IN  ( )  and functions:
 *   is_defined is_null is_string is_number is_bool is_object is_array is_primitive startswith
 *   endswith contains
 *   path: a.b.c, a[0], configurations.[[id]].status
 * Keywords and functions compare without case. What is not there is undefined: it makes no
 * comparison true, nor its negation. Source: cloud.md 11, "IoT Hub query language". */
#ifndef TESTS_EMULATOR_QUERY_QUERY_H
#define TESTS_EMULATOR_QUERY_QUERY_H

#include "common/json/json.h"

struct query;

enum { QUERY_TEXT_MAX = 16 * 1024, QUERY_NODES_MAX = 1024, QUERY_DEPTH_MAX = 32 };

/** @return 0, EDGE_EINVALID with the place in @p err, EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int query_parse(const char *text, size_t len, struct query **ret,
                                struct edge_err *err);
/** A condition alone, as in a configuration's targetCondition; "*" and "" match everything. */
EDGE_MUST_CHECK int query_parse_condition(const char *text, size_t len, struct query **ret,
                                          struct edge_err *err);
struct query *query_free(struct query *query);
EDGE_DEFINE_CLEANUP(struct query *, query_free)

enum query_source { QUERY_DEVICES, QUERY_MODULES, QUERY_JOBS, QUERY_ENROLLMENTS };
enum query_source query_source(const struct query *query);
/** SELECT *: the documents as they are. */
bool query_is_star(const struct query *query);
/** True when an answer needs all documents first: aggregates, GROUP BY, ORDER BY. */
bool query_needs_all(const struct query *query);
/** TOP n, or -1. */
int64_t query_top(const struct query *query);

bool query_matches(const struct query *query, const struct edge_json *document);
/** What SELECT makes of one matching document. Given; NULL without memory. */
struct edge_json *query_project(const struct query *query, const struct edge_json *document);
/** Everything after WHERE for all matching documents (an array): groups, order, projection. */
EDGE_MUST_CHECK int query_finish(const struct query *query, const struct edge_json *documents,
                                 struct edge_json **ret);

#endif
