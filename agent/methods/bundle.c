#include "agent/methods/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 64 * 1024 };

struct methods_bundle {
    struct archive *zip;
};

static int fail(struct methods_bundle *bundle, struct edge_err *err)
{
    const char *why = archive_error_string(bundle->zip);
    int code = archive_errno(bundle->zip);

    return edge_fail(err, code > 0 ? -code : -EIO, "support bundle: %s", why ? why : "zip failed");
}

int methods_bundle_create(int fd, struct methods_bundle **ret, struct edge_err *err)
{
    EDGE_CLEANUP(methods_bundle_destroy) struct methods_bundle *bundle = calloc(1, sizeof *bundle);

    if (!bundle)
        return -ENOMEM;
    bundle->zip = archive_write_new();
    if (!bundle->zip)
        return -ENOMEM;
    if (archive_write_set_format_zip(bundle->zip) != ARCHIVE_OK ||
        archive_write_open_fd(bundle->zip, fd) != ARCHIVE_OK)
        return fail(bundle, err);
    *ret = EDGE_TAKE(bundle);
    return 0;
}

static int begin(struct methods_bundle *bundle, const char *name, int64_t size, int64_t wall_ns,
                 struct edge_err *err)
{
    struct archive_entry *entry = archive_entry_new();
    int rc;

    if (!entry)
        return -ENOMEM;
    archive_entry_set_pathname_utf8(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, size);
    archive_entry_set_mtime(entry, (time_t) (wall_ns / 1000000000), 0);
    rc = archive_write_header(bundle->zip, entry);
    archive_entry_free(entry);
    return rc == ARCHIVE_OK ? 0 : fail(bundle, err);
}

static int add_data(struct methods_bundle *bundle, const void *data, size_t len,
                    struct edge_err *err)
{
    return archive_write_data(bundle->zip, data, len) == (la_ssize_t) len ? 0 : fail(bundle, err);
}

int methods_bundle_text(struct methods_bundle *bundle, const char *entry, const void *data,
                        size_t len, int64_t wall_ns, struct edge_err *err)
{
    int rc = begin(bundle, entry, (int64_t) len, wall_ns, err);

    return rc < 0 || len == 0 ? rc : add_data(bundle, data, len, err);
}

int methods_bundle_file(struct methods_bundle *bundle, const char *entry, int from, int64_t wall_ns,
                        struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *piece = malloc(PIECE);
    struct stat st;
    int rc;

    if (!piece)
        return -ENOMEM;
    if (fstat(from, &st) < 0 || lseek(from, 0, SEEK_SET) < 0)
        return edge_fail(err, -errno, "support bundle: %s", edge_strerror(-errno));
    rc = begin(bundle, entry, st.st_size, wall_ns, err);
    for (int64_t left = st.st_size; rc == 0 && left > 0;) {
        ssize_t n = read(from, piece, PIECE);

        if (n <= 0)
            return edge_fail(err, n < 0 ? -errno : -EIO, "support bundle: cannot read %s", entry);
        rc = add_data(bundle, piece, (size_t) n, err);
        left -= n;
    }
    return rc;
}

int methods_bundle_finish(struct methods_bundle *bundle, struct edge_err *err)
{
    return archive_write_close(bundle->zip) == ARCHIVE_OK ? 0 : fail(bundle, err);
}

struct methods_bundle *methods_bundle_destroy(struct methods_bundle *bundle)
{
    if (bundle)
        archive_write_free(bundle->zip);
    free(bundle);
    return NULL;
}
