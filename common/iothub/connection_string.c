#include "common/iothub/connection_string.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/bytes.h"
#include "common/base/encode.h"
#include "common/iothub/identity.h"

enum { TEXT_MAX = 4096 };

static char **place_of(struct edge_connection_string *cs, const char *name)
{
    const struct {
        const char *name;
        char **place;
    } all[] = {
        {"HostName", &cs->hostname},       {"DeviceId", &cs->device_id},
        {"ModuleId", &cs->module_id},      {"SharedAccessKey", &cs->key},
        {"GatewayHostName", &cs->gateway}, {"SharedAccessKeyName", &cs->key_name},
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++) {
        if (strcasecmp(all[i].name, name) == 0)
            return all[i].place;
    }
    return NULL;
}

static int take_field(struct edge_connection_string *cs, char *field, struct edge_err *err)
{
    char *equals = strchr(field, '=');
    char **place;

    if (!*field)
        return 0; /* behind a last ';' */
    if (!equals)
        return edge_fail(err, EDGE_EINVALID, "connection string: a field without '='");
    *equals = '\0';
    if (strcasecmp(field, "x509") == 0) {
        cs->x509 = strcasecmp(equals + 1, "true") == 0;
        return 0;
    }
    place = place_of(cs, field);
    if (!place)
        return 0; /* of a newer SDK */
    if (*place)
        return edge_fail(err, EDGE_EINVALID, "connection string: %s stands twice", field);
    *place = strdup(equals + 1);
    return *place ? 0 : -ENOMEM;
}

static int check_key(const char *key, struct edge_err *err)
{
    struct edge_buf bytes = EDGE_BUF_INIT(256);
    int rc = edge_base64_decode(key, strlen(key), &bytes);

    if (rc == 0 && bytes.len == 0)
        rc = EDGE_EINVALID;
    if (bytes.data)
        explicit_bzero(bytes.data, bytes.len);
    edge_buf_fini(&bytes);
    if (rc < 0)
        return edge_fail(err, EDGE_EINVALID, "connection string: SharedAccessKey is not base64");
    return 0;
}

static int check(const struct edge_connection_string *cs, struct edge_err *err)
{
    if (!cs->hostname || !*cs->hostname)
        return edge_fail(err, EDGE_EINVALID, "connection string: HostName is missing");
    if (!cs->device_id || !edge_id_valid(cs->device_id, strlen(cs->device_id)))
        return edge_fail(err, EDGE_EINVALID, "connection string: DeviceId is missing or malformed");
    if (cs->module_id && !edge_id_valid(cs->module_id, strlen(cs->module_id)))
        return edge_fail(err, EDGE_EINVALID, "connection string: ModuleId is malformed");
    if (cs->key)
        return check_key(cs->key, err);
    if (!cs->x509)
        return edge_fail(err, EDGE_EINVALID, "connection string: SharedAccessKey is missing");
    return 0;
}

int edge_connection_string_parse(const char *text, struct edge_connection_string *ret,
                                 struct edge_err *err)
{
    size_t len = strnlen(text, TEXT_MAX + 1);
    char *copy;
    int rc = 0;

    *ret = (struct edge_connection_string){0};
    if (len > TEXT_MAX)
        return edge_fail(err, EDGE_ELIMIT, "the connection string is longer than %d bytes",
                         TEXT_MAX);
    copy = edge_trimmed(text); /* files end with a newline */
    if (!copy)
        return -ENOMEM;
    len = strlen(copy);
    for (char *rest = copy, *field; rc == 0 && (field = strsep(&rest, ";"));)
        rc = take_field(ret, field, err);
    explicit_bzero(copy, len);
    free(copy);
    if (rc == 0)
        rc = check(ret, err);
    if (rc < 0)
        edge_connection_string_fini(ret);
    return rc;
}

void edge_connection_string_fini(struct edge_connection_string *cs)
{
    free(cs->hostname);
    free(cs->device_id);
    free(cs->module_id);
    (void) edge_wipe(cs->key);
    free(cs->key_name);
    free(cs->gateway);
    *cs = (struct edge_connection_string){0};
}
