#include "agent/logs/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/logs/cursor.h"

enum { BLOCK = 2 * LOG_LINE };

/* A plain file read backwards: data holds what is before byte `end`, from byte `base`. */
struct back {
    int fd;
    int64_t base;
    int64_t end; /* just after a line end, or the end of the file */
    char data[BLOCK];
    char text[BLOCK];
};

static int64_t load(struct back *back)
{
    int64_t len = back->end < BLOCK ? back->end : BLOCK;

    back->base = back->end - len;
    return pread(back->fd, back->data, (size_t) len, back->base) == len ? len : -1;
}

static bool in_window(struct back *back, const char *json, size_t len,
                      const struct log_window *window)
{
    struct log_line line;

    return log_line_read(json, len, back->text, &line) == 0 && log_window_has(window, line.at_ns);
}

/* Go back over the lines in the block. @return lines of the window found, at most @p want */
static uint64_t scan_block(struct back *back, int64_t len, const struct log_window *window,
                           uint64_t want)
{
    uint64_t found = 0;

    while (len > 0 && found < want) {
        const char *before = memrchr(back->data, '\n', (size_t) len - 1);
        int64_t start = before ? before - back->data + 1 : 0;

        if (!before && back->base > 0)
            break; /* its beginning is in the block before */
        if (in_window(back, back->data + start, (size_t) (len - 1 - start), window))
            found++;
        len = start;
        back->end = back->base + start;
    }
    return found;
}

/* Leave out a line without end: it is being written, or torn. */
static void trim(struct back *back)
{
    while (back->end > 0) {
        int64_t len = load(back);
        const char *last = len > 0 ? memrchr(back->data, '\n', (size_t) len) : NULL;

        if (last) {
            back->end = back->base + (last - back->data) + 1;
            return;
        }
        back->end = len > 0 ? back->base : 0;
    }
}

static uint64_t scan_plain(struct back *back, const struct log_window *window, uint64_t want)
{
    uint64_t found = 0;

    trim(back);
    while (back->end > 0 && found < want) {
        int64_t len = load(back);
        int64_t end = back->end;

        if (len <= 0)
            break;
        found += scan_block(back, len, window, want - found);
        if (back->end == end && found < want) {
            /* A line longer than a block is not ours: pass over it. */
            back->end = back->base;
            trim(back);
        }
    }
    return found;
}

static int tail_plain(const struct log_source *source, const struct log_window *window,
                      uint64_t want, uint64_t *ret_found, int64_t *ret_offset)
{
    struct back *back = malloc(sizeof *back);

    if (!back)
        return -ENOMEM;
    back->fd = source->fd;
    back->end = lseek(source->fd, 0, SEEK_END);
    *ret_found = scan_plain(back, window, want);
    *ret_offset = back->end > 0 ? back->end : 0;
    free(back);
    return 0;
}

static int count_gz(const struct log_source *source, const struct log_window *window,
                    uint64_t *ret_found)
{
    struct log_cursor cursor = {0};
    char *text = malloc(LOG_CURSOR_ROOM);
    const char *json;
    size_t len;
    int rc = text ? log_cursor_begin(&cursor, source, 0) : -ENOMEM;

    *ret_found = 0;
    while (rc == 0 && log_cursor_line(&cursor, &json, &len) == 0) {
        struct log_line line;

        if (log_line_read(json, len, text, &line) == 0 && log_window_has(window, line.at_ns))
            (*ret_found)++;
    }
    free(text);
    log_cursor_fini(&cursor);
    return rc;
}

int log_tail_find(const struct log_listing *listing, const struct log_window *window,
                  uint64_t lines, struct log_start *ret)
{
    for (size_t i = listing->len; i-- > 0;) {
        const struct log_source *source = &listing->items[i];
        struct log_start start = {i, 0, 0};
        uint64_t found = 0;
        int rc;

        if (source->gz)
            rc = count_gz(source, window, &found);
        else
            rc = tail_plain(source, window, lines, &found, &start.offset);
        if (rc < 0)
            return rc;
        if (found >= lines) {
            start.skip = found - lines;
            *ret = start;
            return 0;
        }
        lines -= found;
    }
    *ret = (struct log_start){0};
    return 0;
}
