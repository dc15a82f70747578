/* tests/unit/agent/quotes.h - JSON in C texts without a backslash before every quote: 'a' is "a".
 */
#ifndef TESTS_UNIT_AGENT_QUOTES_H
#define TESTS_UNIT_AGENT_QUOTES_H

#include "tests/unit/test.h"

#include "common/base/bytes.h"
#include "common/json/json.h"

/** A copy for the caller to free. */
static inline char *quoted(const char *text)
{
    char *copy = edge_strdup(text);

    assert_non_null(copy);
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    return copy;
}

static inline struct edge_json *json(const char *text)
{
    EDGE_CLEANUP(edge_free) char *copy = quoted(text);
    struct edge_json *value = NULL;
    struct edge_err err = {0};

    if (edge_json_parse(copy, strlen(copy), &value, &err) < 0)
        fail_msg("%s in %s", err.text, copy);
    return value;
}

#endif
