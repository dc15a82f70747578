#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/network/hosts.h"

static int write_at_start(int fd, const char *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pwrite(fd, data + done, len - done, (off_t) done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        done += (size_t) n;
    }
    return 0;
}

/* A shorter text is first followed by line ends, so that no reader meets half of an old line. */
static int overwrite(int fd, const struct edge_buf *text, size_t old)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf padded = EDGE_BUF_INIT(AGENT_HOSTS_MAX);
    int rc;

    (void) edge_buf_append(&padded, text->data, text->len);
    while (padded.len < old && edge_buf_error(&padded) == 0)
        (void) edge_buf_puts(&padded, "\n");
    rc = edge_buf_error(&padded);
    if (rc == 0)
        rc = write_at_start(fd, padded.data, padded.len);
    if (rc == 0 && ftruncate(fd, (off_t) text->len) < 0)
        rc = -errno;
    return rc;
}

static int open_and_write(const char *path, const struct edge_buf *text, enum agent_place_mode mode)
{
    int create = mode == AGENT_PLACE_CREATE ? O_CREAT : 0;
    EDGE_CLEANUP(edge_close)
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | create, 0644);
    struct stat st;
    size_t old;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return EDGE_EINVALID;
    if (create && fchmod(fd, 0644) < 0) /* whatever the umask: the module's user reads it */
        return -errno;
    old = st.st_size < AGENT_HOSTS_MAX ? (size_t) st.st_size : 0; /* a module may have grown it */
    return overwrite(fd, text, old);
}

int agent_place_text(const char *path, const struct edge_buf *text, enum agent_place_mode mode,
                     struct edge_err *err)
{
    int rc = open_and_write(path, text, mode);

    return rc < 0 ? edge_fail(err, rc, "cannot write %s: %s", path, edge_strerror(rc)) : 0;
}
