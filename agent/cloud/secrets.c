#include "agent/cloud/secrets.h"

#include <string.h>
#include <strings.h>

#include "common/base/bytes.h"

bool agent_secret_name(const char *name)
{
    static const char *const words[] = {
        "password",         "passwd",
        "passphrase",       "pwd",
        "secret",           "token",
        "credential",       "apikey",
        "api_key",          "accesskey",
        "access_key",       "accountkey",
        "account_key",      "private_key",
        "privatekey",       "sharedaccess",
        "shared_access",    "masterkey",
        "primarykey",       "primary_key",
        "connectionstring", "connection_string",
        "connstr",          "sastoken",
        "sas_url",
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(words); i++)
        if (strcasestr(name, words[i]))
            return true;
    return false;
}

/* scheme://user:password@host */
static bool has_login(const char *value)
{
    const char *at;
    const char *colon;
    const char *user = strstr(value, "://");

    if (!user)
        return false;
    user += 3;
    at = user + strcspn(user, "@/?# ");
    colon = memchr(user, ':', (size_t) (at - user));
    return *at == '@' && colon && colon + 1 < at;
}

bool agent_secret_value(const char *value)
{
    static const char *const marks[] = {
        "SharedAccessKey=",
        "SharedAccessSignature",
        "AccountKey=",
        "Password=",
        "PRIVATE KEY-----",
        "&sig=",
        "?sig=",
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(marks); i++)
        if (strcasestr(value, marks[i]))
            return true;
    return has_login(value);
}

/* "NAME=value", as in Env and in many a command line, keeps its name. */
static struct edge_json *masked_text(const char *text)
{
    const char *equals = strchr(text, '=');
    EDGE_CLEANUP(edge_free) char *name = NULL;
    EDGE_CLEANUP(edge_free) char *masked = NULL;

    if (equals) {
        name = strndup(text, (size_t) (equals - text));
        masked = name ? edge_format("%s=" AGENT_SECRET_MASK, name) : NULL;
        if (!masked)
            return NULL;
        if (agent_secret_name(name) || agent_secret_value(equals + 1))
            return edge_json_new_str(masked);
    }
    return edge_json_new_str(agent_secret_value(text) ? AGENT_SECRET_MASK : text);
}

static struct edge_json *masked_copy(const struct edge_json *value);

static struct edge_json *masked_object(const struct edge_json *object)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *masked = edge_json_new_object();

    for (edge_json_foreach (it, object)) {
        bool hide = edge_json_is(it.value, EDGE_JSON_STRING) && agent_secret_name(it.name);
        struct edge_json *child =
            hide ? edge_json_new_str(AGENT_SECRET_MASK) : masked_copy(it.value);

        if ((it.value && !child) || edge_json_set(masked, it.name, child) < 0)
            return NULL;
    }
    return EDGE_TAKE(masked);
}

static struct edge_json *masked_array(const struct edge_json *array)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *masked = edge_json_new_array();

    for (size_t i = 0; i < edge_json_len(array); i++) {
        const struct edge_json *item = edge_json_at(array, i);
        struct edge_json *child = masked_copy(item);

        if ((item && !child) || edge_json_append(masked, child) < 0)
            return NULL;
    }
    return EDGE_TAKE(masked);
}

/* Depth is bounded by EDGE_JSON_DEPTH: all of it was read from a text. */
static struct edge_json *masked_copy(const struct edge_json *value)
{
    if (edge_json_is(value, EDGE_JSON_OBJECT))
        return masked_object(value);
    if (edge_json_is(value, EDGE_JSON_ARRAY))
        return masked_array(value);
    if (edge_json_is(value, EDGE_JSON_STRING))
        return masked_text(edge_json_str(value, ""));
    return edge_json_copy(value);
}

struct edge_json *agent_secrets_masked(const struct edge_json *value)
{
    return masked_copy(value);
}
