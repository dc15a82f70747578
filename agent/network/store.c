#include "agent/network/store.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "agent/network/ports.h"
#include "common/base/file.h"

static const char suffix[] = ".json";

static void close_dirp(DIR **dir)
{
    if (*dir)
        (void) closedir(*dir);
}

int agent_store_save(const char *dir, const struct agent_record *record, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s%s", dir, record->id, suffix);
    EDGE_CLEANUP(edge_free) char *text = agent_record_text(record);
    int rc;

    if (!path || !text)
        return -ENOMEM;
    rc = edge_mkdirs(dir, 0700, err);
    if (rc < 0)
        return rc;
    return edge_file_write(path, text, strlen(text), 0600, err);
}

static int remove_file(const char *dir, const char *name, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", dir, name);

    if (!path)
        return -ENOMEM;
    if (unlink(path) < 0 && errno != ENOENT && errno != EISDIR)
        return edge_fail(err, -errno, "cannot remove %s: %s", path, strerror(errno));
    return 0;
}

int agent_store_remove(const char *dir, const char *id, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *name = edge_format("%s%s", id, suffix);

    return name ? remove_file(dir, name, err) : -ENOMEM;
}

/* "<id>.json" to the id, in a copy the caller frees; NULL for every other name. */
static char *id_of(const char *name)
{
    size_t len = strlen(name);
    size_t tail = sizeof suffix - 1;
    char *id;

    if (len <= tail || strcmp(name + len - tail, suffix) != 0)
        return NULL;
    id = edge_format("%.*s", (int) (len - tail), name);
    return id && agent_id_ok(id) ? id : edge_free(id);
}

static int read_record(const char *dir, const char *name, struct agent_record **ret)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", dir, name);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(AGENT_RECORD_TEXT_MAX);
    int rc;

    if (!path)
        return -ENOMEM;
    rc = edge_file_read(path, &text, NULL);
    return rc < 0 ? rc : agent_record_parse(text.data ? text.data : "", text.len, ret, NULL);
}

/* Two records that claim one address, interface or port cannot both be true. */
static bool is_at_odds(const struct agent_record_set *set, struct agent_record *record)
{
    for (size_t i = 0; i < set->len; i++) {
        const struct agent_record *other = set->items[i];

        if (*record->address && strcmp(other->address, record->address) == 0)
            return true;
    }
    return agent_ports_resolve(set, record, NULL, NULL) < 0;
}

/* Only lack of memory is an error: a bad file is one that restore will remove. */
static int load_one(const char *dir, const char *name, struct agent_record_set *set)
{
    EDGE_CLEANUP(edge_free) char *id = id_of(name);
    EDGE_CLEANUP(agent_record_free) struct agent_record *record = NULL;
    int rc;

    if (!id)
        return 0;
    rc = read_record(dir, name, &record);
    if (rc < 0)
        return rc == -ENOMEM ? rc : 0;
    if (strcmp(record->id, id) != 0 || is_at_odds(set, record))
        return 0;
    rc = agent_record_set_add(set, record);
    if (rc == 0)
        (void) EDGE_TAKE(record);
    return rc;
}

int agent_store_load(const char *dir, struct agent_record_set *set, struct edge_err *err)
{
    __attribute__((cleanup(close_dirp))) DIR *folder = opendir(dir);
    struct dirent *entry;
    int rc = 0;

    if (!folder && errno == ENOENT)
        return 0;
    if (!folder)
        return edge_fail(err, -errno, "cannot read folder %s: %s", dir, strerror(errno));
    while (rc == 0 && (entry = readdir(folder)))
        rc = load_one(dir, entry->d_name, set);
    return rc;
}

int agent_store_sweep(const char *dir, const struct agent_record_set *set, struct edge_err *err)
{
    __attribute__((cleanup(close_dirp))) DIR *folder = opendir(dir);
    struct dirent *entry;
    int rc = 0;

    if (!folder && errno == ENOENT)
        return 0;
    if (!folder)
        return edge_fail(err, -errno, "cannot read folder %s: %s", dir, strerror(errno));
    while (rc == 0 && (entry = readdir(folder))) {
        EDGE_CLEANUP(edge_free) char *id = id_of(entry->d_name);

        if (entry->d_type != DT_DIR && !(id && agent_record_set_find(set, id)))
            rc = remove_file(dir, entry->d_name, err);
    }
    return rc;
}
