/* Files are cut, flipped, zeroed, replaced and lost: open never fails for that, nothing wrong is
 * ever given, the ledger adds up, and what can be read is carried over. */
#include "tests/unit/test.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/file.h"
#include "tests/unit/hub/store.h"

enum { MESSAGES = 400, PAGE = 4096, DB_PAGE = 16384, FILES = 8, DOCUMENTS = 40 };

static struct bench b;
/* The good folder: two segments, the first of which is the one that suffers, and the documents. */
static struct saved {
    char name[80];
    struct edge_buf content;
} files[FILES];
static size_t nfiles;
static struct saved *segment, *documents;
static struct edge_buf second; /* the documents' copy; in the folder only where a test wants it */

static void text_of(int i, char *text, size_t size)
{
    int n = snprintf(text, size, "message %d ", i);

    memset(text + n, 'a' + i % 26, (size_t) (i % 7 * 100));
    text[n + i % 7 * 100] = '\0';
}

static char *path_of(const char *name)
{
    return edge_format("%s/%s", b.dir, name);
}

static void save_folder(void)
{
    struct dirent **entries;
    int n = scandir(b.dir, &entries, NULL, alphasort);

    for (int i = 0; i < n; i++) {
        EDGE_CLEANUP(edge_free) char *path = path_of(entries[i]->d_name);
        bool is_segment = strncmp(entries[i]->d_name, "segment-", 8) == 0;

        if (is_segment || strcmp(entries[i]->d_name, "hub.db") == 0) {
            struct saved *file = &files[nfiles++];

            (void) snprintf(file->name, sizeof file->name, "%.79s", entries[i]->d_name);
            edge_buf_init(&file->content, 32 << 20);
            assert_int_equal(edge_file_read(path, &file->content, NULL), 0);
            if (is_segment && !segment)
                segment = file;
            if (!is_segment)
                documents = file;
        }
        free(entries[i]);
    }
    free(entries);
    assert_int_equal(nfiles, 3);
}

static int make_good_folder(void **state)
{
    EDGE_CLEANUP(edge_free) char *path = NULL;
    char text[1000];
    (void) state;

    bench_init(&b);
    bench_open(&b);
    for (int i = 0; i < MESSAGES; i++) {
        text_of(i, text, sizeof text);
        assert_int_equal(bench_put1(&b, text, i % 2 ? "odd" : "even"), 0);
        if (i % 10 == 9)
            bench_settle(&b);
    }
    for (int i = 0; i < DOCUMENTS; i++) {
        char name[16];

        (void) snprintf(name, sizeof name, "%d", i);
        memset(text, 'v', 900);
        text[900] = '\0';
        assert_int_equal(bench_set(&b, "kind", name, text), 0);
    }
    bench_settle(&b);
    bench_close(&b);
    bench_open(&b);
    assert_int_equal(bench_put1(&b, "message 1000", "later"), 0);
    bench_settle(&b);
    bench_close(&b);
    save_folder();
    path = path_of("documents.copy");
    edge_buf_init(&second, 32 << 20);
    assert_int_equal(edge_file_read(path, &second, NULL), 0);
    return 0;
}

static int remove_all(void **state)
{
    (void) state;
    for (size_t i = 0; i < nfiles; i++)
        edge_buf_fini(&files[i].content);
    edge_buf_fini(&second);
    bench_fini(&b);
    return 0;
}

/* Everything that comes is one of ours, in order. @return how many */
static int drain(const char *queue, int parity)
{
    struct hub_stored got;
    int before = -1;
    int count = 0;

    while (bench_take(&b, queue, &got) == 0) {
        char text[1000];
        int number = -1;

        assert_int_equal(sscanf((const char *) got.data.data, "message %d", &number), 1);
        text_of(number, text, sizeof text);
        assert_int_equal(got.data.len, strlen(text));
        assert_memory_equal(got.data.data, text, got.data.len);
        assert_int_equal(number % 2, parity);
        assert_true(number > before);
        before = number;
        hub_queue_ack(bench_queue(&b, queue), got.id);
        count++;
    }
    return count;
}

static void count_document(const char *name, struct edge_bytes data, void *arg)
{
    (void) name;
    assert_true(data.len == 900 && data.data[0] == 'v');
    ++*(int *) arg;
}

static int count_documents(void)
{
    int count = 0;

    assert_int_equal(hub_store_each(b.store, "kind", count_document, &count), 0);
    return count;
}

static void write_folder(const struct saved *victim, const void *data, size_t len)
{
    (void) edge_remove_tree(b.dir, NULL);
    assert_int_equal(edge_mkdirs(b.dir, 0700, NULL), 0);
    for (size_t i = 0; i < nfiles; i++) {
        EDGE_CLEANUP(edge_free) char *path = path_of(files[i].name);

        if (&files[i] != victim)
            assert_int_equal(
                edge_file_write(path, files[i].content.data, files[i].content.len, 0600, NULL), 0);
        else if (data)
            assert_int_equal(edge_file_write(path, data, len, 0600, NULL), 0);
    }
}

/* @return messages that were still there */
static int open_damaged(const struct saved *victim, const void *data, size_t len)
{
    struct hub_ledger ledger;
    int count;

    write_folder(victim, data, len);
    b.notices = 0;
    bench_open(&b);
    (void) bench_ledger(&b);
    count = drain("even", 0) + drain("odd", 1);
    (void) bench_expect(&b, "later", "message 1000");
    ledger = bench_ledger(&b);
    assert_true(ledger.in >= MESSAGES);
    assert_int_equal(bench_put1(&b, "message 1000000", "even"), 0);
    bench_settle(&b);
    assert_int_equal(b.failed, 0);
    (void) bench_expect(&b, "even", "message 1000000");
    bench_close(&b);
    ledger.pending = b.notices;
    bench_open(&b); /* no second surprise */
    assert_int_equal(b.notices, ledger.pending);
    assert_int_equal(hub_queue_length(bench_queue(&b, "even")), 1);
    bench_close(&b);
    return count;
}

static int open_with_segment(const void *data, size_t len)
{
    int count = open_damaged(segment, data, len);

    bench_open(&b);
    assert_int_equal(count_documents(), DOCUMENTS);
    bench_close(&b);
    return count;
}

static void a_whole_folder_gives_everything(void **state)
{
    (void) state;
    assert_int_equal(open_with_segment(segment->content.data, segment->content.len), MESSAGES);
    assert_int_equal(b.notices, 0);
}

static void a_truncated_segment_is_set_aside(void **state)
{
    int before = 0;
    (void) state;

    for (size_t len = 1; len < segment->content.len; len += len < 1000 ? 333 : PAGE + 11) {
        int count = open_with_segment(segment->content.data, len);

        assert_int_equal(b.notices, 1);
        assert_non_null(strstr(b.notice, ".log.broken-"));
        assert_true(count >= before);
        before = count;
    }
    assert_true(before > MESSAGES - 40);
}

static void a_truncated_database_is_set_aside(void **state)
{
    (void) state;
    for (size_t len = 1; len < documents->content.len; len += DB_PAGE / 2 + 11) {
        assert_int_equal(open_damaged(documents, documents->content.data, len), MESSAGES);
        assert_int_equal(b.notices, 1);
        assert_non_null(strstr(b.notice, "hub.db.broken-"));
    }
}

static void a_zeroed_page_costs_what_was_on_it(void **state)
{
    size_t len = segment->content.len;
    EDGE_CLEANUP(edge_free) char *copy = malloc(len);
    (void) state;

    for (size_t page = 0; page * PAGE < len; page++) {
        size_t n = len - page * PAGE < PAGE ? len - page * PAGE : PAGE;

        memcpy(copy, segment->content.data, len);
        memset(copy + page * PAGE, 0, n);
        assert_true(open_with_segment(copy, len) >= MESSAGES - 50);
    }
}

static void a_zeroed_page_of_the_database_costs_no_message(void **state)
{
    size_t len = documents->content.len;
    EDGE_CLEANUP(edge_free) char *copy = malloc(len);
    int most = 0;
    (void) state;

    for (size_t page = 0; (page + 1) * DB_PAGE <= len; page++) {
        int count;

        memcpy(copy, documents->content.data, len);
        memset(copy + page * DB_PAGE, 0, DB_PAGE);
        assert_int_equal(open_damaged(documents, copy, len), MESSAGES);
        bench_open(&b);
        count = count_documents();
        bench_close(&b);
        most = count > most && count < DOCUMENTS ? count : most;
    }
    assert_true(most > 0);
}

/* With the documents' copy beside it. @return documents that were there */
static int open_with_copy(const void *data, size_t len)
{
    EDGE_CLEANUP(edge_free) char *path = path_of("documents.copy");
    int count;

    write_folder(documents, data, len);
    assert_int_equal(edge_file_write(path, second.data, second.len, 0600, NULL), 0);
    b.notices = 0;
    bench_open(&b);
    assert_true(b.notices <= 1);
    count = count_documents();
    bench_close(&b);
    return count;
}

static void a_page_of_the_database_costs_no_document(void **state)
{
    size_t len = documents->content.len;
    EDGE_CLEANUP(edge_free) char *copy = malloc(len);
    (void) state;

    for (size_t page = 0; page * DB_PAGE < len; page++) {
        memcpy(copy, documents->content.data, len);
        memset(copy + page * DB_PAGE, 0, DB_PAGE);
        assert_int_equal(open_with_copy(copy, len), DOCUMENTS);
    }
    for (size_t at = 0; at < len; at += at < 100 ? 7 : 4999) {
        memcpy(copy, documents->content.data, len);
        copy[at] = (char) ~copy[at];
        assert_int_equal(open_with_copy(copy, len), DOCUMENTS);
    }
    for (size_t cut = 0; cut < len; cut += DB_PAGE / 2)
        assert_int_equal(open_with_copy(copy, cut), DOCUMENTS);
}

static void a_lost_database_costs_no_document(void **state)
{
    (void) state;
    assert_int_equal(open_with_copy(NULL, 0), DOCUMENTS);
    assert_int_equal(b.notices, 1);
    assert_non_null(strstr(b.notice, "40 documents were taken from their copy"));
}

static void a_damaged_copy_gives_nothing_wrong(void **state)
{
    (void) state;
    for (size_t at = 0; at < second.len; at += at < 100 ? 7 : 4999) {
        int count;

        second.data[at] = (char) ~second.data[at];
        count = open_with_copy(NULL, 0);
        assert_true(count < DOCUMENTS || at < 16);
        assert_int_equal(open_with_copy(documents->content.data, documents->content.len),
                         DOCUMENTS);
        assert_int_equal(b.notices, 0);
        second.data[at] = (char) ~second.data[at];
    }
}

static void a_flipped_byte_gives_nothing_wrong(void **state)
{
    size_t len = segment->content.len;
    EDGE_CLEANUP(edge_free) char *copy = malloc(len);
    unsigned seed = 1;
    (void) state;

    for (int i = 0; i < 250; i++) {
        size_t at = i < 150 ? (size_t) i : (seed = seed * 1103515245 + 12345) % len;

        memcpy(copy, segment->content.data, len);
        copy[at] = (char) ~copy[at];
        assert_true(open_with_segment(copy, len) >= MESSAGES - 10);
    }
}

static void a_flipped_byte_of_the_database_costs_no_message(void **state)
{
    size_t len = documents->content.len;
    EDGE_CLEANUP(edge_free) char *copy = malloc(len);
    unsigned seed = 1;
    (void) state;

    for (int i = 0; i < 120; i++) {
        size_t at = i < 100 ? (size_t) i : (seed = seed * 1103515245 + 12345) % len;

        memcpy(copy, documents->content.data, len);
        copy[at] = (char) ~copy[at];
        assert_int_equal(open_damaged(documents, copy, len), MESSAGES);
    }
}

static void another_file_is_set_aside(void **state)
{
    char text[5000];
    (void) state;

    memset(text, 'x', sizeof text);
    assert_int_equal(open_with_segment(text, sizeof text), 0);
    assert_int_equal(b.notices, 1);
    assert_int_equal(open_with_segment("", 0), 0);
    assert_int_equal(b.notices, 1);
    assert_int_equal(open_damaged(documents, text, sizeof text), MESSAGES);
    assert_int_equal(b.notices, 1);
}

static void a_lost_segment_is_counted(void **state)
{
    (void) state;
    write_folder(segment, NULL, 0);
    b.notices = 0;
    bench_open(&b);
    assert_int_equal(b.notices, 1);
    assert_non_null(strstr(b.notice, "400 waiting messages"));
    assert_int_equal(bench_ledger(&b).dropped[HUB_DROP_CORRUPT], MESSAGES);
    (void) bench_expect(&b, "later", "message 1000");
    bench_close(&b);
}

static void a_torn_tail_is_the_end(void **state)
{
    struct saved *last = segment + 1;
    (void) state;

    for (size_t len = 0; len < last->content.len; len += 7) {
        write_folder(last, last->content.data, len);
        b.notices = 0;
        bench_open(&b);
        assert_int_equal(bench_ledger(&b).pending, MESSAGES);
        bench_close(&b);
    }
}

static void files_of_others_stay(void **state)
{
    EDGE_CLEANUP(edge_free) char *path = path_of("segment-1.log");
    (void) state;

    write_folder(NULL, NULL, 0);
    assert_int_equal(edge_file_write(path, "mine", 4, 0600, NULL), 0);
    b.notices = 0;
    bench_open(&b);
    assert_int_equal(bench_ledger(&b).pending, MESSAGES + 1);
    bench_close(&b);
    assert_int_equal(b.notices, 0);
    assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_folder_gives_everything),
        cmocka_unit_test(a_truncated_segment_is_set_aside),
        cmocka_unit_test(a_truncated_database_is_set_aside),
        cmocka_unit_test(a_zeroed_page_costs_what_was_on_it),
        cmocka_unit_test(a_zeroed_page_of_the_database_costs_no_message),
        cmocka_unit_test(a_page_of_the_database_costs_no_document),
        cmocka_unit_test(a_lost_database_costs_no_document),
        cmocka_unit_test(a_damaged_copy_gives_nothing_wrong),
        cmocka_unit_test(a_flipped_byte_gives_nothing_wrong),
        cmocka_unit_test(a_flipped_byte_of_the_database_costs_no_message),
        cmocka_unit_test(another_file_is_set_aside),
        cmocka_unit_test(a_lost_segment_is_counted),
        cmocka_unit_test(a_torn_tail_is_the_end),
        cmocka_unit_test(files_of_others_stay),
    };

    return cmocka_run_group_tests(tests, make_good_folder, remove_all);
}
