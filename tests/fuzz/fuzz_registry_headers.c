/* Any text as WWW-Authenticate, Retry-After and Content-Range. */
#include <stdlib.h>
#include <string.h>

#include "agent/image/headers.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *) data, size);
    struct agent_challenge challenge = {0};
    int64_t a = 0;
    int64_t b = 0;

    if (!text)
        return 0;
    if (agent_challenge_read(&challenge, text) < 0)
        abort();
    if (challenge.scheme == AGENT_AUTH_BEARER && !challenge.realm)
        abort();
    agent_challenge_fini(&challenge);
    if (agent_retry_after_read(text, 1700000000, &a) == 0 && (a < 0 || a > 86400000))
        abort();
    if (agent_content_range_read(text, &a, &b) == 0 && (a < 0 || (b != -1 && b <= a)))
        abort();
    free(text);
    return 0;
}
