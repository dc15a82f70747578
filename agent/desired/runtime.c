#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/desired/reader.h"

/* A version of 2 to 4 numbers. A part that is not there counts as less than 0, so that 1.1 comes
 * before 1.1.0. @return the number of parts, 0 when it is no version */
static int split_version(const char *text, long parts[4])
{
    int n = 0;

    for (int i = 0; i < 4; i++)
        parts[i] = -1;
    while (n < 4) {
        size_t digits = strspn(text, "0123456789");

        if (digits == 0 || digits > 9)
            return 0;
        parts[n++] = strtol(text, NULL, 10);
        text += digits;
        if (*text != '.')
            break;
        text++;
    }
    return *text || n < 2 ? 0 : n;
}

/* 1.0 up to and with 1.1.0. */
static bool supported(const long v[4])
{
    if (v[0] != 1)
        return false;
    if (v[1] != 1)
        return v[1] < 1;
    return v[2] < 0 || (v[2] == 0 && v[3] < 0);
}

int desired_take_schema(const struct desired_reader *r, const struct edge_json *document,
                        char **ret)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    long parts[4];
    int rc = desired_take_text(r, document, "schemaVersion", "schemaVersion", NULL, &text);

    if (rc < 0)
        return rc;
    if (split_version(text, parts) == 0)
        return edge_fail(r->err, EDGE_ESCHEMA,
                         "schemaVersion: \"%.40s\" is not a version such as \"1.1\"", text);
    if (!supported(parts))
        return edge_fail(r->err, EDGE_ESCHEMA,
                         "schemaVersion: \"%.40s\" is not supported: 1.0 to 1.1.0 are", text);
    *ret = EDGE_TAKE(text);
    return 0;
}

/* "$upstream:port" in front becomes the parent's host: can it? */
static int check_upstream(const struct desired_reader *r, const char *path, const char *text)
{
    size_t digits;

    if (text[0] != '$')
        return 0;
    if (strncmp(text, "$upstream:", 10) != 0 || text[10] == '0')
        return desired_bad(r, path, "\"%.100s\" must begin with \"$upstream:<port>\" or a host",
                           text);
    digits = strspn(text + 10, "0123456789");
    if (digits == 0 || digits > 5 || (text[10 + digits] != '/' && text[10 + digits] != '\0'))
        return desired_bad(r, path, "\"%.100s\" has no port behind $upstream", text);
    if (!r->upstream)
        return desired_bad(r, path, "\"%.100s\" needs a parent device, and this one has none",
                           text);
    return 0;
}

static int take_address(const struct desired_reader *r, const struct edge_json *object,
                        const char *path, char **ret)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    int rc = desired_take_text(r, object, "address", path, NULL, &text);

    if (rc == 0)
        rc = check_upstream(r, path, text);
    if (rc < 0)
        return rc;
    if (text[0] == '$')
        *ret = edge_format("%s%s", r->upstream, text + strlen("$upstream"));
    else
        *ret = EDGE_TAKE(text);
    return *ret ? 0 : -ENOMEM;
}

static bool is_blank(const char *text)
{
    while (isspace((unsigned char) *text))
        text++;
    return !*text;
}

static int take_member(const struct desired_reader *r, const struct edge_json *object,
                       const char *path, const char *name, char **ret)
{
    char whole[240];

    (void) snprintf(whole, sizeof whole, "%s.%s", path, name);
    return desired_take_text(r, object, name, whole, NULL, ret);
}

static int take_credential(const struct desired_reader *r, const char *label,
                           const struct edge_json *object, struct agent_credential *ret)
{
    char path[200];
    int rc;

    (void) snprintf(path, sizeof path, "runtime.settings.registryCredentials.%.64s", label);
    ret->label = edge_strdup(label);
    if (!ret->label)
        return -ENOMEM;
    if (!edge_json_is(object, EDGE_JSON_OBJECT))
        return desired_bad(r, path, "must be an object with address, username and password");
    rc = take_address(r, object, path, &ret->address);
    if (rc == 0)
        rc = take_member(r, object, path, "username", &ret->username);
    if (rc == 0)
        rc = take_member(r, object, path, "password", &ret->password);
    if (rc == 0 && (is_blank(ret->address) || is_blank(ret->username) || is_blank(ret->password)))
        rc = desired_bad(r, path, "address, username and password must not be blank");
    return rc;
}

static int take_credentials(const struct desired_reader *r, const struct edge_json *settings,
                            struct agent_desired *desired)
{
    static const char path[] = "runtime.settings.registryCredentials";
    struct edge_json *map;
    int rc = desired_take_object(r, settings, "registryCredentials", path, false, &map);

    if (rc < 0 || !map)
        return rc;
    if (edge_json_len(map) > DESIRED_MAX_CREDENTIALS)
        return edge_fail(r->err, EDGE_ELIMIT, "%s: more than %d", path, DESIRED_MAX_CREDENTIALS);
    desired->credentials = calloc(edge_json_len(map) + 1, sizeof *desired->credentials);
    if (!desired->credentials)
        return -ENOMEM;
    for (edge_json_foreach (it, map)) {
        if (!it.value)
            continue; /* as good as removed */
        rc = take_credential(r, it.name, it.value, &desired->credentials[desired->ncredentials++]);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int desired_take_runtime(const struct desired_reader *r, const struct edge_json *document,
                         struct agent_desired *desired)
{
    EDGE_CLEANUP(edge_free) char *type = NULL;
    struct edge_json *runtime = NULL;
    struct edge_json *settings = NULL;
    int rc = desired_take_object(r, document, "runtime", "runtime", true, &runtime);

    if (rc == 0)
        rc = desired_take_text(r, runtime, "type", "runtime.type", NULL, &type);
    if (rc == 0 && strcmp(type, "docker") != 0)
        rc = desired_bad(r, "runtime.type", "must be \"docker\", not \"%.40s\"", type);
    if (rc == 0)
        rc = desired_take_object(r, runtime, "settings", "runtime.settings", false, &settings);
    if (rc == 0)
        rc = desired_take_text(r, settings, "minDockerVersion", "runtime.settings.minDockerVersion",
                               "", &desired->min_docker_version);
    if (rc == 0)
        rc = desired_take_text(r, settings, "loggingOptions", "runtime.settings.loggingOptions", "",
                               &desired->logging_options);
    return rc < 0 ? rc : take_credentials(r, settings, desired);
}
