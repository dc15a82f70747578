#include "agent/security/identities/backoff.h"

#include <stddef.h>

enum { HTTP_THROTTLED = 429, MAX_RETRY_AFTER_S = 3600 };

static const int throttled_s[] = {60, 120, 180, 300};
static const int failed_s[] = {3, 6, 12, 24, 60};

static int step(const int *table, size_t len, unsigned count)
{
    return table[count < len ? count : len - 1];
}

int64_t sec_backoff_left(const struct sec_backoff *b, int64_t now_ms)
{
    return b->until_ms > now_ms ? b->until_ms - now_ms : 0;
}

void sec_backoff_passed(struct sec_backoff *b)
{
    *b = (struct sec_backoff){0};
}

void sec_backoff_failed(struct sec_backoff *b, int status, int retry_after_s, uint32_t random,
                        int64_t now_ms)
{
    int wait_s = status == HTTP_THROTTLED
                     ? step(throttled_s, sizeof throttled_s / sizeof *throttled_s, b->throttled++)
                     : step(failed_s, sizeof failed_s / sizeof *failed_s, b->failed++);
    int64_t wait_ms;

    if (retry_after_s > MAX_RETRY_AFTER_S)
        retry_after_s = MAX_RETRY_AFTER_S;
    wait_ms = 1000 * (int64_t) (retry_after_s > wait_s ? retry_after_s : wait_s);
    b->until_ms = now_ms + wait_ms + (int64_t) random % (wait_ms / 4);
}
