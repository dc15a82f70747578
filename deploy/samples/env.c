#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/samples/sample.h"

enum { PORT = 8883, INTERVAL_MS = 1000, INTERVAL_MIN_MS = 10, INTERVAL_MAX_MS = 3600 * 1000 };

static int text(const char *name, char **ret, struct edge_err *err)
{
    const char *value = getenv(name);

    if (!value || !*value)
        return edge_fail(err, EDGE_EINVALID,
                         "the environment has no %s: this is a module, to be started by the agent",
                         name);
    *ret = edge_strdup(value);
    return *ret ? 0 : edge_fail(err, -ENOMEM, "no memory");
}

static int id(const char *name, char ret[EDGE_ID_MAX + 1], struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *value = NULL;
    int rc = text(name, &value, err);

    if (rc < 0 || !value)
        return rc;
    if (!edge_id_valid(value, strlen(value)))
        return edge_fail(err, EDGE_EINVALID, "%s is not an id of IoT Hub", name);
    memcpy(ret, value, strlen(value) + 1);
    return 0;
}

static int number(const char *name, long least, long most, long fallback, long *ret,
                  struct edge_err *err)
{
    const char *value = getenv(name);
    char *end;

    *ret = fallback;
    if (!value || !*value)
        return 0;
    *ret = strtol(value, &end, 10);
    if (*end || *ret < least || *ret > most)
        return edge_fail(err, EDGE_EINVALID, "%s is not a number from %ld to %ld", name, least,
                         most);
    return 0;
}

static int socket_path(char **ret, struct edge_err *err)
{
    static const char scheme[] = "unix://";
    EDGE_CLEANUP(edge_free) char *uri = NULL;
    int rc = text("IOTEDGE_WORKLOADURI", &uri, err);

    if (rc < 0 || !uri)
        return rc;
    if (strncmp(uri, scheme, sizeof scheme - 1) != 0)
        return edge_fail(err, EDGE_EINVALID, "IOTEDGE_WORKLOADURI is not unix:///<path>");
    *ret = edge_strdup(uri + sizeof scheme - 1);
    return *ret ? 0 : edge_fail(err, -ENOMEM, "no memory");
}

int sample_env_read(struct sample_env *ret, struct edge_err *err)
{
    long port = PORT;
    long interval = INTERVAL_MS;
    int rc;

    *ret = (struct sample_env){0};
    rc = id("IOTEDGE_DEVICEID", ret->who.device, err);
    if (rc == 0)
        rc = id("IOTEDGE_MODULEID", ret->who.module, err);
    if (rc == 0)
        rc = text("IOTEDGE_IOTHUBHOSTNAME", &ret->hub_name, err);
    if (rc == 0)
        rc = text("IOTEDGE_GATEWAYHOSTNAME", &ret->gateway, err);
    if (rc == 0)
        rc = text("IOTEDGE_MODULEGENERATIONID", &ret->generation, err);
    if (rc == 0)
        rc = socket_path(&ret->workload, err);
    if (rc == 0)
        rc = number("EDGE_SAMPLE_PORT", 1, UINT16_MAX, PORT, &port, err);
    if (rc == 0)
        rc = number("EDGE_SAMPLE_INTERVAL_MS", INTERVAL_MIN_MS, INTERVAL_MAX_MS, INTERVAL_MS,
                    &interval, err);
    ret->version = edge_strdup(getenv("IOTEDGE_APIVERSION"));
    ret->port = (uint16_t) port;
    ret->interval_ms = (unsigned) interval;
    return rc;
}

void sample_env_fini(struct sample_env *env)
{
    free(env->hub_name);
    free(env->gateway);
    free(env->generation);
    free(env->workload);
    free(env->version);
    *env = (struct sample_env){0};
}
