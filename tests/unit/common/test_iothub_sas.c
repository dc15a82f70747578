#include "tests/unit/test.h"

#include "common/base/err.h"
#include "common/iothub/sas.h"

void __real_free(void *at);
void __wrap_free(void *at);

/* The block to look at as it is given back. */
static const char *watched;
static size_t watched_size;
static unsigned seen, left;

/* The linker sends every free() of this program's own objects here. */
void __wrap_free(void *at)
{
    if (at && at == watched) {
        seen++;
        for (size_t i = 0; i < watched_size; i++)
            left += watched[i] != '\0';
        watched = NULL;
    }
    __real_free(at);
}

static const struct edge_bytes key = {(const uint8_t *) "0123456789abcdef0123456789abcdef", 32};

static int parse(const char *text, struct edge_sas *sas)
{
    struct edge_err err = {0};

    return edge_sas_parse(text, strlen(text), sas, &err);
}

static void test_what_was_made_is_verified(void **state)
{
    EDGE_CLEANUP(edge_free)
    char *token = edge_sas_make("hub.test/devices/d", 2000000000, key, NULL);
    struct edge_sas sas;
    (void) state;

    assert_int_equal(parse(token, &sas), 0);
    assert_string_equal(sas.sr, "hub.test%2Fdevices%2Fd");
    assert_string_equal(sas.resource, "hub.test/devices/d");
    assert_null(sas.skn);
    assert_true(sas.se == 2000000000);
    assert_true(edge_sas_signed_by(&sas, key));
    assert_false(edge_sas_signed_by(&sas, (struct edge_bytes){key.data, 31}));
    edge_sas_fini(&sas);
}

static void test_the_signature_covers_sr_as_it_was_sent(void **state)
{
    /* openssl dgst -sha256 -hmac of "h%2fdevices%2fd\n1700000000", lower-case escapes */
    EDGE_CLEANUP(edge_free) char *made = edge_sas_make("h/devices/d", 1700000000, key, "p");
    EDGE_CLEANUP(edge_free) char *lower = edge_strdup(made);
    struct edge_sas sas;
    char *at;
    (void) state;

    while ((at = strstr(lower, "%2Fdevices")) || (at = strstr(lower, "%2Fd&")))
        at[2] = 'f';
    assert_int_equal(parse(lower, &sas), 0);
    assert_string_equal(sas.resource, "h/devices/d");
    assert_string_equal(sas.skn, "p");
    assert_false(edge_sas_signed_by(&sas, key)); /* another text than the one that was signed */
    edge_sas_fini(&sas);
}

static void test_fields_come_in_any_order(void **state)
{
    EDGE_CLEANUP(edge_free) char *made = edge_sas_make("h/devices/d", 1700000000, key, NULL);
    EDGE_CLEANUP(edge_free) char *sig = edge_strdup(strstr(made, "&sig=") + 1);
    EDGE_CLEANUP(edge_free) char *other = NULL;
    struct edge_sas sas;
    (void) state;

    *strchr(sig, '&') = '\0';
    other = edge_format("SharedAccessSignature se=1700000000&%s&sr=h%%2Fdevices%%2Fd", sig);
    assert_int_equal(parse(other, &sas), 0);
    assert_true(edge_sas_signed_by(&sas, key));
    edge_sas_fini(&sas);
}

static void test_what_is_no_token_is_refused(void **state)
{
#define SIG "sig=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY%3D"
    static const char *const bad[] = {
        "",
        "SharedAccessSignature ",
        "Bearer sr=h&" SIG "&se=1",
        "SharedAccessSignature sr=h&se=1",
        "SharedAccessSignature sr=h&" SIG,
        "SharedAccessSignature " SIG "&se=1",
        "SharedAccessSignature sr=&" SIG "&se=1",
        "SharedAccessSignature sr=h&" SIG "&se=",
        "SharedAccessSignature sr=h&" SIG "&se=-1",
        "SharedAccessSignature sr=h&" SIG "&se=1x",
        "SharedAccessSignature sr=h&" SIG "&se=9999999999999999",
        "SharedAccessSignature sr=h&sr=h&" SIG "&se=1",
        "SharedAccessSignature sr=h&" SIG "&se=1&more=2",
        "SharedAccessSignature sr=h%2&" SIG "&se=1",
        "SharedAccessSignature sr=h&sig=MDEy&se=1",
        "SharedAccessSignature sr=h&" SIG "&se=1&",
    };
    struct edge_sas sas;
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        if (parse(bad[i], &sas) != EDGE_EINVALID)
            fail_msg("took %s", bad[i]);
        edge_sas_fini(&sas);
    }
    assert_int_equal(parse("SharedAccessSignature sr=h&" SIG "&se=1", &sas), 0);
    edge_sas_fini(&sas);
}

static void test_a_token_covers_its_resource_and_what_is_below(void **state)
{
    static const struct {
        const char *resource;
        const char *path;
        bool covers;
    } all[] = {
        {"hub.test/devices/d", "/devices/d", true},
        {"HUB.test/devices/d", "/devices/d", true},
        {"hub.test/devices/d", "/devices/d/modules/m", true},
        {"hub.test/devices/d/", "/devices/d", true},
        {"hub.test", "/devices/d", true},
        {"hub.test/devices/d", "/devices/d2", false},
        {"hub.test/devices/d/modules/m", "/devices/d", false},
        {"hub.testing/devices/d", "/devices/d", false},
        {"other/devices/d", "/devices/d", false},
        {"hub.test/devices/D", "/devices/d", false},
        {"hub.test/devices/d/modules/%24edgeAgent", "/devices/d/modules/$edgeAgent", true},
        {"hub.test/devices/d/modules/$edgeAgent", "/devices/d/modules/$edgeAgent", true},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++) {
        EDGE_CLEANUP(edge_free) char *token = edge_sas_make(all[i].resource, 1, key, NULL);
        struct edge_sas sas;

        assert_int_equal(parse(token, &sas), 0);
        if (edge_sas_covers(&sas, "hub.test", all[i].path) != all[i].covers)
            fail_msg("%s for %s", all[i].resource, all[i].path);
        edge_sas_fini(&sas);
    }
}

/* @param size  of the token behind its scheme, and of sr decoded behind that */
static void assert_wiped(struct edge_sas *sas, size_t size)
{
    watched = sas->raw_;
    watched_size = size;
    seen = left = 0;
    edge_sas_fini(sas);
    assert_int_equal(seen, 1);
    assert_int_equal(left, 0);
}

static void test_nothing_of_a_token_is_left_in_memory(void **state)
{
    static const char bad[] = "SharedAccessSignature sr=h&" SIG "&se=never";
    EDGE_CLEANUP(edge_free) char *token = edge_sas_make("h/devices/d", 1, key, "p");
    size_t scheme = strlen("SharedAccessSignature ");
    struct edge_sas sas;
    (void) state;

    assert_int_equal(parse(token, &sas), 0);
    assert_wiped(&sas, 2 * (strlen(token) - scheme + 1));
    assert_int_equal(parse(bad, &sas), EDGE_EINVALID);
    assert_wiped(&sas, 2 * (strlen(bad) - scheme + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_made_is_verified),
        cmocka_unit_test(test_the_signature_covers_sr_as_it_was_sent),
        cmocka_unit_test(test_fields_come_in_any_order),
        cmocka_unit_test(test_what_is_no_token_is_refused),
        cmocka_unit_test(test_a_token_covers_its_resource_and_what_is_below),
        cmocka_unit_test(test_nothing_of_a_token_is_left_in_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
