#include "hub/cloud/cloud.h"

#include <errno.h>
#include <stdlib.h>

#include "hub/cloud/amqp/amqp.h"
#include "hub/cloud/mqtt/mqtt.h"

struct hub_cloud {
    const struct hub_cloud_kind *kind;
    struct hub_upstream upstream;
};

static const struct hub_cloud_kind *kind_of(enum hub_cloud_protocol protocol)
{
    bool mqtt = protocol == HUB_CLOUD_MQTT || protocol == HUB_CLOUD_MQTT_WS;

    return mqtt ? &hub_cloud_mqtt : &hub_cloud_amqp;
}

int hub_cloud_open(const struct hub_cloud_options *options, struct hub_cloud **ret,
                   struct edge_err *err)
{
    struct hub_cloud *cloud = calloc(1, sizeof *cloud);
    int rc;

    if (!cloud)
        return edge_fail(err, -ENOMEM, "upstream: no memory");
    cloud->kind = kind_of(options->protocol);
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
    if (cloud)
        cloud->kind->close(cloud->upstream.self);
    return edge_free(cloud);
}
