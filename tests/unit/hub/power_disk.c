#include "tests/unit/hub/power_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR = 512 };

uint64_t power_random(uint64_t *seed, uint64_t below)
{
    uint64_t x = (*seed += 0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return (x ^ x >> 31) % below;
}

/* Bytes of a file. */

static void own(struct power_bytes *bytes, size_t size)
{
    size_t larger = bytes->len > size ? bytes->len : size;
    uint8_t *data;

    if (!bytes->borrowed && bytes->size >= size)
        return;
    while (!bytes->borrowed && larger < bytes->size * 2)
        larger = bytes->size * 2;
    data = calloc(1, larger + 1);
    if (!data)
        abort();
    if (bytes->len > 0)
        memcpy(data, bytes->data, bytes->len);
    if (!bytes->borrowed)
        free(bytes->data);
    *bytes = (struct power_bytes){data, bytes->len, larger, false};
}

static void set_len(struct power_bytes *bytes, size_t len)
{
    own(bytes, len);
    if (len < bytes->len)
        memset(bytes->data + len, 0, bytes->len - len);
    bytes->len = len;
}

static void put(struct power_bytes *bytes, size_t at, const uint8_t *data, size_t len)
{
    if (len == 0)
        return;
    if (at + len > bytes->len)
        set_len(bytes, at + len);
    else
        own(bytes, bytes->len);
    memcpy(bytes->data + at, data, len);
}

/* Names in the folder. */

static void set_name(struct power_image *image, const char *name, int file)
{
    size_t i = 0;

    while (i < image->nnames && strcmp(image->names[i], name) != 0)
        i++;
    if (file < 0) {
        if (i < image->nnames) {
            image->nnames--;
            memmove(image->names[i], image->names[image->nnames], POWER_NAME);
            image->file_of[i] = image->file_of[image->nnames];
        }
        return;
    }
    if (i == POWER_FILES)
        abort();
    if (i == image->nnames)
        image->nnames++;
    (void) snprintf(image->names[i], POWER_NAME, "%s", name);
    image->file_of[i] = file;
}

static bool is_of_folder(const struct power_event *event)
{
    return event->kind == POWER_CREATE || event->kind == POWER_RENAME ||
           event->kind == POWER_UNLINK;
}

static void apply(struct power_image *image, const struct power_event *event)
{
    struct power_bytes *bytes = event->file >= 0 ? &image->files[event->file] : NULL;

    switch (event->kind) {
    case POWER_WRITE:
        put(bytes, event->at, event->data, event->len);
        break;
    case POWER_LENGTH:
        if (!event->only_longer || event->len > bytes->len)
            set_len(bytes, event->len);
        break;
    case POWER_CREATE:
        set_name(image, event->name, event->file);
        break;
    case POWER_RENAME:
        set_name(image, event->name, -1);
        set_name(image, event->to, event->file);
        break;
    case POWER_UNLINK:
        set_name(image, event->name, -1);
        break;
    case POWER_SYNC:
    case POWER_SYNC_FAILED:
    case POWER_SYNC_FOLDER:
        break;
    }
}

/* Playing. */

void power_disk_init(struct power_disk *disk, struct power_image *durable,
                     const struct power_tape *tape)
{
    memset(disk, 0, sizeof *disk);
    disk->durable = *durable;
    disk->tape = tape;
    memset(durable, 0, sizeof *durable);
}

void power_disk_fini(struct power_disk *disk)
{
    power_image_free(&disk->durable);
    free(disk->open);
}

static void settle(struct power_disk *disk, const struct power_event *sync)
{
    size_t kept = 0;

    for (size_t i = 0; i < disk->nopen; i++) {
        const struct power_event *event = &disk->tape->events[disk->open[i]];

        if (sync->kind == POWER_SYNC_FOLDER ? is_of_folder(event)
                                            : !is_of_folder(event) && event->file == sync->file)
            apply(&disk->durable, event);
        else
            disk->open[kept++] = disk->open[i];
    }
    disk->nopen = kept;
}

/* Sectors of it, and perhaps not the length that it gave the file. */
static void apply_some(struct power_image *image, const struct power_event *event, unsigned percent,
                       uint64_t *seed)
{
    struct power_bytes *bytes = event->file >= 0 ? &image->files[event->file] : NULL;
    uint64_t at = event->at;

    if (event->kind != POWER_WRITE) {
        if (power_random(seed, 100) < percent)
            apply(image, event);
        return;
    }
    if (event->at + event->len > bytes->len && power_random(seed, 100) < percent)
        set_len(bytes, event->at + event->len);
    while (at < event->at + event->len && at < bytes->len) {
        uint64_t end = (at / SECTOR + 1) * SECTOR;

        end = end < event->at + event->len ? end : event->at + event->len;
        end = end < bytes->len ? end : bytes->len;
        if (power_random(seed, 100) < percent)
            put(bytes, at, event->data + (at - event->at), end - at);
        at = end;
    }
}

/* Pages that could not be written are taken for written from then on: no later sync does it. */
static void forget(struct power_disk *disk, const struct power_event *sync)
{
    uint64_t seed = disk->at;
    size_t kept = 0;

    for (size_t i = 0; i < disk->nopen; i++) {
        const struct power_event *event = &disk->tape->events[disk->open[i]];

        if (event->kind == POWER_WRITE && event->file == sync->file)
            apply_some(&disk->durable, event, 50, &seed);
        else
            disk->open[kept++] = disk->open[i];
    }
    disk->nopen = kept;
}

void power_disk_play(struct power_disk *disk, size_t to)
{
    for (; disk->at < to; disk->at++) {
        const struct power_event *event = &disk->tape->events[disk->at];

        if (event->kind == POWER_SYNC || event->kind == POWER_SYNC_FOLDER) {
            settle(disk, event);
            continue;
        }
        if (event->kind == POWER_SYNC_FAILED) {
            forget(disk, event);
            continue;
        }
        if (disk->nopen == disk->open_size) {
            disk->open_size = disk->open_size ? disk->open_size * 2 : 64;
            disk->open = realloc(disk->open, disk->open_size * sizeof *disk->open);
            if (!disk->open)
                abort();
        }
        disk->open[disk->nopen++] = disk->at;
    }
}

static void borrow(const struct power_image *from, struct power_image *ret)
{
    *ret = *from;
    for (size_t i = 0; i < sizeof ret->files / sizeof ret->files[0]; i++) {
        ret->files[i].borrowed = true;
        ret->files[i].size = 0;
    }
}

static bool is_kept(const struct power_event *event, enum power_rest rest, bool last)
{
    switch (rest) {
    case POWER_REST_ALL:
        return true;
    case POWER_REST_LAST:
        return last;
    case POWER_REST_BUT_LAST:
        return !last;
    case POWER_REST_NAMES:
        return is_of_folder(event);
    case POWER_REST_BYTES:
        return !is_of_folder(event);
    case POWER_REST_LENGTHS:
        return event->kind != POWER_WRITE;
    default:
        return false;
    }
}

void power_disk_cut(const struct power_disk *disk, enum power_rest rest, uint64_t *seed,
                    struct power_image *ret)
{
    static const unsigned percents[] = {10, 50, 90, 98};
    unsigned percent = percents[power_random(seed, 4)];

    borrow(&disk->durable, ret);
    for (size_t i = 0; i < disk->nopen; i++) {
        const struct power_event *event = &disk->tape->events[disk->open[i]];

        if (rest == POWER_REST_SOME)
            apply_some(ret, event, percent, seed);
        else if (is_kept(event, rest, i + 1 == disk->nopen))
            apply(ret, event);
        else if (rest == POWER_REST_LENGTHS && event->at + event->len > ret->files[event->file].len)
            set_len(&ret->files[event->file], event->at + event->len);
    }
}

void power_disk_kill(const struct power_disk *disk, struct power_image *ret_durable,
                     struct power_image *ret_seen, struct power_tape *ret_tape)
{
    static struct power_image all;
    uint64_t seed = 0;

    power_image_copy(&disk->durable, ret_durable);
    power_disk_cut(disk, POWER_REST_ALL, &seed, &all);
    power_image_copy(&all, ret_seen);
    power_image_free(&all);
    *ret_tape = (struct power_tape){.size = disk->nopen + 1, .count = disk->nopen};
    ret_tape->events = calloc(ret_tape->size, sizeof *ret_tape->events);
    if (!ret_tape->events)
        abort();
    for (size_t i = 0; i < disk->nopen; i++) {
        struct power_event *event = &ret_tape->events[i];

        *event = disk->tape->events[disk->open[i]];
        if (event->kind != POWER_WRITE)
            continue;
        event->data = malloc(event->len);
        if (!event->data)
            abort();
        memcpy(event->data, disk->tape->events[disk->open[i]].data, event->len);
    }
}

/* Images. */

void power_image_copy(const struct power_image *from, struct power_image *ret)
{
    borrow(from, ret);
    for (size_t i = 0; i < sizeof ret->files / sizeof ret->files[0]; i++)
        own(&ret->files[i], ret->files[i].len);
}

void power_image_free(struct power_image *image)
{
    for (size_t i = 0; i < sizeof image->files / sizeof image->files[0]; i++) {
        if (!image->files[i].borrowed)
            free(image->files[i].data);
    }
    memset(image, 0, sizeof *image);
}

static void empty(const char *dir)
{
    DIR *folder = opendir(dir);
    struct dirent *entry;
    char path[512];

    while (folder && (entry = readdir(folder)) != NULL) {
        (void) snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (entry->d_name[0] != '.')
            (void) unlink(path);
    }
    if (folder)
        closedir(folder);
}

void power_image_write(const struct power_image *image, const char *dir)
{
    empty(dir);
    for (size_t i = 0; i < image->nnames; i++) {
        const struct power_bytes *bytes = &image->files[image->file_of[i]];
        char path[512];
        size_t used = bytes->len;
        int fd;

        if (strstr(image->names[i], "-shm"))
            continue; /* shared memory: SQLite makes it anew */
        while (used > 0 && bytes->data[used - 1] == 0)
            used--;
        (void) snprintf(path, sizeof path, "%s/%s", dir, image->names[i]);
        fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
        if (fd < 0 || (used > 0 && pwrite(fd, bytes->data, used, 0) != (ssize_t) used) ||
            ftruncate(fd, (off_t) bytes->len) < 0)
            abort();
        close(fd);
    }
}
