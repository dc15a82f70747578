#include "agent/cloud/echo.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/cloud/secrets.h"
#include "common/base/bytes.h"

#define BASE "createOptions"

/* Where a piece that begins at @p text ends: never inside a character. */
static size_t piece_len(const char *text, size_t left)
{
    size_t len = left < AGENT_ECHO_PIECE ? left : AGENT_ECHO_PIECE;

    while (len < left && len > 1 && ((unsigned char) text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

/* createOptions, createOptions01, … More pieces than there are names for: none. */
static int set_pieces(struct edge_json *settings, const char *text)
{
    size_t left = strlen(text);

    if (left > (size_t) AGENT_ECHO_PIECE * (AGENT_ECHO_PIECES - 4))
        return 0;
    for (int i = 0; i == 0 || left > 0; i++) {
        size_t len = piece_len(text, left);
        char name[sizeof BASE + 12] = BASE;
        int rc;

        if (i > 0)
            (void) snprintf(name, sizeof name, BASE "%02d", i);
        rc = edge_json_set(settings, name, edge_json_new_str_len(text, len));
        if (rc < 0)
            return rc;
        text += len;
        left -= len;
    }
    return 0;
}

static int set_options(struct edge_json *settings, const struct edge_json *options)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *masked = agent_secrets_masked(options);
    EDGE_CLEANUP(edge_free) char *text = masked ? edge_json_text(masked) : NULL;

    return text ? set_pieces(settings, text) : -1;
}

struct edge_json *agent_echo_settings(const char *image, const char *image_hash,
                                      const struct agent_module_spec *spec)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *settings = edge_json_new_object();

    if (edge_json_set_str(settings, "image", image) < 0 ||
        edge_json_set_str(settings, "imageHash", image_hash) < 0)
        return NULL;
    if (spec && spec->create_options && set_options(settings, spec->create_options) < 0)
        return NULL;
    if (spec && *spec->digest && edge_json_set_str(settings, "digest", spec->digest) < 0)
        return NULL;
    return EDGE_TAKE(settings);
}

static int add_variable(struct edge_json *env, const char *name, const char *value)
{
    struct edge_json *entry = edge_json_need_object(env, name);
    bool secret = agent_secret_name(name) || agent_secret_value(value);

    return entry ? edge_json_set_str(entry, "value", secret ? AGENT_SECRET_MASK : value) : -1;
}

struct edge_json *agent_echo_env(const struct agent_module_spec *spec)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *env = edge_json_new_object();

    for (size_t i = 0; i < spec->nenv; i++)
        if (add_variable(env, spec->env[i].name, spec->env[i].value) < 0)
            return NULL;
    return EDGE_TAKE(env);
}

/* What is written is an object, or texts to be joined; what cannot be read is not repeated. */
static struct edge_json *own_options(const struct edge_json *settings)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(64 * 1024);
    const struct edge_json *whole = edge_json_get_nocase(settings, BASE);
    struct edge_json *options = NULL;
    char name[sizeof BASE + 12] = BASE;

    if (edge_json_is(whole, EDGE_JSON_OBJECT))
        return edge_json_copy(whole);
    for (int i = 1; whole && i <= AGENT_ECHO_PIECES; i++) {
        edge_ignore(edge_buf_puts(&text, edge_json_str(whole, "")));
        (void) snprintf(name, sizeof name, BASE "%02d", i);
        whole = edge_json_get_nocase(settings, name);
    }
    if (text.len == 0 || edge_json_parse(text.data, text.len, &options, NULL) < 0 ||
        !edge_json_is(options, EDGE_JSON_OBJECT)) {
        edge_json_free(options);
        return edge_json_new_object();
    }
    return options;
}

struct edge_json *agent_echo_own_settings(const struct edge_json *edge_agent, const char *image)
{
    const struct edge_json *written = edge_json_get_nocase(edge_agent, "settings");
    EDGE_CLEANUP(edge_json_free) struct edge_json *settings = edge_json_new_object();
    EDGE_CLEANUP(edge_json_free) struct edge_json *options = own_options(written);

    if (!image)
        image = edge_json_str(edge_json_get_nocase(written, "image"), "");
    if (!options || edge_json_set_str(settings, "image", image) < 0 ||
        edge_json_set_str(settings, "imageHash", "") < 0 || set_options(settings, options) < 0)
        return NULL;
    return EDGE_TAKE(settings);
}

struct edge_json *agent_echo_own_env(const struct edge_json *edge_agent)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *env = edge_json_new_object();

    for (edge_json_foreach (it, edge_json_get_nocase(edge_agent, "env"))) {
        EDGE_CLEANUP(edge_free) char *value = NULL;

        edge_ignore(edge_json_loose_str(edge_json_get_nocase(it.value, "value"), &value));
        if (it.value && add_variable(env, it.name, value ? value : "") < 0)
            return NULL;
    }
    return EDGE_TAKE(env);
}

static int add_credential(struct edge_json *credentials, const struct agent_credential *credential)
{
    struct edge_json *entry = edge_json_need_object(credentials, credential->label);
    int rc = entry ? edge_json_set_str(entry, "address", credential->address) : -1;

    return rc < 0 ? rc : edge_json_set_str(entry, "username", credential->username);
}

struct edge_json *agent_echo_runtime(const struct agent_desired *desired)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *settings = edge_json_new_object();
    const char *logging = desired->logging_options;
    struct edge_json *credentials;

    if (agent_secret_name(logging) || agent_secret_value(logging))
        logging = AGENT_SECRET_MASK; /* options of a log driver: a token is one of them */
    if (edge_json_set_str(settings, "minDockerVersion", desired->min_docker_version) < 0 ||
        edge_json_set_str(settings, "loggingOptions", logging) < 0)
        return NULL;
    if (desired->ncredentials == 0)
        return EDGE_TAKE(settings);
    credentials = edge_json_need_object(settings, "registryCredentials");
    for (size_t i = 0; i < desired->ncredentials; i++)
        if (!credentials || add_credential(credentials, &desired->credentials[i]) < 0)
            return NULL;
    return EDGE_TAKE(settings);
}
