/* tests/unit/hub/power_disk.h - what a disk may hold when the power goes: all that was synced, and
 * of the rest any part. One thread. */
#ifndef TESTS_UNIT_HUB_POWER_DISK_H
#define TESTS_UNIT_HUB_POWER_DISK_H

#include "tests/unit/hub/power_tape.h"

struct power_bytes {
    uint8_t *data; /* its own, or another image's */
    size_t len, size;
    bool borrowed;
};
struct power_image {
    struct power_bytes files[POWER_FILES * 4];
    char names[POWER_FILES][POWER_NAME];
    int file_of[POWER_FILES];
    size_t nnames;
};

/** A tape that is played: what is durable, and which events are not. */
struct power_disk {
    struct power_image durable;
    const struct power_tape *tape;
    size_t at;
    size_t *open; /* events, in their order */
    size_t nopen, open_size;
};

/** What becomes of the calls that were not synced. */
enum power_rest {
    POWER_REST_NONE,
    POWER_REST_ALL,
    POWER_REST_LAST,     /* only the last */
    POWER_REST_BUT_LAST, /* all but that */
    POWER_REST_LENGTHS,  /* files are as long as they were to be, with zeros; folders change */
    POWER_REST_NAMES,    /* folders change, files do not */
    POWER_REST_BYTES,    /* files change, folders do not */
    POWER_REST_SOME,     /* any, sector by sector */
    POWER_REST_KINDS
};

/** @param durable  becomes the disk's */
void power_disk_init(struct power_disk *disk, struct power_image *durable,
                     const struct power_tape *tape);
void power_disk_fini(struct power_disk *disk);
/** On to @p event, which has not begun. */
void power_disk_play(struct power_disk *disk, size_t event);
/** @param ret  borrows from the disk, until that plays on */
void power_disk_cut(const struct power_disk *disk, enum power_rest rest, uint64_t *seed,
                    struct power_image *ret);
/** Not one byte is lost: only the process ended. @p ret_tape begins with what is not synced.  */
void power_disk_kill(const struct power_disk *disk, struct power_image *ret_durable,
                     struct power_image *ret_seen, struct power_tape *ret_tape);
/** A copy that stands for itself. */
void power_image_copy(const struct power_image *from, struct power_image *ret);
void power_image_free(struct power_image *image);
/** Empty the folder, and fill it with this. */
void power_image_write(const struct power_image *image, const char *dir);

uint64_t power_random(uint64_t *seed, uint64_t below);

#endif
