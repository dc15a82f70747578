/* tests/unit/agent/deployment.h - short ways to write deployments. */
#ifndef TESTS_UNIT_AGENT_DEPLOYMENT_H
#define TESTS_UNIT_AGENT_DEPLOYMENT_H

#include "tests/unit/test.h"

#include "agent/desired/desired.h"
#include "common/base/bytes.h"

#define RUNTIME      "\"schemaVersion\":\"1.1\",\"runtime\":{\"type\":\"docker\",\"settings\":{}}"
#define SYSTEM       "\"systemModules\":{}"
#define DOC(modules) "{" RUNTIME "," SYSTEM ",\"modules\":{" modules "}}"
/** A module that is valid, with @p more members (each with a comma behind). */
#define MODULE(name, more)                                                                         \
    "\"" name "\":{" more "\"type\":\"docker\",\"status\":\"running\",\"settings\":{\"image\":"    \
    "\"a\"}}"
#define SETTINGS(settings)                                                                         \
    DOC("\"cam\":{\"type\":\"docker\",\"status\":\"running\",\"settings\":{" settings "}}")

static inline int deployment_parse(const char *text, struct agent_desired **ret,
                                   struct edge_err *err)
{
    static const struct agent_desired_rules rules = {0};

    return agent_desired_parse(text, strlen(text), &rules, ret, err);
}

static inline struct agent_desired *deployment_must(const char *text)
{
    struct agent_desired *desired = NULL;
    struct edge_err err = {0};
    int rc = deployment_parse(text, &desired, &err);

    assert_string_equal(err.text, "");
    assert_int_equal(rc, 0);
    return desired;
}

static inline void deployment_refused(const char *text, int code, const char *error)
{
    struct agent_desired *desired = NULL;
    struct edge_err err = {0};

    assert_int_equal(deployment_parse(text, &desired, &err), code);
    assert_null(desired);
    assert_string_equal(err.text, error);
}

#endif
