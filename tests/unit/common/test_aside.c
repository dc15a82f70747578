#include "tests/unit/test.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/aside.h"
#include "common/base/file.h"

static char dir[] = "/tmp/test-aside-XXXXXX";

static void make(const char *name)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", dir, name);

    assert_int_equal(edge_file_write(path, name, strlen(name), 0600, NULL), 0);
}

static bool is_there(const char *name)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", dir, name);

    return access(path, F_OK) == 0;
}

static unsigned count(const char *prefix, const char *part)
{
    DIR *folder = opendir(dir);
    struct dirent *entry;
    unsigned n = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL)
        n += strncmp(entry->d_name, prefix, strlen(prefix)) == 0 && strstr(entry->d_name, part);
    closedir(folder);
    return n;
}

static void set_aside(const char *name, const char *family)
{
    const struct edge_aside how = {".bad-", family, 2};
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", dir, name);
    EDGE_CLEANUP(edge_free) char *aside = NULL;

    make(name);
    assert_int_equal(edge_set_aside(path, &how, &aside, NULL), 0);
    assert_false(is_there(name));
    assert_int_equal(access(aside, F_OK), 0);
}

static int set_up(void **state)
{
    (void) state;
    (void) edge_remove_tree(dir, NULL);
    return edge_mkdirs(dir, 0700, NULL);
}

static void a_file_goes_with_its_log(void **state)
{
    (void) state;
    make("a.db-wal");
    make("a.db-journal");
    make("a.db2");
    set_aside("a.db", NULL);
    assert_false(is_there("a.db-wal"));
    assert_int_equal(count("a.db.bad-", "Z-wal"), 1);
    assert_int_equal(count("a.db.bad-", "Z-journal"), 1);
    assert_true(is_there("a.db2"));
}

static void the_newest_stay(void **state)
{
    (void) state;
    make("a.db.bad-20200101T000000.000000Z");
    make("a.db.bad-20200101T000000.000000Z-wal");
    for (int i = 0; i < 3; i++)
        set_aside("a.db", NULL);
    assert_int_equal(count("a.db", ".bad-"), 2);
    assert_int_equal(count("a.db.bad-2020", ""), 0);
}

/* ... each kind for itself, whatever their names. */
static void a_family_is_counted_together(void **state)
{
    (void) state;
    for (int i = 0; i < 4; i++) {
        char name[16];

        (void) snprintf(name, sizeof name, "z-%d.log", 9 - i);
        set_aside(name, "z-");
    }
    set_aside("a.db", NULL);
    assert_int_equal(count("z-", ".bad-"), 2);
    assert_int_equal(count("z-7", "") + count("z-6", ""), 2);
    assert_int_equal(count("a.db", ".bad-"), 1);
}

static void a_file_that_cannot_be_moved_is_told(void **state)
{
    const struct edge_aside how = {".bad-", NULL, 2};
    EDGE_CLEANUP(edge_free) char *path = NULL;
    struct edge_err err = {0};
    char name[256];
    char *aside = NULL;
    (void) state;

    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0'; /* no room for the mark */
    path = edge_format("%s/%s", dir, name);
    assert_int_equal(edge_set_aside(path, &how, &aside, &err), EDGE_ESTORE);
    assert_non_null(strstr(err.text, "cannot be moved out of the way"));
    assert_null(aside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_file_goes_with_its_log, set_up),
        cmocka_unit_test_setup(the_newest_stay, set_up),
        cmocka_unit_test_setup(a_family_is_counted_together, set_up),
        cmocka_unit_test_setup(a_file_that_cannot_be_moved_is_told, set_up),
    };
    int rc;

    if (!mkdtemp(dir))
        return 1;
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    return edge_remove_tree(dir, NULL) < 0 ? 1 : rc;
}
