#include "tests/unit/test.h"

#include "agent/security/certs/certs.h"
#include "common/tls/cert.h"
#include "tests/unit/agent/security/temp.h"

enum { DAY = 86400 };
static const int64_t start = 1800000000; /* 2027 */

static struct sec_certs *open_certs(const char *name, uint32_t days)
{
    struct sec_certs *certs = NULL;
    struct sec_certs_options options = {.dir = temp_path(name), .name = "gw", .days = days};

    assert_int_equal(sec_certs_open(&options, &certs, NULL), 0);
    return certs;
}

static struct sec_issued issue(struct sec_certs *certs, int64_t now)
{
    const struct sec_order order = {
        .cn = "gw", .dns = (const char *const[]){"gw", "edgeHub", NULL}, .server = 1};
    struct sec_issued issued = {0};
    struct edge_err err = {0};

    if (sec_certs_issue(certs, &order, now, &issued, &err) < 0)
        fail_msg("%s", err.text);
    return issued;
}

static char *bundle(struct sec_certs *certs, int64_t now)
{
    struct edge_err err = {0};
    char *pem = NULL;

    if (sec_certs_bundle(certs, now, &pem, &err) < 0)
        fail_msg("%s", err.text);
    return pem;
}

static void verifies(const struct sec_issued *issued, const char *ca, int64_t now)
{
    struct edge_err err = {0};

    if (edge_cert_verify(issued->chain_pem, ca, EDGE_CERT_SERVER, now, &err) < 0)
        fail_msg("%s", err.text);
}

static unsigned count(const char *pem)
{
    struct edge_cert_info info = {0};

    assert_int_equal(edge_cert_read(pem, &info, NULL), 0);
    return info.count;
}

static void test_a_certificate_is_for_thirty_days_and_never_longer_than_its_ca(void **state)
{
    EDGE_CLEANUP(sec_certs_close) struct sec_certs *usual = open_certs("usual", 90);
    EDGE_CLEANUP(sec_certs_close) struct sec_certs *brief = open_certs("brief", 10);
    struct sec_issued a = issue(usual, start);
    struct sec_issued b = issue(brief, start);
    struct edge_cert_info info;
    (void) state;

    assert_int_equal(edge_cert_read(a.chain_pem, &info, NULL), 0);
    assert_int_equal(info.not_after_s, start + 30 * DAY);
    assert_int_equal(a.not_after_s, info.not_after_s);
    assert_true(info.not_before_s < start);
    assert_int_equal(edge_cert_read(b.chain_pem, &info, NULL), 0);
    assert_int_equal(info.not_after_s, start + 10 * DAY);
    sec_issued_fini(&a);
    sec_issued_fini(&b);
}

/* The bundle that was read on the first day goes on to do for what is issued years later, and what
 * was issued before a renewal is good after it. */
static void test_a_renewal_restarts_nobody(void **state)
{
    EDGE_CLEANUP(sec_certs_close) struct sec_certs *certs = open_certs("renewal", 90);
    EDGE_CLEANUP(edge_free) char *first = bundle(certs, start);
    struct sec_issued day_one = issue(certs, start);
    struct sec_issued before = issue(certs, start + 71 * DAY);
    struct sec_issued after = issue(certs, start + 73 * DAY);
    EDGE_CLEANUP(edge_free) char *second = bundle(certs, start + 73 * DAY);
    struct sec_issued late = {0};
    (void) state;

    assert_int_equal(before.not_after_s, start + 90 * DAY);
    assert_int_equal(after.not_after_s, start + 103 * DAY);
    assert_string_equal(first, second);
    assert_int_equal(count(first), 1);
    verifies(&before, first, start + 73 * DAY);
    verifies(&before, first, start + 89 * DAY);
    verifies(&after, first, start + 73 * DAY);
    verifies(&after, first, start + 102 * DAY);
    late = issue(certs, start + 2000 * DAY);
    verifies(&late, first, start + 2000 * DAY);
    sec_issued_fini(&day_one);
    sec_issued_fini(&before);
    sec_issued_fini(&after);
    sec_issued_fini(&late);
}

static void test_a_clock_without_a_battery_makes_no_certificate_of_the_past(void **state)
{
    EDGE_CLEANUP(sec_certs_close) struct sec_certs *certs = open_certs("battery", 90);
    struct sec_issued early = issue(certs, 0);
    EDGE_CLEANUP(edge_free) char *ca = bundle(certs, 0);
    struct sec_issued right = issue(certs, start);
    (void) state;

    assert_true(early.not_after_s > 1704067200);
    assert_int_equal(right.not_after_s, start + 30 * DAY);
    verifies(&right, ca, start); /* the root was made with the wrong clock, and serves */
    sec_issued_fini(&early);
    sec_issued_fini(&right);
}

static void test_a_clock_that_jumped_ahead_and_came_back_does_no_harm(void **state)
{
    EDGE_CLEANUP(sec_certs_close) struct sec_certs *certs = open_certs("jump", 90);
    EDGE_CLEANUP(edge_free) char *first = bundle(certs, start);
    struct sec_issued ahead = issue(certs, start + 3650 * DAY);
    struct sec_issued back = issue(certs, start + DAY);
    (void) state;

    verifies(&ahead, first, start + 3650 * DAY);
    verifies(&back, first, start + DAY);
    assert_int_equal(back.not_after_s, start + 31 * DAY);
    sec_issued_fini(&ahead);
    sec_issued_fini(&back);
}

static void test_beyond_the_root_there_is_an_error_and_no_dead_certificate(void **state)
{
    EDGE_CLEANUP(sec_certs_close) struct sec_certs *certs = open_certs("beyond", 90);
    EDGE_CLEANUP(edge_free) char *first = bundle(certs, start);
    const struct sec_order order = {.cn = "x"};
    struct sec_issued issued = {0};
    struct edge_err err = {0};
    (void) state;

    assert_true(sec_certs_issue(certs, &order, start + 20000LL * DAY, &issued, &err) < 0);
    assert_null(issued.key_pem);
    issued = issue(certs, start + DAY);
    verifies(&issued, first, start + DAY);
    sec_issued_fini(&issued);
}

static void test_an_asked_end_is_kept_to_when_it_makes_sense(void **state)
{
    EDGE_CLEANUP(sec_certs_close) struct sec_certs *certs = open_certs("asked", 90);
    static const struct {
        int64_t asked;
        int64_t given;
    } ends[] = {{start + 5 * DAY, start + 5 * DAY},
                {start - DAY, start + 30 * DAY},
                {start + 60 * DAY, start + 30 * DAY}};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(ends); i++) {
        struct sec_order order = {.cn = "x", .until_s = ends[i].asked};
        struct sec_issued issued = {0};

        assert_int_equal(sec_certs_issue(certs, &order, start, &issued, NULL), 0);
        assert_int_equal(issued.not_after_s, ends[i].given);
        sec_issued_fini(&issued);
    }
}

static void write_text(const char *name, const char *text)
{
    assert_int_equal(edge_file_write(temp_path(name), text, strlen(text), 0600, NULL), 0);
}

static void make_given(int64_t until, const char *also)
{
    EDGE_CLEANUP(edge_key_free) struct edge_key *key = NULL;
    EDGE_CLEANUP(edge_key_pem_free) char *key_pem = NULL;
    EDGE_CLEANUP(edge_free) char *pem = NULL;
    EDGE_CLEANUP(edge_free) char *all = NULL;
    struct edge_cert_order order = {.use = EDGE_CERT_CA,
                                    .cn = "given",
                                    .pathlen = -1,
                                    .not_before_s = start - DAY,
                                    .not_after_s = until};

    assert_int_equal(edge_key_generate(EDGE_KEY_EC_P256, &key, NULL), 0);
    order.key = key;
    assert_int_equal(edge_cert_issue(&order, NULL, key, &pem, NULL), 0);
    key_pem = edge_key_pem(key);
    all = edge_format("%s%s", pem, also);
    write_text("given.pem", all);
    write_text("given.key", key_pem);
    write_text("trusted.pem", pem);
}

static void test_the_operators_ca_is_used_and_read_anew(void **state)
{
    EDGE_CLEANUP(edge_free) char *cert = edge_format("%s/given.pem", temp_folder);
    EDGE_CLEANUP(edge_free) char *key = edge_format("%s/given.key", temp_folder);
    EDGE_CLEANUP(edge_free) char *trusted = edge_format("%s/trusted.pem", temp_folder);
    const struct sec_certs_options options = {.dir = temp_folder,
                                              .name = "gw",
                                              .days = 90,
                                              .ca_cert = cert,
                                              .ca_pk = key,
                                              .trusted_file = trusted};
    EDGE_CLEANUP(sec_certs_close) struct sec_certs *certs = NULL;
    const struct sec_order order = {.cn = "x"};
    struct sec_issued issued = {0};
    struct edge_err err = {0};
    char *ca = NULL;
    (void) state;

    assert_int_equal(sec_certs_open(&options, &certs, NULL), 0);
    make_given(start + 3 * DAY, "");
    issued = issue(certs, start);
    ca = bundle(certs, start);
    assert_int_equal(issued.not_after_s, start + 3 * DAY);
    assert_int_equal(count(ca), 2);
    verifies(&issued, ca, start);
    sec_issued_fini(&issued);
    free(ca);

    assert_int_equal(sec_certs_issue(certs, &order, start + 3 * DAY, &issued, &err),
                     EDGE_EUNAVAILABLE);
    assert_non_null(strstr(err.text, "has expired"));
    make_given(start + 300 * DAY, "");
    issued = issue(certs, start + 3 * DAY);
    assert_int_equal(issued.not_after_s, start + 33 * DAY);
    sec_issued_fini(&issued);

    write_text("given.key", issued.key_pem ? "" : "no key");
    assert_true(sec_certs_issue(certs, &order, start, &issued, &err) < 0);
}

static void test_a_long_name_is_refused(void **state)
{
    EDGE_CLEANUP(sec_certs_close) struct sec_certs *certs = open_certs("long", 90);
    char name[66] = "";
    const struct sec_order order = {.cn = name};
    struct sec_issued issued;
    (void) state;

    assert_int_equal(sec_certs_issue(certs, &order, start, &issued, NULL), EDGE_ELIMIT);
    memset(name, 'n', 65);
    assert_int_equal(sec_certs_issue(certs, &order, start, &issued, NULL), EDGE_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_certificate_is_for_thirty_days_and_never_longer_than_its_ca),
        cmocka_unit_test(test_a_renewal_restarts_nobody),
        cmocka_unit_test(test_a_clock_without_a_battery_makes_no_certificate_of_the_past),
        cmocka_unit_test(test_a_clock_that_jumped_ahead_and_came_back_does_no_harm),
        cmocka_unit_test(test_beyond_the_root_there_is_an_error_and_no_dead_certificate),
        cmocka_unit_test(test_an_asked_end_is_kept_to_when_it_makes_sense),
        cmocka_unit_test(test_the_operators_ca_is_used_and_read_anew),
        cmocka_unit_test(test_a_long_name_is_refused),
    };

    return cmocka_run_group_tests(tests, make_temp, remove_temp);
}
