#include "common/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "common/base/err.h"

static enum edge_log_level threshold = EDGE_LOG_INFO;

void edge_log_set_level(enum edge_log_level level)
{
    threshold = level;
}

int edge_log_parse_level(const char *text, enum edge_log_level *ret)
{
    static const struct {
        const char *name;
        enum edge_log_level level;
    } names[] = {
        {"fatal", EDGE_LOG_ERROR}, {"error", EDGE_LOG_ERROR},   {"warning", EDGE_LOG_WARN},
        {"warn", EDGE_LOG_WARN},   {"info", EDGE_LOG_INFO},     {"information", EDGE_LOG_INFO},
        {"debug", EDGE_LOG_DEBUG}, {"verbose", EDGE_LOG_DEBUG},
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++) {
        if (strcasecmp(text, names[i].name) == 0) {
            *ret = names[i].level;
            return 0;
        }
    }
    return EDGE_EINVALID;
}

static const char *word(enum edge_log_level level)
{
    switch (level) {
    case EDGE_LOG_ERROR:
        return "ERR";
    case EDGE_LOG_WARN:
        return "WRN";
    case EDGE_LOG_INFO:
        return "INF";
    case EDGE_LOG_DEBUG:
        break;
    }
    return "DBG";
}

static size_t print_head(char *line, size_t size, enum edge_log_level level)
{
    struct timespec now;
    struct tm utc;
    int used;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    used = snprintf(line, size, "<%d> %04d-%02d-%02d %02d:%02d:%02d.%03ld +00:00 [%s] - ",
                    (int) level, utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
                    utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000, word(level));
    return used > 0 ? (size_t) used : 0;
}

void edge_log(enum edge_log_level level, const char *fmt, ...)
{
    char line[2048];
    size_t head;
    int used;
    va_list args;

    if (level > threshold)
        return;
    head = print_head(line, sizeof line, level);
    va_start(args, fmt);
    used = vsnprintf(line + head, sizeof line - head - 1, fmt, args);
    va_end(args);
    if (used < 0)
        return;

    size_t len = head + (size_t) used;
    if (len > sizeof line - 2)
        len = sizeof line - 2;
    for (size_t i = head; i < len; i++) {
        if ((unsigned char) line[i] < 0x20)
            line[i] = ' '; /* a value from outside must not forge a second line */
    }
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, len) < 0)
        return; /* nowhere left to complain */
}
