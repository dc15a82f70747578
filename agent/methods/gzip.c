#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "agent/methods/sink.h"

enum { WINDOW_GZIP = 15 + 16, MEMORY = 8, OUT = 16 * 1024 };

struct methods_gzip {
    z_stream z;
    const struct methods_sink *to;
    unsigned char out[OUT];
};

struct methods_gzip *methods_gzip_create(const struct methods_sink *to)
{
    struct methods_gzip *gzip = calloc(1, sizeof *gzip);

    if (!gzip)
        return NULL;
    gzip->to = to;
    if (deflateInit2(&gzip->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_GZIP, MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(gzip);
        return NULL;
    }
    return gzip;
}

static int run(struct methods_gzip *gzip, int flush, struct edge_err *err)
{
    int rc = 0;

    do {
        gzip->z.next_out = gzip->out;
        gzip->z.avail_out = sizeof gzip->out;
        (void) deflate(&gzip->z, flush); /* cannot fail with room and a good state */
        rc = methods_put(gzip->to, gzip->out, sizeof gzip->out - gzip->z.avail_out, err);
    } while (rc == 0 && gzip->z.avail_out == 0);
    return rc;
}

int methods_gzip_put(const void *data, size_t len, void *arg, struct edge_err *err)
{
    struct methods_gzip *gzip = arg;

    gzip->z.next_in = (unsigned char *) (uintptr_t) data; /* zlib only reads it */
    gzip->z.avail_in = (uInt) len;
    return run(gzip, Z_NO_FLUSH, err);
}

int methods_gzip_finish(struct methods_gzip *gzip, struct edge_err *err)
{
    gzip->z.avail_in = 0;
    return run(gzip, Z_FINISH, err);
}

struct methods_gzip *methods_gzip_destroy(struct methods_gzip *gzip)
{
    if (gzip)
        deflateEnd(&gzip->z);
    free(gzip);
    return NULL;
}
