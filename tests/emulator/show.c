#include "tests/emulator/show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char *of_identity(const struct cloud *cloud, const struct edge_identity *who,
                         const struct edge_json *identity)
{
    const struct edge_json *authentication = edge_json_get(identity, "authentication");
    const char *kind = edge_json_str(edge_json_get(authentication, "type"), "");
    const char *key = edge_json_str(
        edge_json_get(edge_json_get(authentication, "symmetricKey"), "primaryKey"), "");
    EDGE_CLEANUP(edge_free)
    char *head = edge_format(*who->module ? "HostName=%s;DeviceId=%s;ModuleId=%s"
                                          : "HostName=%s;DeviceId=%s",
                             cloud_hostname(cloud), who->device, who->module);

    if (!head)
        return NULL;
    if (strcmp(kind, "sas") == 0)
        return edge_format("%s;SharedAccessKey=%s", head, key);
    return edge_format("%s;x509=true", head);
}

int show_connection_string(struct cloud *cloud, const char *who, char **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;
    EDGE_CLEANUP(edge_free) char *key = NULL;
    struct edge_identity id;
    int rc = cloud_policy_key(cloud, who, &key);

    if (rc == 0) {
        *ret = edge_format("HostName=%s;SharedAccessKeyName=%s;SharedAccessKey=%s",
                           cloud_hostname(cloud), who, key);
        return *ret ? 0 : -ENOMEM;
    }
    if (rc < 0)
        return rc;
    rc = edge_identity_parse(who, strlen(who), &id);
    if (rc == 0)
        rc = cloud_identity_get(cloud, id.device, id.module, &identity, NULL);
    if (rc != 0) {
        edge_fail(err, CLOUD_NOT_FOUND, "%s is neither a policy nor an identity", who);
        return CLOUD_NOT_FOUND;
    }
    *ret = of_identity(cloud, &id, identity);
    return *ret ? 0 : -ENOMEM;
}
