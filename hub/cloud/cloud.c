/* Which protocol, behind one face. */
#include <errno.h>
#include <stdlib.h>

#include "hub/cloud/mqtt/mqtt.h"

struct hub_cloud {
    const struct hub_cloud_kind *kind;
    struct hub_upstream upstream;
};

int hub_cloud_open(const struct hub_cloud_options *options, struct hub_cloud **ret,
                   struct edge_err *err)
{
    static const struct hub_cloud_kind *const kinds[] = {
        [HUB_CLOUD_AMQP] = &hub_cloud_mqtt,
        [HUB_CLOUD_AMQP_WS] = &hub_cloud_mqtt,
        [HUB_CLOUD_MQTT] = &hub_cloud_mqtt,
        [HUB_CLOUD_MQTT_WS] = &hub_cloud_mqtt,
    };
    struct hub_cloud *cloud = calloc(1, sizeof *cloud);
    int rc;

    if (!cloud)
        return -ENOMEM;
    cloud->kind = kinds[options->protocol];
    cloud->upstream.ops = cloud->kind->ops;
    rc = cloud->kind->open(options, &cloud->upstream.self, err);
    if (rc < 0) {
        free(cloud);
        return rc;
    }
    *ret = cloud;
    return 0;
}

const struct hub_upstream *hub_cloud_upstream(struct hub_cloud *cloud)
{
    return &cloud->upstream;
}

struct hub_cloud *hub_cloud_close(struct hub_cloud *cloud)
{
    if (!cloud)
        return NULL;
    cloud->kind->close(cloud->upstream.self);
    free(cloud);
    return NULL;
}
