#include <errno.h>
#include <stdlib.h>

#include "agent/containerd/call.h"
#include "agent/containerd/content.h"
#include "agent/containerd/wire.h"
#include "proto/containerd/images.pb-c.h"

static const ProtobufCServiceDescriptor *const service = &images__images__descriptor;

void agent_ctrd_image_fini(struct agent_ctrd_image *image)
{
    free(image->name);
    free(image->media_type);
    free(image->digest);
    agent_ctrd_strv_free(image->labels);
    *image = (struct agent_ctrd_image){0};
}

struct agent_ctrd_image *agent_ctrd_images_free(struct agent_ctrd_image *images, size_t len)
{
    for (size_t i = 0; i < len; i++)
        agent_ctrd_image_fini(&images[i]);
    free(images);
    return NULL;
}

static int copy_image(const Images__Image *from, struct agent_ctrd_image *ret, struct edge_err *err)
{
    const Types__Descriptor *target = from->target;
    struct agent_ctrd_image to = {
        .name = edge_strdup(from->name),
        .media_type = edge_strdup(target ? target->media_type : ""),
        .digest = edge_strdup(target ? target->digest : ""),
        .size = target ? target->size : 0,
        .labels = wire_labels_copy(from->labels, from->n_labels),
    };

    if (!to.name || !to.media_type || !to.digest || !to.labels) {
        agent_ctrd_image_fini(&to);
        return edge_fail(err, -ENOMEM, "out of memory");
    }
    *ret = to;
    return 0;
}

int agent_ctrd_image_get(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                         const char *name, struct agent_ctrd_image *ret, struct edge_err *err)
{
    Images__GetImageRequest request = IMAGES__GET_IMAGE_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Images__GetImageResponse *reply = NULL;
    int rc;

    request.name = name;
    rc = ctrd_unary(ctrd, call, service, "Get", &request.base, &reply, err);
    if (rc < 0)
        return rc;
    if (!reply->image)
        return edge_fail(err, EDGE_EPROTOCOL, "containerd: image %s came back empty", name);
    return copy_image(reply->image, ret, err);
}

static int update(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call, Images__Image *image,
                  const struct agent_ctrd_label *labels, size_t nlabels, struct edge_err *err)
{
    Images__UpdateImageRequest request = IMAGES__UPDATE_IMAGE_REQUEST__INIT;
    EDGE_CLEANUP(wire_mask_fini) struct wire_mask mask = {0};
    int rc = wire_mask_init(&mask, "target", labels, nlabels, err);

    if (rc < 0)
        return rc;
    request.image = image;
    request.update_mask = &mask.mask;
    return ctrd_unary(ctrd, call, service, "Update", &request.base, NULL, err);
}

int agent_ctrd_image_put(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                         const char *name, const struct agent_ctrd_descriptor *target,
                         const struct agent_ctrd_label *labels, size_t nlabels,
                         struct edge_err *err)
{
    Images__CreateImageRequest request = IMAGES__CREATE_IMAGE_REQUEST__INIT;
    Images__Image image = IMAGES__IMAGE__INIT;
    Types__Descriptor descriptor = TYPES__DESCRIPTOR__INIT;
    EDGE_CLEANUP(wire_labels_fini) struct wire_labels packed = {0};
    int rc;

    rc = wire_labels_init(&packed, &images__image__labels_entry__descriptor, labels, nlabels, err);
    if (rc < 0)
        return rc;
    descriptor.media_type = target->media_type;
    descriptor.digest = target->digest;
    descriptor.size = target->size;
    image.name = name;
    image.target = &descriptor;
    image.labels = wire_labels_list(&packed);
    image.n_labels = packed.len;
    request.image = &image;
    rc = ctrd_unary(ctrd, call, service, "Create", &request.base, NULL, err);
    return rc == -EEXIST ? update(ctrd, call, &image, labels, nlabels, err) : rc;
}

int agent_ctrd_image_delete(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                            const char *name, bool sync, struct edge_err *err)
{
    Images__DeleteImageRequest request = IMAGES__DELETE_IMAGE_REQUEST__INIT;
    int rc;

    request.name = name;
    request.sync = sync;
    rc = ctrd_unary(ctrd, call, service, "Delete", &request.base, NULL, err);
    return rc == -ENOENT ? 0 : rc;
}

int agent_ctrd_image_list(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                          struct agent_ctrd_image **ret, size_t *ret_len, struct edge_err *err)
{
    Images__ListImagesRequest request = IMAGES__LIST_IMAGES_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Images__ListImagesResponse *reply = NULL;
    struct agent_ctrd_image *list;
    int rc;

    rc = ctrd_unary(ctrd, call, service, "List", &request.base, &reply, err);
    if (rc < 0)
        return rc;
    list = calloc(reply->n_images + 1, sizeof *list);
    if (!list)
        return edge_fail(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < reply->n_images; i++) {
        rc = copy_image(reply->images[i], &list[i], err);
        if (rc < 0) {
            agent_ctrd_images_free(list, i);
            return rc;
        }
    }
    *ret = list;
    *ret_len = reply->n_images;
    return 0;
}
