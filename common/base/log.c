#include "common/base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
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

EDGE_PRINTF(3, 0)
static void write_line(enum edge_log_level level, const char *note, const char *fmt, va_list args)
{
    char line[2048];
    size_t head = print_head(line, sizeof line, level);
    size_t room = sizeof line - head - strlen(note) - 1;
    int used = vsnprintf(line + head, room, fmt, args);
    size_t len;

    if (used < 0)
        return;
    len = head + ((size_t) used < room ? (size_t) used : room - 1);
    for (size_t i = head; i < len; i++) {
        if ((unsigned char) line[i] < 0x20)
            line[i] = ' '; /* a value from outside must not forge a second line */
    }
    memcpy(line + len, note, strlen(note));
    len += strlen(note);
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, len) < 0)
        return; /* nowhere left to complain */
}

void edge_log(enum edge_log_level level, const char *fmt, ...)
{
    va_list args;

    if (level > threshold)
        return;
    va_start(args, fmt);
    write_line(level, "", fmt, args);
    va_end(args);
}

/* ---- lines about somebody ---- */

enum { WHO_MAX = 512, AGAIN_MS = 60 * 1000 };

/* Shared by all whose names fall on it: strangers are without number. */
static struct quota {
    int64_t full_ms; /* when it will be whole again */
    unsigned left_out;
} quotas[2][WHO_MAX];
static pthread_mutex_t quotas_lock = PTHREAD_MUTEX_INITIALIZER;

/* FNV-1a over the name, without what follows the last colon of an address. Warnings have their own,
 * so that coming and going does not hide what is worse. */
static struct quota *quota_of(const char *who, enum edge_log_level level)
{
    const char *end = strchr(who, '.') || *who == '[' ? strrchr(who, ':') : NULL;
    size_t len = end ? (size_t) (end - who) : strlen(who);
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char) who[i]) * 16777619u;
    return &quotas[level >= EDGE_LOG_INFO][(hash ^ hash >> 16) % WHO_MAX];
}

/* @return lines still owed after this one; 0: it is the last for now; negative: none */
static int take(struct quota *quota, int64_t now_ms, unsigned *ret_left_out)
{
    int64_t full_ms = quota->full_ms > now_ms ? quota->full_ms : now_ms;
    int left = (int) (EDGE_LOG_BURST - 1 - (full_ms - now_ms + AGAIN_MS - 1) / AGAIN_MS);

    if (left < 0) {
        quota->left_out++;
        return left;
    }
    *ret_left_out = quota->left_out;
    *quota = (struct quota){.full_ms = full_ms + AGAIN_MS};
    return left;
}

void edge_log_about(enum edge_log_level level, const char *who, const char *fmt, ...)
{
    char note[80] = "";
    unsigned left_out = 0;
    va_list args;
    int left;

    if (level > threshold)
        return;
    pthread_mutex_lock(&quotas_lock);
    left = take(quota_of(who ? who : "", level), edge_now_ms(), &left_out);
    pthread_mutex_unlock(&quotas_lock);
    if (left < 0)
        return;
    if (left_out > 0)
        (void) snprintf(note, sizeof note, " (before it %u lines were left out)", left_out);
    else if (left == 0)
        (void) snprintf(note, sizeof note, " (more such lines are left out, but for one a minute)");
    va_start(args, fmt);
    write_line(level, note, fmt, args);
    va_end(args);
}
