/* tests/unit/agent/log_folder.h - a folder of logs for one test, and lines to put there. */
#ifndef TESTS_UNIT_AGENT_LOG_FOLDER_H
#define TESTS_UNIT_AGENT_LOG_FOLDER_H

#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "agent/logs/line.h"
#include "common/base/file.h"

struct log_folder {
    char dir[64]; /* <dir>/<id> is the container's */
    char sub[80];
};

static inline int make_log_folder(void **state)
{
    static struct log_folder folder;

    (void) snprintf(folder.dir, sizeof folder.dir, "/tmp/edge-test-logs-XXXXXX");
    if (!mkdtemp(folder.dir))
        return -1;
    (void) snprintf(folder.sub, sizeof folder.sub, "%s/c1", folder.dir);
    *state = &folder;
    return mkdir(folder.sub, 0700);
}

static inline int remove_log_folder(void **state)
{
    const struct log_folder *folder = *state;

    return edge_remove_tree(folder->dir, NULL);
}

/* Line number n is "line n\n" at n seconds, odd ones from stderr. */
static inline size_t make_line(char *out, int n)
{
    char text[32];
    int len = snprintf(text, sizeof text, "line %d\n", n);

    return log_line_write(out, text, (size_t) len, n % 2 == 1, (int64_t) n * 1000000000);
}

static inline void append_text(const struct log_folder *folder, const char *file, const char *text,
                               size_t len)
{
    char path[160];
    int fd;

    (void) snprintf(path, sizeof path, "%s/%s", folder->sub, file);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
}

static inline void append_lines(const struct log_folder *folder, const char *file, int first,
                                int last)
{
    char out[256];

    for (int n = first; n <= last; n++)
        append_text(folder, file, out, make_line(out, n));
}

static inline void pack_lines(const struct log_folder *folder, const char *file, int first,
                              int last)
{
    char path[160];
    char out[256];
    gzFile gz;

    (void) snprintf(path, sizeof path, "%s/%s", folder->sub, file);
    gz = gzopen(path, "wb");
    assert_non_null(gz);
    for (int n = first; n <= last; n++) {
        size_t len = make_line(out, n);

        assert_int_equal(gzwrite(gz, out, (unsigned) len), len);
    }
    assert_int_equal(gzclose(gz), 0);
}

static inline void rename_log(const struct log_folder *folder, const char *from, const char *to)
{
    char a[160];
    char b[160];

    (void) snprintf(a, sizeof a, "%s/%s", folder->sub, from);
    (void) snprintf(b, sizeof b, "%s/%s", folder->sub, to);
    assert_int_equal(rename(a, b), 0);
}

#endif
