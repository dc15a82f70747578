#include <errno.h>
#include <stdlib.h>

#include "agent/containerd/call.h"
#include "agent/containerd/runc.h"
#include "agent/containerd/tasks.h"
#include "agent/containerd/wire.h"
#include "proto/containerd/containers.pb-c.h"
#include "proto/containerd/runc.pb-c.h"

#define SPEC_TYPE "types.containerd.io/opencontainers/runtime-spec/1/Spec"

static const ProtobufCServiceDescriptor *const service = &containers__containers__descriptor;

int runc_options_init(Google__Any *ret, const char *binary, struct edge_err *err)
{
    Runc__Options options = RUNC__OPTIONS__INIT;

    options.binary_name = binary;
    *ret = (Google__Any) GOOGLE__ANY__INIT;
    ret->type_url = runc__options__descriptor.name;
    ret->value.len = protobuf_c_message_get_packed_size(&options.base);
    ret->value.data = malloc(ret->value.len + 1);
    if (!ret->value.data)
        return edge_fail(err, -ENOMEM, "out of memory");
    protobuf_c_message_pack(&options.base, ret->value.data);
    return 0;
}

void agent_ctrd_container_fini(struct agent_ctrd_container *container)
{
    free(container->id);
    free(container->image);
    free(container->runtime);
    free(container->snapshotter);
    free(container->snapshot_key);
    agent_ctrd_strv_free(container->labels);
    free(container->spec);
    *container = (struct agent_ctrd_container){0};
}

struct agent_ctrd_container *agent_ctrd_containers_free(struct agent_ctrd_container *list,
                                                        size_t len)
{
    for (size_t i = 0; i < len; i++)
        agent_ctrd_container_fini(&list[i]);
    free(list);
    return NULL;
}

const char *agent_ctrd_container_label(const struct agent_ctrd_container *container,
                                       const char *key)
{
    return wire_labels_find(container->labels, key);
}

static int copy_container(const Containers__Container *from, struct agent_ctrd_container *ret,
                          struct edge_err *err)
{
    const Google__Any *spec = from->spec;
    struct agent_ctrd_container to = {
        .id = edge_strdup(from->id),
        .image = edge_strdup(from->image),
        .runtime = edge_strdup(from->runtime ? from->runtime->name : ""),
        .snapshotter = edge_strdup(from->snapshotter),
        .snapshot_key = edge_strdup(from->snapshot_key),
        .labels = wire_labels_copy(from->labels, from->n_labels),
        .spec = spec ? strndup((const char *) spec->value.data, spec->value.len) : edge_strdup(""),
    };

    if (!to.id || !to.image || !to.runtime || !to.snapshotter || !to.snapshot_key || !to.labels ||
        !to.spec) {
        agent_ctrd_container_fini(&to);
        return edge_fail(err, -ENOMEM, "out of memory");
    }
    *ret = to;
    return 0;
}

int agent_ctrd_container_create(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                                const struct agent_ctrd_container_new *what, struct edge_err *err)
{
    Containers__CreateContainerRequest request = CONTAINERS__CREATE_CONTAINER_REQUEST__INIT;
    Containers__Container container = CONTAINERS__CONTAINER__INIT;
    Containers__Container__Runtime runtime = CONTAINERS__CONTAINER__RUNTIME__INIT;
    EDGE_CLEANUP(runc_options_fini) Google__Any options = GOOGLE__ANY__INIT;
    EDGE_CLEANUP(wire_labels_fini) struct wire_labels labels = {0};
    Google__Any spec;
    int rc;

    rc = wire_json(SPEC_TYPE, what->spec, "container spec", &spec, err);
    if (rc == 0)
        rc = wire_labels_init(&labels, &containers__container__labels_entry__descriptor,
                              what->labels, what->nlabels, err);
    if (rc == 0 && what->runtime_binary)
        rc = runc_options_init(&options, what->runtime_binary, err);
    if (rc < 0)
        return rc;

    runtime.name = what->runtime;
    runtime.options = what->runtime_binary ? &options : NULL;
    container.id = what->id;
    container.image = what->image;
    container.runtime = &runtime;
    container.snapshotter = what->snapshotter;
    container.snapshot_key = what->snapshot_key;
    container.spec = &spec;
    container.labels = wire_labels_list(&labels);
    container.n_labels = labels.len;
    request.container = &container;
    return ctrd_unary(ctrd, call, service, "Create", &request.base, NULL, err);
}

int agent_ctrd_container_get(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                             const char *id, struct agent_ctrd_container *ret, struct edge_err *err)
{
    Containers__GetContainerRequest request = CONTAINERS__GET_CONTAINER_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Containers__GetContainerResponse *reply = NULL;
    int rc;

    request.id = id;
    rc = ctrd_unary(ctrd, call, service, "Get", &request.base, &reply, err);
    if (rc < 0)
        return rc;
    if (!reply->container)
        return edge_fail(err, EDGE_EPROTOCOL, "containerd: container %s came back empty", id);
    return copy_container(reply->container, ret, err);
}

int agent_ctrd_container_list(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                              const char *key, const char *value, struct agent_ctrd_container **ret,
                              size_t *ret_len, struct edge_err *err)
{
    Containers__ListContainersRequest request = CONTAINERS__LIST_CONTAINERS_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Containers__ListContainersResponse *reply = NULL;
    EDGE_CLEANUP(edge_free) char *filter = wire_label_filter(key, value);
    const char *filters[] = {filter};
    struct agent_ctrd_container *list;
    int rc;

    if (!filter)
        return edge_fail(err, -ENOMEM, "out of memory");
    request.filters = filters;
    request.n_filters = 1;
    rc = ctrd_unary(ctrd, call, service, "List", &request.base, &reply, err);
    if (rc < 0)
        return rc;
    list = calloc(reply->n_containers + 1, sizeof *list);
    if (!list)
        return edge_fail(err, -ENOMEM, "out of memory");

    for (size_t i = 0; i < reply->n_containers; i++) {
        rc = copy_container(reply->containers[i], &list[i], err);
        if (rc < 0) {
            agent_ctrd_containers_free(list, i);
            return rc;
        }
    }
    *ret = list;
    *ret_len = reply->n_containers;
    return 0;
}

static int update(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                  Containers__Container *container, Google__FieldMask *mask, struct edge_err *err)
{
    Containers__UpdateContainerRequest request = CONTAINERS__UPDATE_CONTAINER_REQUEST__INIT;

    request.container = container;
    request.update_mask = mask;
    return ctrd_unary(ctrd, call, service, "Update", &request.base, NULL, err);
}

int agent_ctrd_container_label_set(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                                   const char *id, const struct agent_ctrd_label *labels,
                                   size_t nlabels, struct edge_err *err)
{
    Containers__Container container = CONTAINERS__CONTAINER__INIT;
    EDGE_CLEANUP(wire_labels_fini) struct wire_labels packed = {0};
    EDGE_CLEANUP(wire_mask_fini) struct wire_mask mask = {0};
    int rc;

    rc = wire_labels_init(&packed, &containers__container__labels_entry__descriptor, labels,
                          nlabels, err);
    if (rc == 0)
        rc = wire_mask_init(&mask, NULL, labels, nlabels, err);
    if (rc < 0 || nlabels == 0)
        return rc;
    container.id = id;
    container.labels = wire_labels_list(&packed);
    container.n_labels = packed.len;
    return update(ctrd, call, &container, &mask.mask, err);
}

int agent_ctrd_container_spec_set(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                                  const char *id, const char *spec, struct edge_err *err)
{
    Containers__Container container = CONTAINERS__CONTAINER__INIT;
    EDGE_CLEANUP(wire_mask_fini) struct wire_mask mask = {0};
    Google__Any packed;
    int rc;

    rc = wire_json(SPEC_TYPE, spec, "container spec", &packed, err);
    if (rc == 0)
        rc = wire_mask_init(&mask, "spec", NULL, 0, err);
    if (rc < 0)
        return rc;
    container.id = id;
    container.spec = &packed;
    return update(ctrd, call, &container, &mask.mask, err);
}

int agent_ctrd_container_delete(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                                const char *id, struct edge_err *err)
{
    Containers__DeleteContainerRequest request = CONTAINERS__DELETE_CONTAINER_REQUEST__INIT;
    int rc;

    request.id = id;
    rc = ctrd_unary(ctrd, call, service, "Delete", &request.base, NULL, err);
    return rc == -ENOENT ? 0 : rc;
}
