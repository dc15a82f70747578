/* tests/unit/common/route_house.h - routes that are compiled and asked in one line. */
#ifndef TESTS_UNIT_COMMON_ROUTE_HOUSE_H
#define TESTS_UNIT_COMMON_ROUTE_HOUSE_H

#include <stdio.h>

#include "common/routing/routing.h"
#include "tests/unit/test.h"

enum { HOUSE_ERROR = -1 };

/* The message of the original's vectors. `none` is what it does not have. */
static const struct edge_route_property house_properties[] = {
    {"key1", "value1"},   {"key2", "3"},       {"key3", "VALUE3"},
    {"null_value", NULL}, {"$sys4", "value4"},
};
static const struct edge_route_property house_system[] = {
    {"sys1", "sysvalue1"}, {"sys2", "4"},         {"sys3", "SYSVALUE3"},
    {"sysnull", NULL},     {"sys4", "sysvalue4"},
};
static const struct edge_route_message house_message = {
    .source = "/messages/modules/m/outputs/o",
    .properties = house_properties,
    .nproperties = EDGE_ARRAY_LEN(house_properties),
    .system = house_system,
    .nsystem = EDGE_ARRAY_LEN(house_system),
};

/* The condition stands in a line of its own, so that columns are the condition's; and no star is
 * before it, from which a comment could begin. */
static inline int house_compile(const char *condition, struct edge_route **ret, char *why,
                                size_t size)
{
    char *text = edge_format("FROM /messages WHERE\n%s\nINTO $upstream", condition);
    struct edge_err err = {0};
    int rc = edge_route_compile(text, strlen(text), ret, &err);

    (void) snprintf(why, size, "%s", err.text);
    free(text);
    return rc;
}

static inline int house_ask(const char *condition, const struct edge_route_message *message,
                            char *why, size_t size)
{
    struct edge_route *route = NULL;
    int result = HOUSE_ERROR;

    if (house_compile(condition, &route, why, size) == 0)
        result = (int) edge_route_test(route, message);
    edge_route_free(route);
    return result;
}

static inline void house_all(const char *const *conditions, size_t count,
                             const struct edge_route_message *message, int want)
{
    for (size_t i = 0; i < count; i++) {
        char why[700] = "";
        int got = house_ask(conditions[i], message, why, sizeof why);

        if (got != want)
            print_error("%s: %d, not %d %s\n", conditions[i], got, want, why);
        assert_int_equal(got, want);
    }
}
#define HOUSE_ALL(conditions, message, want)                                                       \
    house_all(conditions, EDGE_ARRAY_LEN(conditions), message, want)

#endif
