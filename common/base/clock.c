#include "common/base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/err.h"

#define NS_PER_S INT64_C(1000000000)

int64_t edge_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t edge_wall_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* @p value's last @p digits digits at *p. printf would take most of a message's time of routing. */
static void put_number(char **p, int value, int digits, char behind)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        (*p)[i] = (char) ('0' + value % 10);
    *p += digits;
    *(*p)++ = behind;
}

void edge_time_format(int64_t wall_ns, char text[EDGE_TIME_TEXT])
{
    int64_t fraction = wall_ns % NS_PER_S;
    time_t seconds = (time_t) (wall_ns / NS_PER_S);
    struct tm utc;

    if (wall_ns == EDGE_TIME_NEVER) {
        (void) snprintf(text, EDGE_TIME_TEXT, "0001-01-01T00:00:00Z");
        return;
    }
    if (fraction < 0) {
        fraction += NS_PER_S;
        seconds--;
    }
    gmtime_r(&seconds, &utc);
    put_number(&text, utc.tm_year + 1900, 4, '-');
    put_number(&text, utc.tm_mon + 1, 2, '-');
    put_number(&text, utc.tm_mday, 2, 'T');
    put_number(&text, utc.tm_hour, 2, ':');
    put_number(&text, utc.tm_min, 2, ':');
    put_number(&text, utc.tm_sec, 2, '.');
    put_number(&text, (int) (fraction / 100), 7, 'Z');
    *text = '\0';
}

/* Exactly @p digits digits at *p as a number within [low, high]. */
static int take_number(const char **p, int digits, int low, int high, int *ret)
{
    int value = 0;

    for (int i = 0; i < digits; i++, (*p)++) {
        if (!isdigit((unsigned char) **p))
            return EDGE_EINVALID;
        value = value * 10 + (**p - '0');
    }
    if (value < low || value > high)
        return EDGE_EINVALID;
    *ret = value;
    return 0;
}

static int take_char(const char **p, const char *any_of)
{
    if (!**p || !strchr(any_of, **p))
        return EDGE_EINVALID;
    (*p)++;
    return 0;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static int take_date(const char **p, struct tm *utc)
{
    if (take_number(p, 4, 1, 9999, &utc->tm_year) < 0 || take_char(p, "-") < 0 ||
        take_number(p, 2, 1, 12, &utc->tm_mon) < 0 || take_char(p, "-") < 0 ||
        take_number(p, 2, 1, days_of(utc->tm_year, utc->tm_mon), &utc->tm_mday) < 0)
        return EDGE_EINVALID;
    utc->tm_year -= 1900;
    utc->tm_mon -= 1;
    return 0;
}

static int take_clock(const char **p, struct tm *utc)
{
    if (take_char(p, "Tt ") < 0 || take_number(p, 2, 0, 23, &utc->tm_hour) < 0 ||
        take_char(p, ":") < 0 || take_number(p, 2, 0, 59, &utc->tm_min) < 0 ||
        take_char(p, ":") < 0 || take_number(p, 2, 0, 60, &utc->tm_sec) < 0)
        return EDGE_EINVALID;
    return 0;
}

static int take_fraction(const char **p, int64_t *ret_ns)
{
    int64_t scale = NS_PER_S / 10;

    *ret_ns = 0;
    if (**p != '.')
        return 0;
    (*p)++;
    if (!isdigit((unsigned char) **p))
        return EDGE_EINVALID;
    for (; isdigit((unsigned char) **p); (*p)++, scale /= 10)
        *ret_ns += (**p - '0') * scale;
    return 0;
}

static int take_offset(const char **p, int64_t *ret_seconds)
{
    int sign = **p == '-' ? -1 : 1;
    int hours;
    int minutes;

    *ret_seconds = 0;
    if (take_char(p, "Zz") == 0)
        return 0;
    if (take_char(p, "+-") < 0 || take_number(p, 2, 0, 23, &hours) < 0 || take_char(p, ":") < 0 ||
        take_number(p, 2, 0, 59, &minutes) < 0)
        return EDGE_EINVALID;
    *ret_seconds = sign * (hours * INT64_C(3600) + minutes * INT64_C(60));
    return 0;
}

int edge_time_parse(const char *text, int64_t *ret_wall_ns)
{
    struct tm utc = {0};
    int64_t fraction;
    int64_t offset;
    int64_t seconds;

    if (take_date(&text, &utc) < 0 || take_clock(&text, &utc) < 0 ||
        take_fraction(&text, &fraction) < 0 || take_offset(&text, &offset) < 0 || *text)
        return EDGE_EINVALID;
    seconds = (int64_t) timegm(&utc) - offset;
    if (seconds >= INT64_MAX / NS_PER_S)
        return EDGE_EINVALID; /* past 2262 */
    if (seconds < INT64_MIN / NS_PER_S)
        *ret_wall_ns = EDGE_TIME_NEVER; /* year 1 to 1677 */
    else
        *ret_wall_ns = seconds * NS_PER_S + fraction;
    return 0;
}

static int64_t unit_ns(const char *unit, size_t len)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {
        {"ns", 1},
        {"nsec", 1},
        {"us", 1000},
        {"usec", 1000},
        {"ms", 1000000},
        {"msec", 1000000},
        {"s", NS_PER_S},
        {"sec", NS_PER_S},
        {"secs", NS_PER_S},
        {"second", NS_PER_S},
        {"seconds", NS_PER_S},
        {"m", 60 * NS_PER_S},
        {"min", 60 * NS_PER_S},
        {"mins", 60 * NS_PER_S},
        {"minute", 60 * NS_PER_S},
        {"minutes", 60 * NS_PER_S},
        {"h", 3600 * NS_PER_S},
        {"hr", 3600 * NS_PER_S},
        {"hour", 3600 * NS_PER_S},
        {"hours", 3600 * NS_PER_S},
        {"d", 86400 * NS_PER_S},
        {"day", 86400 * NS_PER_S},
        {"days", 86400 * NS_PER_S},
        {"w", 604800 * NS_PER_S},
        {"week", 604800 * NS_PER_S},
        {"weeks", 604800 * NS_PER_S},
        {"M", 2630016 * NS_PER_S}, /* 30.44 days */
        {"month", 2630016 * NS_PER_S},
        {"months", 2630016 * NS_PER_S},
        {"y", 31557600 * NS_PER_S}, /* 365.25 days */
        {"year", 31557600 * NS_PER_S},
        {"years", 31557600 * NS_PER_S},
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(units); i++) {
        if (strlen(units[i].name) == len && memcmp(units[i].name, unit, len) == 0)
            return units[i].ns;
    }
    return 0;
}

/* One "<number> <unit>" group at *p. */
static int take_span(const char **p, int64_t *ret_ns)
{
    int64_t value = 0;
    int64_t scale;
    size_t len = 0;

    if (!isdigit((unsigned char) **p))
        return EDGE_EINVALID;
    for (; isdigit((unsigned char) **p); (*p)++) {
        if (value > INT64_C(100000000000000000))
            return EDGE_EINVALID;
        value = value * 10 + (**p - '0');
    }
    while (**p == ' ')
        (*p)++;
    while (isalpha((unsigned char) (*p)[len]))
        len++;
    scale = unit_ns(*p, len);
    if (scale == 0 || value > INT64_MAX / scale)
        return EDGE_EINVALID;
    *p += len;
    while (**p == ' ' || **p == ',')
        (*p)++;
    *ret_ns = value * scale;
    return 0;
}

int edge_span_parse(const char *text, int64_t *ret_ns)
{
    int64_t total = 0;

    if (!*text)
        return EDGE_EINVALID;
    while (*text) {
        int64_t part;

        if (take_span(&text, &part) < 0 || total > INT64_MAX - part)
            return EDGE_EINVALID;
        total += part;
    }
    *ret_ns = total;
    return 0;
}

int edge_time_parse_since(const char *text, int64_t now_ns, int64_t *ret_wall_ns)
{
    int64_t value;
    char *end;

    if (edge_time_parse(text, ret_wall_ns) == 0)
        return 0;
    if (edge_span_parse(text, &value) == 0) {
        *ret_wall_ns = now_ns - value;
        return 0;
    }
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < 0 || value >= INT64_MAX / NS_PER_S)
        return EDGE_EINVALID;
    *ret_wall_ns = value * NS_PER_S;
    return 0;
}
