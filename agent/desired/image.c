#include <errno.h>
#include <stdlib.h>

#include "agent/desired/reader.h"
#include "agent/image/reference.h"

/* A name that no registry could have is found here, before anything is stopped for it. */
static int check(const struct desired_reader *r, const char *path, const char *text)
{
    struct agent_reference reference = {0};
    int rc = agent_reference_parse(text, r->upstream, &reference, r->err);

    agent_reference_fini(&reference);
    return rc < 0 && rc != -ENOMEM ? desired_wrap(r, rc, path) : rc;
}

/* IoT Edge writes the default tag out, so that "a" and "a:latest" are the same wish. */
static char *with_tag(const char *text)
{
    const char *last = strrchr(text, '/');

    last = last ? last + 1 : text;
    return strpbrk(last, ":@") ? edge_strdup(text) : edge_format("%s:latest", text);
}

int desired_take_image(const struct desired_reader *r, const struct edge_json *settings,
                       const char *path, char **ret)
{
    EDGE_CLEANUP(edge_free) char *raw = NULL;
    EDGE_CLEANUP(edge_free) char *text = NULL;
    int rc = desired_take_text(r, settings, "image", path, NULL, &raw);

    if (rc < 0)
        return rc;
    text = edge_trimmed(raw);
    if (!text)
        return -ENOMEM;
    if (!*text)
        return desired_bad(r, path, "is blank");
    rc = check(r, path, text);
    if (rc < 0)
        return rc;
    *ret = with_tag(text);
    return *ret ? 0 : -ENOMEM;
}
