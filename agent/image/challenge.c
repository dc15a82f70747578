/* WWW-Authenticate: challenge ("," challenge)*, where challenge is a scheme and parameters that are
 * separated by commas too. A word is a parameter when "=" follows it, else it begins a challenge.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/image/headers.h"
#include "common/base/bytes.h"

enum { MAX_VALUE = 2048 };

void agent_challenge_fini(struct agent_challenge *challenge)
{
    free(challenge->realm);
    free(challenge->service);
    free(challenge->scope);
    *challenge = (struct agent_challenge){0};
}

static size_t token_len(const char *text)
{
    static const char marks[] = "!#$%&'*+-.^_`|~/";
    size_t len = 0;

    while ((text[len] >= '0' && text[len] <= '9') || (text[len] >= 'a' && text[len] <= 'z') ||
           (text[len] >= 'A' && text[len] <= 'Z') || (text[len] && strchr(marks, text[len])))
        len++;
    return len;
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* A quoted string or a token at @p at. @return where it ends */
static const char *read_value(const char *at, char value[MAX_VALUE])
{
    size_t used = 0;
    bool quoted = *at == '"';
    size_t plain = quoted ? 0 : token_len(at);

    if (!quoted) {
        used = plain < MAX_VALUE ? plain : 0;
        memcpy(value, at, used);
        value[used] = '\0';
        return at + plain;
    }
    for (at++; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1])
            at++;
        if (used < MAX_VALUE - 1)
            value[used++] = *at;
    }
    value[used] = '\0';
    return *at == '"' ? at + 1 : at;
}

static int keep(char **into, const char *value)
{
    if (*into)
        return 0;
    *into = edge_strdup(value);
    return *into ? 0 : -ENOMEM;
}

static int set_parameter(struct agent_challenge *challenge, const char *name, size_t len,
                         const char *value)
{
    if (len == 5 && strncasecmp(name, "realm", len) == 0)
        return keep(&challenge->realm, value);
    if (len == 7 && strncasecmp(name, "service", len) == 0)
        return keep(&challenge->service, value);
    if (len == 5 && strncasecmp(name, "scope", len) == 0)
        return keep(&challenge->scope, value);
    return 0;
}

static enum agent_auth_scheme scheme_of(const char *name, size_t len)
{
    if (len == 6 && strncasecmp(name, "Bearer", len) == 0)
        return AGENT_AUTH_BEARER;
    if (len == 5 && strncasecmp(name, "Basic", len) == 0)
        return AGENT_AUTH_BASIC;
    return AGENT_AUTH_NONE;
}

/* @p found is complete: does it replace what we have? Bearer without a realm leads nowhere. */
static void offer(struct agent_challenge *best, struct agent_challenge *found)
{
    if (found->scheme > best->scheme && (found->scheme != AGENT_AUTH_BEARER || found->realm)) {
        agent_challenge_fini(best);
        *best = *found;
        *found = (struct agent_challenge){0};
    }
    agent_challenge_fini(found);
}

/* One word and what belongs to it, at @p *at. */
static int read_word(const char **at, struct agent_challenge *best, struct agent_challenge *found)
{
    const char *word = *at;
    size_t len = token_len(word);
    const char *next = skip_blanks(word + len);
    char value[MAX_VALUE];

    if (len == 0) {
        *at = word + 1; /* no token: pass over */
        return 0;
    }
    if (*next != '=') {
        offer(best, found);
        found->scheme = scheme_of(word, len);
        *at = next;
        return 0;
    }
    next = skip_blanks(next + strspn(next, "=")); /* "abc==" is a token68, which has no value */
    *at = read_value(next, value);
    return set_parameter(found, word, len, value);
}

int agent_challenge_read(struct agent_challenge *challenge, const char *value)
{
    struct agent_challenge found = {0};
    int rc = 0;

    while (rc == 0) {
        value += strspn(value, ", \t");
        if (!*value)
            break;
        rc = read_word(&value, challenge, &found);
    }
    if (rc == 0)
        offer(challenge, &found);
    agent_challenge_fini(&found);
    return rc;
}
