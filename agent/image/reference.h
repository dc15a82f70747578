/* agent/image/reference.h - image references as people write them (distribution/reference grammar,
 * Docker Hub defaults). Pure; any thread. */
#ifndef AGENT_IMAGE_REFERENCE_H
#define AGENT_IMAGE_REFERENCE_H

#include "common/base/err.h"

/** "busybox", "repo/name:tag", "host:5000/x@sha256:…", "x:tag@sha256:…" in parts. All owned. */
struct agent_reference {
    char *registry;   /* "docker.io", "127.0.0.1:5000", … */
    char *repository; /* "library/busybox" */
    char *tag;        /* NULL when only a digest was given; "latest" when neither was */
    char *digest;     /* "sha256:…" or NULL */
    char *name; /* normalised whole: registry/repository[:tag][@digest]; names the image record */
};

/**
 * @param upstream  host that "$upstream:port/…" stands for, or NULL when there is no parent
 * @return 0 or EDGE_EINVALID with a text that quotes the reference and says what is wrong with it
 */
EDGE_MUST_CHECK int agent_reference_parse(const char *text, const char *upstream,
                                          struct agent_reference *ret, struct edge_err *err);
void agent_reference_fini(struct agent_reference *ref);

#endif
