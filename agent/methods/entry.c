#include "agent/methods/entry.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/clock.h"

enum { LEVEL_DEFAULT = 6, STAMP_MAX = 40 };

/* @p shape: '0' a digit, '+' a sign, all else itself. */
static bool fits(const char *text, size_t len, const char *shape)
{
    size_t n = strlen(shape);

    if (len < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        bool sign = text[i] == '+' || text[i] == '-';

        if (shape[i] == '0' ? !digit : shape[i] == '+' ? !sign : text[i] != shape[i])
            return false;
    }
    return true;
}

/* @return bytes taken, 0 when there is no engine's time */
static size_t engine_time(const char *text, size_t len, int64_t *ret_ns)
{
    static const char shape[] = "0000-00-00T00:00:00.000000000Z";
    char stamp[STAMP_MAX] = {0};
    size_t n = sizeof shape - 1;

    if (!fits(text, len, shape))
        return 0;
    memcpy(stamp, text, n);
    if (edge_time_parse(stamp, ret_ns) < 0)
        return 0;
    return n < len && text[n] == ' ' ? n + 1 : n;
}

static size_t program_time(const char *text, size_t len, int64_t *ret_ns)
{
    static const char shape[] = "0000-00-00 00:00:00.000 +00:00 ";
    char stamp[STAMP_MAX] = {0};

    if (!fits(text, len, shape))
        return 0;
    memcpy(stamp, text, 23);
    stamp[10] = 'T';
    memcpy(stamp + 23, text + 24, 6); /* RFC 3339 has no blank before the zone */
    return edge_time_parse(stamp, ret_ns) == 0 ? sizeof shape - 1 : 0;
}

static size_t level(const char *text, size_t len, int *ret)
{
    if (!fits(text, len, "<0>"))
        return 0;
    *ret = text[1] - '0';
    return len > 3 && text[3] == ' ' ? 4 : 3;
}

void methods_entry_parse(const char *line, size_t len, struct methods_entry *ret)
{
    int64_t engine = EDGE_TIME_NEVER;
    int64_t program = EDGE_TIME_NEVER;
    size_t at;

    *ret = (struct methods_entry){.level = LEVEL_DEFAULT};
    if (len > 0 && line[len - 1] == '\n')
        len--;
    at = engine_time(line, len, &engine);
    at += level(line + at, len - at, &ret->level);
    at += program_time(line + at, len - at, &program);
    if (at == len)
        at = 0;
    ret->at_ns = engine != EDGE_TIME_NEVER ? engine : program;
    ret->text = line + at;
    ret->len = len - at;
}
