#include "agent/image/headers.h"

#include <string.h>
#include <time.h>

#include "common/base/err.h"

enum { MAX_WAIT_S = 86400 };

/* Digits at *at as a number of at most 18 digits. */
static int take_number(const char **at, int64_t *ret)
{
    size_t digits = strspn(*at, "0123456789");

    if (digits == 0 || digits > 18)
        return EDGE_EINVALID;
    *ret = 0;
    for (size_t i = 0; i < digits; i++)
        *ret = *ret * 10 + ((*at)[i] - '0');
    *at += digits;
    return 0;
}

static int take_text(const char **at, const char *text)
{
    size_t len = strlen(text);

    if (strncmp(*at, text, len) != 0)
        return EDGE_EINVALID;
    *at += len;
    return 0;
}

static int take_month(const char **at, int *ret)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (int i = 0; i < 12; i++) {
        if (strncmp(*at, names + (ptrdiff_t) i * 3, 3) == 0) {
            *ret = i;
            *at += 3;
            return 0;
        }
    }
    return EDGE_EINVALID;
}

static int take_int(const char **at, int64_t max, int *ret)
{
    int64_t value;

    if (take_number(at, &value) < 0 || value > max)
        return EDGE_EINVALID;
    *ret = (int) value;
    return 0;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7); the two older forms are extinct. */
static int read_date(const char *at, int64_t *ret_s)
{
    const char *comma = strchr(at, ',');
    struct tm utc = {0};

    if (!comma || comma - at != 3)
        return EDGE_EINVALID;
    at = comma + 1;
    if (take_text(&at, " ") < 0 || take_int(&at, 31, &utc.tm_mday) < 0 || take_text(&at, " ") < 0 ||
        take_month(&at, &utc.tm_mon) < 0 || take_text(&at, " ") < 0 ||
        take_int(&at, 9999, &utc.tm_year) < 0 || take_text(&at, " ") < 0)
        return EDGE_EINVALID;
    if (take_int(&at, 23, &utc.tm_hour) < 0 || take_text(&at, ":") < 0 ||
        take_int(&at, 59, &utc.tm_min) < 0 || take_text(&at, ":") < 0 ||
        take_int(&at, 60, &utc.tm_sec) < 0 || take_text(&at, " GMT") < 0 || *at)
        return EDGE_EINVALID;
    utc.tm_year -= 1900;
    *ret_s = timegm(&utc);
    return 0;
}

int agent_retry_after_read(const char *value, int64_t now_s, int64_t *ret_ms)
{
    const char *at = value;
    int64_t seconds;

    if (take_number(&at, &seconds) < 0 || *at) {
        if (read_date(value, &seconds) < 0)
            return EDGE_EINVALID;
        seconds -= now_s;
    }
    if (seconds < 0)
        seconds = 0;
    *ret_ms = (seconds > MAX_WAIT_S ? MAX_WAIT_S : seconds) * 1000;
    return 0;
}

int agent_content_range_read(const char *value, int64_t *ret_start, int64_t *ret_total)
{
    int64_t last;

    if (take_text(&value, "bytes ") < 0 || take_number(&value, ret_start) < 0 ||
        take_text(&value, "-") < 0 || take_number(&value, &last) < 0 ||
        take_text(&value, "/") < 0 || last < *ret_start)
        return EDGE_EINVALID;
    if (take_text(&value, "*") == 0)
        *ret_total = -1;
    else if (take_number(&value, ret_total) < 0 || *ret_total <= last)
        return EDGE_EINVALID;
    return *value ? EDGE_EINVALID : 0;
}
