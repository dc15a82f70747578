/* A document is what was acknowledged last, whatever fails while the store opens: a file that just
 * now cannot be read, opened or held in memory is not damaged, and nothing takes its place. */
#include "tests/unit/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "common/base/file.h"
#include "hub/store/internal.h"
#include "tests/unit/hub/fault_vfs.h"
#include "tests/unit/hub/store.h"

enum { DOCUMENTS = 40, SIZE = 3000, FILES = 8, PAGE = 16384 };

static struct bench b;

/* A folder as a hub that was killed left it: documents are "new", those of the copy "old". */
static struct folder {
    struct {
        char name[80];
        struct edge_buf content;
    } files[FILES];
    size_t count;
} killed; /* the first half in hub.db, the other in its log */

static const char *const companions[] = {"hub.db", "hub.db-wal", "hub.db-shm"};

static void save(struct folder *folder)
{
    DIR *dir = opendir(b.dir);
    struct dirent *entry;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", b.dir, entry->d_name);

        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "reserve") == 0)
            continue;
        assert_true(folder->count < FILES);
        (void) snprintf(folder->files[folder->count].name, 80, "%.79s", entry->d_name);
        edge_buf_init(&folder->files[folder->count].content, 32 << 20);
        assert_int_equal(edge_file_read(path, &folder->files[folder->count].content, NULL), 0);
        folder->count++;
    }
    closedir(dir);
}

static void write_file(const char *name, const void *data, size_t len)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", b.dir, name);
    EDGE_CLEANUP(edge_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(edge_write_all(fd, data, len), 0);
}

static void restore(const struct folder *folder)
{
    (void) edge_remove_tree(b.dir, NULL);
    assert_int_equal(edge_mkdirs(b.dir, 0700, NULL), 0);
    for (size_t i = 0; i < folder->count; i++)
        write_file(folder->files[i].name, folder->files[i].content.data,
                   folder->files[i].content.len);
}

static void remove_file(const char *name)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", b.dir, name);

    (void) unlink(path);
}

static void set_some(struct bench *bench, int from, int to, const char *what)
{
    char text[SIZE];
    char name[16];

    for (int i = from; i < to; i++) {
        memset(text, 'd', sizeof text);
        text[snprintf(text, sizeof text, "%s %d ", what, i)] = ' ';
        text[SIZE - 1] = '\0';
        (void) snprintf(name, sizeof name, "%d", i);
        assert_int_equal(bench_set(bench, "kind", name, text), 0);
    }
    while (bench->done + bench->failed < bench->asked)
        uv_run(edge_loop_native(bench->loop), UV_RUN_ONCE);
    assert_int_equal(bench->failed, 0);
}

static void live_and_die(void)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct bench own = {.options = b.options};
        uint64_t left;

        if (edge_loop_create(&own.loop) < 0)
            _exit(1);
        own.options.loop = own.loop;
        if (hub_store_open(&own.options, &own.store, NULL) < 0)
            _exit(2);
        set_some(&own, 0, DOCUMENTS / 2, "new");
        if (hub_db_checkpoint(own.store->writer, true, &left) < 0)
            _exit(3);
        set_some(&own, DOCUMENTS / 2, DOCUMENTS, "new");
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* What is there. */

struct seen {
    int new, old;
};

static void look(const char *name, struct edge_bytes data, void *arg)
{
    struct seen *seen = arg;
    int number = -1;
    char what[4] = "";
    char text[16] = "";

    assert_int_equal(data.len, SIZE - 1);
    memcpy(text, data.data, sizeof text - 1);
    assert_int_equal(sscanf(text, "%3s %d", what, &number), 2);
    assert_int_equal(number, strtol(name, NULL, 10));
    seen->new += strcmp(what, "new") == 0;
    seen->old += strcmp(what, "old") == 0;
}

static struct seen see(void)
{
    struct seen seen = {0};

    assert_int_equal(hub_store_each(b.store, "kind", look, &seen), 0);
    return seen;
}

static size_t set_aside(void)
{
    EDGE_CLEANUP(edge_free) char *pattern = edge_format("%s/hub.db.broken-*Z", b.dir);
    size_t count;
    glob_t found;

    count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

static void expect(int new, size_t aside)
{
    struct seen seen = see();

    assert_int_equal(seen.new, new);
    assert_int_equal(seen.old, DOCUMENTS - new);
    assert_int_equal(set_aside(), aside);
}

/* A case: what the folder is like, and what is to come of it. */
struct scene {
    void (*spoil)(void);
    int new;
    size_t aside;
};

static void spoil_nothing(void) {}

static void lose_database(void)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(companions); i++)
        remove_file(companions[i]);
}

/* In hub.db, where the log has no newer page. */
static void spoil_page(void)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/hub.db", b.dir);
    EDGE_CLEANUP(edge_close) int fd = open(path, O_WRONLY);
    static const char zeros[PAGE];

    assert_int_equal(pwrite(fd, zeros, PAGE, (off_t) 4 * PAGE), PAGE);
}

static const struct scene whole = {spoil_nothing, DOCUMENTS, 0};
static const struct scene lost = {lose_database, 0, 0};
static struct scene damaged = {spoil_page, 0, 1};

static void begin(const struct scene *scene)
{
    restore(&killed);
    scene->spoil();
}

/* It opens, now or once nothing fails any more. */
static bool end(const struct scene *scene, bool opened)
{
    if (opened) {
        expect(scene->new, scene->aside);
        bench_close(&b);
    }
    bench_open(&b);
    expect(scene->new, scene->aside);
    bench_close(&b);
    return opened;
}

static bool try_open(void)
{
    return hub_store_open(&b.options, &b.store, NULL) == 0;
}

static void run(const struct scene *scene, enum fault_kind kind, int times, int code)
{
    int step = kind == FAULT_MEMORY ? 29 : 1; /* they are many */
    int tried = 0;
    int refused = 0;
    int failed = 1;

    for (int n = 1; failed > 0; n += step) {
        bool opened;

        begin(scene);
        fault_plan(kind, n, times, code);
        opened = try_open();
        failed = fault_end();
        tried += failed > 0 ? 1 : 0;
        refused += end(scene, opened) ? 0 : 1;
    }
    assert_true(tried > 0);
    print_message("kind %d: %d calls failed, %d at a time, %d kept it from opening\n", (int) kind,
                  tried, times, refused);
}

static void run_all(const struct scene *scene)
{
    run(scene, FAULT_READ, 1, SQLITE_IOERR_READ);
    run(scene, FAULT_READ, 3, SQLITE_IOERR_READ);
    run(scene, FAULT_WRITE, 1, SQLITE_IOERR_WRITE);
    run(scene, FAULT_WRITE, 3, SQLITE_FULL);
    run(scene, FAULT_SYNC, 1, SQLITE_IOERR_FSYNC);
    run(scene, FAULT_TRUNCATE, 1, SQLITE_IOERR_TRUNCATE);
    run(scene, FAULT_OPEN, 1, SQLITE_CANTOPEN);
    run(scene, FAULT_OPEN, 1, SQLITE_READONLY);
    run(scene, FAULT_MEMORY, 1, SQLITE_NOMEM);
}

static int lowest_free(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    close(fd);
    return fd;
}

/* A process that may have ever more files, until it opens. */
static void run_without_files(const struct scene *scene)
{
    struct rlimit before;
    int refused = 0;
    bool opened = false;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (rlim_t n = (rlim_t) lowest_free(); !opened; n++) {
        struct rlimit few = {n, before.rlim_max};

        begin(scene);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        opened = try_open();
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        refused += end(scene, opened) ? 0 : 1;
    }
    assert_true(refused > 3);
}

static void what_fails_while_opening_costs_no_document(void **state)
{
    (void) state;
    run_all(&whole);
}

static void a_process_without_files_loses_no_document(void **state)
{
    (void) state;
    run_without_files(&whole);
    run_without_files(&lost);
    run_without_files(&damaged);
}

static void what_fails_while_the_copy_is_taken_costs_no_document(void **state)
{
    (void) state;
    run_all(&lost);
}

static void what_fails_while_damage_is_repaired_costs_no_more(void **state)
{
    (void) state;
    run_all(&damaged);
}

/* As long as it takes to see that a page will never come: that is damage. */
static void a_page_that_the_disk_has_lost_costs_what_was_on_it(void **state)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/hub.db", b.dir);
    (void) state;

    restore(&killed);
    fault_bad_byte(path, (long long) 4 * PAGE + 100);
    bench_open(&b);
    expect(damaged.new, 1);
    fault_bad_byte(NULL, 0);
    bench_close(&b);
}

/* ... but not a disk that gives nothing at all. */
static void a_disk_that_gives_nothing_is_waited_for(void **state)
{
    int calls;
    (void) state;

    restore(&killed);
    fault_plan(FAULT_READ, 1, 0, 0);
    bench_open(&b);
    calls = fault_calls(FAULT_READ);
    bench_close(&b);
    restore(&killed);
    fault_plan(FAULT_READ, calls / 2, 1 << 30, SQLITE_IOERR_READ);
    assert_false(try_open());
    assert_true(fault_end() > 0);
    (void) end(&whole, false);
}

static void nobody_waits(int version)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%d", version);

    assert_int_equal(hub_store_set(b.store, "order", "name",
                                   (struct edge_bytes){(const uint8_t *) text, (size_t) n}, NULL,
                                   NULL),
                     0);
}

static void wait_for_calls(enum fault_kind kind, int calls)
{
    struct timespec pause = {.tv_nsec = 1000000};

    for (int i = 0; i < 60000 && fault_calls(kind) < calls; i++)
        nanosleep(&pause, NULL);
    assert_true(fault_calls(kind) >= calls);
}

static void compare(const char *name, struct edge_bytes data, void *arg)
{
    (void) name;
    assert_int_equal(data.len, 1);
    *(int *) arg = data.data[0];
}

static bool is_tried_again(struct bench *bench)
{
    return bench->store->commits == 2;
}

/* The first fails; the second, which is told to be there, is on its way before that is known. */
static void an_older_document_does_not_come_back(void **state)
{
    int version = 0;
    (void) state;

    restore(&killed);
    bench_open(&b);
    fault_plan(FAULT_SYNC, 1, 1, SQLITE_IOERR_FSYNC);
    nobody_waits(1);
    wait_for_calls(FAULT_SYNC, 1);
    b.asked = b.done = b.failed = 0;
    assert_int_equal(bench_set(&b, "order", "name", "2"), 0);
    wait_for_calls(FAULT_SYNC, 2);
    bench_settle(&b);
    assert_int_equal(b.done, 1);
    assert_int_equal(fault_end(), 1);
    bench_run(&b, is_tried_again);
    assert_int_equal(hub_store_each(b.store, "order", compare, &version), 0);
    assert_int_equal(version, '2');
    bench_close(&b);
}

static int set_up(void **state)
{
    (void) state;
    fault_register();
    bench_init(&b);
    b.options.vfs = FAULT_VFS;
    bench_open(&b);
    set_some(&b, 0, DOCUMENTS, "old");
    bench_close(&b);
    live_and_die();
    save(&killed);
    begin(&damaged);
    bench_open(&b);
    damaged.new = see().new; /* so many are not on the page that is spoiled */
    bench_close(&b);
    assert_in_range(damaged.new, DOCUMENTS / 2, DOCUMENTS - 1);
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    for (size_t i = 0; i < killed.count; i++)
        edge_buf_fini(&killed.files[i].content);
    bench_fini(&b);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fails_while_opening_costs_no_document),
        cmocka_unit_test(what_fails_while_the_copy_is_taken_costs_no_document),
        cmocka_unit_test(what_fails_while_damage_is_repaired_costs_no_more),
        cmocka_unit_test(a_process_without_files_loses_no_document),
        cmocka_unit_test(a_page_that_the_disk_has_lost_costs_what_was_on_it),
        cmocka_unit_test(a_disk_that_gives_nothing_is_waited_for),
        cmocka_unit_test(an_older_document_does_not_come_back),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
