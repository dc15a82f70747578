/* Opening the log: which files are its segments, where each ends, what is in them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "hub/store/disk.h"
#include "hub/store/segment.h"

/* A file in the folder that has a segment's name. */
struct file {
    struct hub_segment_head head;
    struct hub_file_source source;
    uint64_t size;
    bool headless; /* its head is damaged */
};
struct files {
    struct file *items;
    size_t count, size;
};

static void free_files(struct files *files)
{
    for (size_t i = 0; i < files->count; i++)
        hub_file_source_fini(&files->items[i].source);
    free(files->items);
    *files = (struct files){0};
}

static int read_head(struct file *file, struct edge_err *err)
{
    struct hub_source *source = &file->source.source;
    struct hub_segment_head head = {0};
    const uint8_t *in = source->view(source, 0, HUB_SEGMENT_HEAD);
    int rc = in ? hub_segment_head_read(in, &head) : EDGE_EINVALID;

    if (source->fatal)
        return edge_fail(err, source->fatal == -ENOMEM ? -ENOMEM : EDGE_ESTORE,
                         "cannot open %s: %s", file->source.path, edge_strerror(source->fatal));
    if (rc == 0 && head.version > HUB_LOG_VERSION)
        rc = edge_fail(err, EDGE_ESTORE,
                       "%s was written by a newer edge-hub (version %u, this one knows %d): "
                       "install that version again, or move the file away",
                       file->source.path, head.version, HUB_LOG_VERSION);
    else if (rc == 0 && (head.id != file->head.id || head.salt != file->head.salt))
        rc = EDGE_EINVALID;
    source->rest(source);
    if (rc == 0)
        file->head = head;
    file->headless = rc == EDGE_EINVALID;
    return rc == EDGE_EINVALID ? 0 : rc;
}

static struct file *add_file(struct files *files)
{
    if (files->count == files->size) {
        size_t size = files->size ? files->size * 2 : 16;
        struct file *items = realloc(files->items, size * sizeof *items);

        if (!items)
            return NULL;
        files->items = items;
        files->size = size;
    }
    files->items[files->count] = (struct file){.source = {.fd = -1}};
    return &files->items[files->count++];
}

static int on_name(struct hub_log *log, struct files *files, const char *name, struct edge_err *err)
{
    uint64_t id;
    uint64_t salt;
    int end = 0;
    char *path;
    struct file *file;
    struct stat st;

    if (sscanf(name, "segment-%16" SCNx64 "-%16" SCNx64 ".log%n", &id, &salt, &end) != 2 ||
        end == 0 || (name[end] && strcmp(name + end, ".new") != 0) || id == 0 || id > INT64_MAX)
        return 0;
    path = hub_log_path(log, name);
    file = path ? add_file(files) : NULL;
    if (!file) {
        free(path);
        return -ENOMEM;
    }
    if (name[end]) { /* was not finished */
        edge_ignore(log->files->unlink(path));
        free(path);
        files->count--;
        return 0;
    }
    file->size = stat(path, &st) == 0 ? (uint64_t) st.st_size : 0;
    file->head = (struct hub_segment_head){.id = id, .last_id = id, .salt = salt};
    hub_file_source_init(&file->source, log->files, path, file->size);
    return read_head(file, err);
}

static int by_age(const void *a, const void *b)
{
    const struct file *x = a;
    const struct file *y = b;

    if (x->head.id != y->head.id)
        return x->head.id < y->head.id ? -1 : 1;
    return x->head.generation > y->head.generation ? -1 : x->head.generation < y->head.generation;
}

/* What was copied into another segment, and not deleted any more. A hub that was killed may have
 * left names that the disk does not know yet: the copy's must be there before the old ones go, and
 * those must be gone before what they said is gone goes. */
static void delete_copied(struct hub_log *log, struct files *files)
{
    bool safe = log->files->sync_folder(log->dir) == 0;
    uint64_t last_id = 0;
    size_t kept = 0;

    for (size_t i = 0; i < files->count; i++) {
        struct file *file = &files->items[i];

        if (file->head.id <= last_id) {
            if (safe)
                edge_ignore(log->files->unlink(file->source.path));
            hub_file_source_fini(&file->source);
            continue;
        }
        last_id = file->head.last_id;
        files->items[kept++] = *file;
    }
    if (kept < files->count)
        edge_ignore(log->files->sync_folder(log->dir));
    files->count = kept;
    log->next_id = last_id + 1;
}

/* So may its last group: it is about to count. */
static int sync_last(struct hub_log *log, const struct files *files, struct edge_err *err)
{
    EDGE_CLEANUP(edge_close) int fd = -1;
    const char *path;
    int rc;

    if (files->count == 0)
        return 0;
    path = files->items[files->count - 1].source.path;
    fd = log->files->open(path, O_RDWR);
    rc = fd < 0 ? fd : log->files->sync(fd);
    return rc < 0 ? edge_fail(err, EDGE_ESTORE, "cannot sync %s: %s", path, edge_strerror(rc)) : 0;
}

static int list(struct hub_log *log, struct files *files, struct edge_err *err)
{
    DIR *dir = opendir(log->dir);
    struct dirent *entry;
    int rc = 0;

    if (!dir)
        return edge_fail(err, EDGE_ESTORE, "cannot read %s: %s", log->dir, strerror(errno));
    while (rc == 0 && (entry = readdir(dir)) != NULL)
        rc = on_name(log, files, entry->d_name, err);
    closedir(dir);
    if (rc == 0 && files->count > 0)
        qsort(files->items, files->count, sizeof *files->items, by_age);
    if (rc == 0)
        delete_copied(log, files);
    return rc == 0 ? sync_last(log, files, err) : rc;
}

static struct file *find_salt(struct files *files, uint64_t salt, size_t *ret)
{
    for (*ret = 0; *ret < files->count; ++*ret) {
        if (files->items[*ret].head.salt == salt)
            return &files->items[*ret];
    }
    return NULL;
}

/* The last one ends where its groups do; each other one where the one after it says. */
static void set_limits(struct files *files, struct hub_scan_segment *segments)
{
    for (size_t i = 0; i < files->count; i++) {
        struct file *file = &files->items[i];

        segments[i].source = &file->source.source;
        segments[i].salt = file->head.salt;
        segments[i].damaged = file->headless;
        segments[i].limit = i + 1 < files->count
                                ? file->size
                                : hub_walk_tail(&file->source.source, file->head.salt);
    }
    for (size_t i = 0; i < files->count; i++) {
        const struct hub_segment_head *head = &files->items[i].head;
        size_t before;

        if (head->before_salt && find_salt(files, head->before_salt, &before))
            segments[before].limit = segments[before].told = head->before_end;
    }
}

static int build_list(struct hub_log *log, const struct files *files,
                      struct hub_scan_segment *found)
{
    for (size_t i = 0; i < files->count; i++) {
        EDGE_CLEANUP(hub_segment_destroy) struct hub_segment *segment = hub_segment_create();
        int rc;

        if (!segment)
            return -ENOMEM;
        segment->head = files->items[i].head;
        segment->end = found[i].end;
        segment->size = files->items[i].size;
        segment->catalog = found[i].catalog;
        found[i].catalog = (struct hub_catalog){0};
        rc = hub_log_add(log, segment);
        if (rc < 0)
            return rc;
        segment = NULL;
    }
    return 0;
}

static void forget_list(struct hub_log *log)
{
    while (log->count > 0)
        hub_segment_destroy(log->segments[--log->count]);
    log->hint = 0;
}

static void forget_found(struct hub_scan_segment *found, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hub_catalog_fini(&found[i].catalog);
}

static void tell(const struct hub_log *log, const char *path, const char *aside)
{
    EDGE_CLEANUP(edge_free)
    char *text = aside ? edge_format("%s is damaged; it is set aside as %s; what could be read of "
                                     "it was carried over",
                                     path, aside)
                       : edge_format("%s is damaged, and there is no room to save what is left of "
                                     "it: it is used as it is",
                                     path);

    if (text && log->options.notice)
        log->options.notice(text, log->options.arg);
}

/* @return > 0: something was replaced, look again */
static int repair(struct hub_log *log, const struct hub_scan_segment *found)
{
    int replaced = 0;

    for (size_t i = 0; i < log->count; i++) {
        EDGE_CLEANUP(edge_free) char *path = NULL;
        EDGE_CLEANUP(edge_free) char *aside = NULL;
        int rc;

        if (!found[i].damaged)
            continue;
        path = hub_segment_path(log, &log->segments[i]->head);
        rc = path ? hub_log_merge_run(log, i, 1, &aside) : -ENOMEM;
        if (rc == -ENOMEM)
            return rc;
        tell(log, path, rc == 0 ? aside : NULL);
        replaced += rc == 0 ? 1 : 0;
    }
    return replaced;
}

static bool any_damaged(const struct hub_scan_segment *found, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (found[i].damaged)
            return true;
    }
    return false;
}

/* @return > 0: once more */
static int look(struct hub_log *log, struct files *files, struct hub_scan_segment *segments,
                const struct hub_scan_found *found, uint64_t *ret_next_message, bool *ret_damaged,
                struct edge_err *err)
{
    struct hub_gone_set gone = {0};
    uint64_t next = 0;
    int rc;

    set_limits(files, segments);
    rc = hub_scan_gone(segments, files->count, &gone, &next);
    if (next > *ret_next_message)
        *ret_next_message = next;
    if (rc == 0 && !*ret_damaged && any_damaged(segments, files->count)) {
        *ret_damaged = true;
        rc = build_list(log, files, segments);
        if (rc == 0)
            rc = repair(log, segments);
        forget_list(log);
        if (rc == 0)
            rc = 1;
    } else if (rc == 0) {
        rc = hub_scan_waiting(segments, files->count, &gone, found);
        if (rc == 0)
            rc = build_list(log, files, segments);
    }
    hub_gone_set_fini(&gone);
    return rc < 0 && err && !err->text[0] ? edge_fail(err, rc, "cannot read the messages in %s: %s",
                                                      log->dir, edge_strerror(rc))
                                          : rc;
}

int hub_log_load(struct hub_log *log, const struct hub_scan_found *found,
                 uint64_t *ret_next_message, bool *ret_damaged, struct edge_err *err)
{
    int rc = 1;

    *ret_next_message = 1;
    *ret_damaged = false;
    while (rc > 0) {
        struct files files = {0};
        struct hub_scan_segment *segments = NULL;

        rc = list(log, &files, err);
        if (rc == 0) {
            segments = calloc(files.count + 1, sizeof *segments);
            rc = segments ? look(log, &files, segments, found, ret_next_message, ret_damaged, err)
                          : -ENOMEM;
        }
        if (segments)
            forget_found(segments, files.count);
        free(segments);
        free_files(&files);
    }
    return rc;
}
