/* agent/image/images.h - images: pull from a registry into containerd, verified, resumed, unpacked.
 * Blocking; worker threads, any number at once. */
#ifndef AGENT_IMAGE_IMAGES_H
#define AGENT_IMAGE_IMAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/containerd/client.h"
#include "common/base/cancel.h"
#include "common/base/err.h"
#include "common/json/json.h"

/** How one registry is reached (config.yaml `registries`). Borrowed by agent_images_open's caller.
 */
struct agent_registry {
    const char *host;     /* "127.0.0.1:5000", as it stands in references */
    const char *ca;       /* PEM file, or NULL */
    const char *mirror;   /* "host:port[/prefix]" asked first, or NULL; an entry of its own says
                             how it is reached (plain_http, ca, credentials) */
    const char *username; /* or NULL */
    const char *password;
    bool plain_http;
};

/** Credentials from a deployment (`registryCredentials`): win over those of struct agent_registry.
 */
struct agent_registry_auth {
    const char *address;
    const char *username;
    const char *password;
};

struct agent_images_config {
    const struct agent_registry *registries; /* copied */
    size_t nregistries;
    const char *upstream;       /* what "$upstream" stands for, or NULL */
    unsigned parallel_layers;   /* of one pull; > 0, 16 at most are used */
    int64_t max_layer_bytes;    /* 0: 64 GiB */
    int64_t max_manifest_bytes; /* 0: 4 MiB */
};

struct agent_images;
EDGE_MUST_CHECK int agent_images_open(struct agent_ctrd *ctrd,
                                      const struct agent_images_config *config,
                                      struct agent_images **ret, struct edge_err *err);
struct agent_images *agent_images_close(struct agent_images *images);

/** An image that is present and unpacked. Owned; agent_image_free. */
struct agent_image {
    char *name;          /* of the image record */
    char *digest;        /* of this platform's manifest */
    char *config_digest; /* "imageHash" of reported properties */
    char *chain_id;      /* snapshot to prepare containers on; "" for an image without layers */
    struct edge_json *config; /* OCI image config's `config` object (Env, Cmd, User, Volumes, …) */
};
struct agent_image *agent_image_free(struct agent_image *image);
EDGE_DEFINE_CLEANUP(struct agent_image *, agent_image_free)

/** Progress of one pull. Counts only grow, but for total, which is known with the manifest. */
struct agent_pull_progress {
    int64_t done_bytes;
    int64_t total_bytes; /* 0 while unknown */
    bool unpacking;
};

struct agent_pull {
    const char *image; /* reference as written */
    const struct agent_registry_auth *auths;
    size_t nauths;
    struct edge_cancel *cancel; /* may be NULL */
    /** Called from worker threads, at most a few times a second; may be NULL. */
    void (*on_progress)(const struct agent_pull_progress *progress, void *arg);
    void *arg;
};

/**
 * Make the image present and unpacked. A tag is resolved at the registry once; when the registry
 * does not answer and the image is here already, the local one is taken. With a digest nothing is
 * asked that is here already. Parts that earlier attempts have brought are kept and gone on from.
 * @return 0, EDGE_EUNAVAILABLE (no answer, broken connection: try again), EDGE_EAUTH, -ENOENT (no
 * such image or tag), EDGE_EDIGEST, EDGE_ELIMIT, EDGE_EINVALID (the reference), EDGE_EUNSUPPORTED
 * (media type, no manifest for this platform), EDGE_EPROTOCOL, EDGE_EREMOTE (registry or containerd
 * refuse for a reason of their own, a full disk among them), -ECANCELED; err names image and
 * registry
 */
EDGE_MUST_CHECK int agent_images_pull(struct agent_images *images, const struct agent_pull *pull,
                                      struct agent_image **ret, struct edge_err *err);

/** The image if present and unpacked. No network. @return -ENOENT when it must be pulled */
EDGE_MUST_CHECK int agent_images_find(struct agent_images *images, const char *image,
                                      struct edge_cancel *cancel, struct agent_image **ret,
                                      struct edge_err *err);

/** At start: drop leases, ingests and extract snapshots that pulls of an earlier life have left and
 * nobody goes on with, older than @p keep_s seconds (their bytes serve a resumed pull until then).
 */
EDGE_MUST_CHECK int agent_images_sweep(struct agent_images *images, int keep_s,
                                       struct edge_err *err);

#endif
