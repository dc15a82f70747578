#include "tests/unit/test.h"

#include <stdio.h>

#include "agent/image/digest.h"
#include "agent/image/reference.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct good {
    const char *text;
    const char *registry;
    const char *repository;
    const char *tag;
    const char *digest;
    const char *name;
};

static void assert_parts(const struct good *want, const char *upstream)
{
    struct agent_reference ref = {0};
    struct edge_err err = {0};

    if (agent_reference_parse(want->text, upstream, &ref, &err) != 0)
        fail_msg("%s", err.text);
    assert_string_equal(ref.registry, want->registry);
    assert_string_equal(ref.repository, want->repository);
    assert_int_equal(!ref.tag, !want->tag);
    assert_int_equal(!ref.digest, !want->digest);
    if (want->tag)
        assert_string_equal(ref.tag, want->tag);
    if (want->digest)
        assert_string_equal(ref.digest, want->digest);
    assert_string_equal(ref.name, want->name);
    agent_reference_fini(&ref);
}

static void test_references_are_taken_apart(void **state)
{
    static const struct good table[] = {
        {"busybox", "docker.io", "library/busybox", "latest", NULL,
         "docker.io/library/busybox:latest"},
        {"  busybox:1 ", "docker.io", "library/busybox", "1", NULL, "docker.io/library/busybox:1"},
        {"docker.io/busybox", "docker.io", "library/busybox", "latest", NULL,
         "docker.io/library/busybox:latest"},
        {"index.docker.io/a/b:t", "docker.io", "a/b", "t", NULL, "docker.io/a/b:t"},
        {"a/b", "docker.io", "a/b", "latest", NULL, "docker.io/a/b:latest"},
        {"localhost/x", "localhost", "x", "latest", NULL, "localhost/x:latest"},
        {"localhost:5000/x:y", "localhost:5000", "x", "y", NULL, "localhost:5000/x:y"},
        {"127.0.0.1:5000/a/b/c", "127.0.0.1:5000", "a/b/c", "latest", NULL,
         "127.0.0.1:5000/a/b/c:latest"},
        {"[::1]:5000/x:y", "[::1]:5000", "x", "y", NULL, "[::1]:5000/x:y"},
        {"MCR.Microsoft.com/azureiotedge-hub:1.5", "mcr.microsoft.com", "azureiotedge-hub", "1.5",
         NULL, "mcr.microsoft.com/azureiotedge-hub:1.5"},
        {"x@sha256:" HEX64, "docker.io", "library/x", NULL, "sha256:" HEX64,
         "docker.io/library/x@sha256:" HEX64},
        {"r.io/x:tag@sha256:" HEX64, "r.io", "x", "tag", "sha256:" HEX64,
         "r.io/x:tag@sha256:" HEX64},
        {"x@sha512:" HEX64 HEX64, "docker.io", "library/x", NULL, "sha512:" HEX64 HEX64,
         "docker.io/library/x@sha512:" HEX64 HEX64},
        {"r.io/a__b/c.d/e---f/g_h:_T-1.0", "r.io", "a__b/c.d/e---f/g_h", "_T-1.0", NULL,
         "r.io/a__b/c.d/e---f/g_h:_T-1.0"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(table); i++)
        assert_parts(&table[i], NULL);
}

static void test_upstream_stands_for_the_parent(void **state)
{
    static const struct good want = {
        "$upstream:8000/edge/hub:1",   "parent.local:8000", "edge/hub", "1", NULL,
        "parent.local:8000/edge/hub:1"};
    struct agent_reference ref = {0};
    (void) state;

    assert_parts(&want, "parent.local");
    assert_int_equal(agent_reference_parse("$upstream:8000/x", NULL, &ref, NULL), EDGE_EINVALID);
    assert_int_equal(agent_reference_parse("$upstream/x", "p", &ref, NULL), EDGE_EINVALID);
    assert_int_equal(agent_reference_parse("$upstream:0/x", "p", &ref, NULL), EDGE_EINVALID);
    assert_int_equal(agent_reference_parse("$other:443/x", "p", &ref, NULL), EDGE_EINVALID);
}

static void test_what_is_no_reference_is_refused_with_its_text(void **state)
{
    static const char *const table[] = {
        "",
        "   ",
        "/x",
        "x/",
        "a//b",
        "x:",
        "x:a:b",
        "x:-a",
        "x:.a",
        "x y",
        "x\ny",
        "https://r.io/x",
        "r.io:/x",
        "r.io:0/x",
        "r.io:65536/x",
        "r.io:123456/x",
        "r.io:80a/x",
        "-r.io/x",
        "r..io/x",
        "r.io/X",
        "Busybox",
        "a..b",
        "a___b",
        "_a",
        "a_",
        "a.-b",
        "r.io/-a",
        "x@",
        "x@sha256:",
        "x@sha256:0123",
        ("x@sha256:" HEX64 "0"),
        ("x@sha512:" HEX64),
        ("x@md5:" HEX64),
        "x@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
        ("x@sha256:" HEX64 "@sha256:" HEX64),
        HEX64,
        "[::1/x",
        "[]:5000/x",
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(table); i++) {
        struct agent_reference ref = {0};
        struct edge_err err = {0};

        if (agent_reference_parse(table[i], NULL, &ref, &err) != EDGE_EINVALID)
            fail_msg("accepted: %s", table[i]);
        assert_null(ref.name);
        assert_true(strlen(err.text) > 0);
    }
}

static void test_uppercase_repository_says_so(void **state)
{
    struct agent_reference ref = {0};
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(agent_reference_parse("r.io/MyModule:1", NULL, &ref, &err), EDGE_EINVALID);
    assert_non_null(strstr(err.text, "r.io/MyModule:1"));
    assert_non_null(strstr(err.text, "lower case"));
    assert_int_equal(agent_reference_parse("MyTeam/app", NULL, &ref, &err), EDGE_EINVALID);
    assert_non_null(strstr(err.text, "lower case"));
}

static void test_lengths_are_bounded(void **state)
{
    struct agent_reference ref = {0};
    char text[3000];
    (void) state;

    /* "docker.io/library/" is 18 characters of the 255 */
    memset(text, 'a', sizeof text);
    text[237] = '\0';
    assert_int_equal(agent_reference_parse(text, NULL, &ref, NULL), 0);
    agent_reference_fini(&ref);
    memset(text, 'a', sizeof text);
    text[238] = '\0';
    assert_int_equal(agent_reference_parse(text, NULL, &ref, NULL), EDGE_EINVALID);

    memset(text, 'a', sizeof text);
    text[1] = ':';
    text[2 + 128] = '\0';
    assert_int_equal(agent_reference_parse(text, NULL, &ref, NULL), 0);
    agent_reference_fini(&ref);
    memset(text, 'a', sizeof text);
    text[1] = ':';
    text[2 + 129] = '\0';
    assert_int_equal(agent_reference_parse(text, NULL, &ref, NULL), EDGE_EINVALID);

    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(agent_reference_parse(text, NULL, &ref, NULL), EDGE_EINVALID);
}

static void test_chain_ids_follow_the_image_specification(void **state)
{
    static const char a[] =
        "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    static const char b[] =
        "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    char chain[AGENT_DIGEST_TEXT];
    char next[AGENT_DIGEST_TEXT];
    char want[AGENT_DIGEST_TEXT];
    char both[2 * AGENT_DIGEST_TEXT];
    (void) state;

    agent_chain_next(NULL, a, chain);
    assert_string_equal(chain, a);
    agent_chain_next(chain, b, next);
    (void) snprintf(both, sizeof both, "%s %s", a, b);
    agent_digest_of(both, strlen(both), want);
    assert_string_equal(next, want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references_are_taken_apart),
        cmocka_unit_test(test_upstream_stands_for_the_parent),
        cmocka_unit_test(test_what_is_no_reference_is_refused_with_its_text),
        cmocka_unit_test(test_uppercase_repository_says_so),
        cmocka_unit_test(test_lengths_are_bounded),
        cmocka_unit_test(test_chain_ids_follow_the_image_specification),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
