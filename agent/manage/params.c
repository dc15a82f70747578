#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/manage/internal.h"
#include "common/base/clock.h"

int manage_flag(struct edge_exchange *x, const char *name, bool *ret, struct edge_err *err)
{
    const char *text = edge_exchange_query(x, name);

    *ret = false;
    if (!text || strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
        return 0;
    *ret = true;
    if (*text == '\0' || strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
        return 0;
    return edge_fail(err, EDGE_EINVALID, "%s: `%s` is not true or false", name, text);
}

static int tail(struct edge_exchange *x, int64_t *ret, struct edge_err *err)
{
    const char *text = edge_exchange_query(x, "tail");
    char *end;

    *ret = -1;
    if (!text || strcmp(text, "all") == 0)
        return 0;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0)
        return edge_fail(err, EDGE_EINVALID, "tail: `%s` is not a number of lines or \"all\"",
                         text);
    return 0;
}

static int moment(struct edge_exchange *x, const char *name, int64_t fallback, int64_t *ret,
                  struct edge_err *err)
{
    const char *text = edge_exchange_query(x, name);

    *ret = fallback;
    if (!text || edge_time_parse_since(text, edge_wall_ns(), ret) == 0)
        return 0;
    return edge_fail(err, EDGE_EINVALID,
                     "%s: `%s` is not a time such as 2024-01-31T12:00:00Z, 1706702400 or 1h30m",
                     name, text);
}

int manage_log_query(struct edge_exchange *x, struct agent_log_query *ret, struct edge_err *err)
{
    int rc = manage_flag(x, "follow", &ret->follow, err);

    if (rc == 0)
        rc = tail(x, &ret->tail, err);
    if (rc == 0)
        rc = moment(x, "since", EDGE_TIME_NEVER, &ret->since_ns, err);
    if (rc == 0)
        rc = moment(x, "until", INT64_MAX, &ret->until_ns, err);
    return rc;
}
