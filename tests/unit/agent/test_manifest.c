#include "tests/unit/test.h"

#include <stdio.h>

#include "agent/image/manifest.h"

#define HEX(d) "sha256:" d d d d d d d d
#define A      HEX("aaaaaaaa")
#define B      HEX("bbbbbbbb")
#define C      HEX("cccccccc")
#define OCI    "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."

static const struct agent_manifest_limits limits = {1000000, 100000};
static const struct agent_platform amd64 = {"linux", "amd64", ""};

static struct edge_bytes bytes(const char *text)
{
    return (struct edge_bytes){(const uint8_t *) text, strlen(text)};
}

static int parse(const char *text, const char *type, struct agent_manifest **ret,
                 struct edge_err *err)
{
    return agent_manifest_parse(bytes(text), type, &limits, ret, err);
}

#define CONFIG_OCI                                                                                 \
    "\"config\":{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"" C "\",\"size\":7}"
#define LAYER(type, digest, size)                                                                  \
    "{\"mediaType\":\"" type "\",\"digest\":\"" digest "\",\"size\":" size "}"
#define IMAGE(layers) "{\"schemaVersion\":2," CONFIG_OCI ",\"layers\":[" layers "]}"

static void test_oci_manifest_is_read(void **state)
{
    EDGE_CLEANUP(agent_manifest_free) struct agent_manifest *m = NULL;
    (void) state;

    assert_int_equal(parse(IMAGE(LAYER(OCI "layer.v1.tar+gzip", A,
                                       "5") "," LAYER(OCI "layer.v1.tar+zstd", B, "0")),
                           OCI "manifest.v1+json; charset=utf-8", &m, NULL),
                     0);
    assert_false(m->is_index);
    assert_string_equal(m->media_type, OCI "manifest.v1+json");
    assert_string_equal(m->config.digest, C);
    assert_int_equal(m->config.size, 7);
    assert_int_equal(m->nlayers, 2);
    assert_string_equal(m->layers[0].digest, A);
    assert_int_equal(m->layers[0].size, 5);
    assert_string_equal(m->layers[1].media_type, OCI "layer.v1.tar+zstd");
}

static void test_docker_manifest_is_read_and_layers_get_oci_names(void **state)
{
    EDGE_CLEANUP(agent_manifest_free) struct agent_manifest *m = NULL;
    (void) state;

    assert_int_equal(
        parse("{\"schemaVersion\":2,\"mediaType\":\"" DOCKER
              "distribution.manifest.v2+json\",\"config\":{\"mediaType\":\"" DOCKER
              "container.image.v1+json\",\"digest\":\"" C
              "\",\"size\":1},\"layers\":[" LAYER(DOCKER "image.rootfs.diff.tar.gzip", A, "5") "]}",
              DOCKER "distribution.manifest.v2+json", &m, NULL),
        0);
    assert_string_equal(m->layers[0].media_type, OCI "layer.v1.tar+gzip");
    assert_string_equal(m->config.media_type, DOCKER "container.image.v1+json");
}

static void test_manifest_without_layers_is_an_image(void **state)
{
    EDGE_CLEANUP(agent_manifest_free) struct agent_manifest *m = NULL;
    (void) state;

    assert_int_equal(parse(IMAGE(""), NULL, &m, NULL), 0);
    assert_int_equal(m->nlayers, 0);
}

static void test_bad_manifests_are_refused(void **state)
{
    static const struct {
        int code;
        const char *text;
        const char *type;
    } table[] = {
        {EDGE_EINVALID, "", NULL},
        {EDGE_EINVALID, "[]", NULL},
        {EDGE_EINVALID, "{\"layers\":[]}", NULL},
        {EDGE_EUNSUPPORTED, "{}", NULL},
        {EDGE_EUNSUPPORTED, "{\"schemaVersion\":1,\"name\":\"x\"}", NULL},
        {EDGE_EUNSUPPORTED, IMAGE(""), DOCKER "distribution.manifest.v1+prettyjws"},
        {EDGE_EUNSUPPORTED, IMAGE(LAYER(DOCKER "image.rootfs.foreign.diff.tar.gzip", A, "5")),
         NULL},
        {EDGE_EUNSUPPORTED, IMAGE(LAYER(OCI "layer.v1.tar+gzip+encrypted", A, "5")), NULL},
        {EDGE_EUNSUPPORTED, IMAGE(LAYER("text/plain", A, "5")), NULL},
        {EDGE_EINVALID, IMAGE(LAYER(OCI "layer.v1.tar", "sha256:12", "5")), NULL},
        {EDGE_EUNSUPPORTED,
         IMAGE(
             LAYER(OCI "layer.v1.tar",
                   "sha512:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                   "5")),
         NULL},
        {EDGE_EINVALID, IMAGE(LAYER(OCI "layer.v1.tar", A, "-1")), NULL},
        {EDGE_EINVALID, IMAGE(LAYER(OCI "layer.v1.tar", A, "\"5\"")), NULL},
        {EDGE_EINVALID, IMAGE(LAYER(OCI "layer.v1.tar", A, "1.5")), NULL},
        {EDGE_ELIMIT, IMAGE(LAYER(OCI "layer.v1.tar", A, "1000001")), NULL},
        {EDGE_EUNSUPPORTED, IMAGE("3"), NULL},
        {EDGE_EINVALID, "{\"schemaVersion\":2," CONFIG_OCI ",\"layers\":[],\"manifests\":[]}",
         NULL},
        {EDGE_EINVALID,
         "{\"schemaVersion\":2,\"mediaType\":\"" OCI "index.v1+json\",\"manifests\":[]}",
         OCI "manifest.v1+json"},
        {EDGE_EUNSUPPORTED,
         "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/"
         "vnd.cncf.helm.config.v1+json\","
         "\"digest\":\"" C "\",\"size\":7},\"layers\":[]}",
         NULL},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(table); i++) {
        EDGE_CLEANUP(agent_manifest_free) struct agent_manifest *m = NULL;
        struct edge_err err = {0};
        int rc = parse(table[i].text, table[i].type, &m, &err);

        if (rc != table[i].code)
            fail_msg("%d instead of %d for %s", rc, table[i].code, table[i].text);
        assert_null(m);
        assert_true(*err.text);
    }
}

static char *many(const char *head, const char *item, size_t count, const char *tail)
{
    struct edge_buf buf;

    edge_buf_init(&buf, 1 << 20);
    edge_buf_puts(&buf, head);
    for (size_t i = 0; i < count; i++)
        edge_buf_printf(&buf, "%s%s", i ? "," : "", item);
    edge_buf_puts(&buf, tail);
    return edge_buf_take(&buf);
}

static void test_layers_and_entries_are_counted(void **state)
{
    static const char head[] = "{\"schemaVersion\":2," CONFIG_OCI ",\"layers\":[";
    static const char layer[] = LAYER(OCI "layer.v1.tar", A, "5");
    EDGE_CLEANUP(edge_free) char *most = many(head, layer, AGENT_MANIFEST_LAYERS, "]}");
    EDGE_CLEANUP(edge_free) char *more = many(head, layer, AGENT_MANIFEST_LAYERS + 1, "]}");
    EDGE_CLEANUP(edge_free)
    char *entries =
        many("{\"schemaVersion\":2,\"manifests\":[", "{}", AGENT_MANIFEST_ENTRIES + 1, "]}");
    EDGE_CLEANUP(agent_manifest_free) struct agent_manifest *m = NULL;
    (void) state;

    assert_int_equal(parse(most, NULL, &m, NULL), 0);
    assert_int_equal(m->nlayers, AGENT_MANIFEST_LAYERS);
    m = agent_manifest_free(m);
    assert_int_equal(parse(more, NULL, &m, NULL), EDGE_ELIMIT);
    assert_int_equal(parse(entries, NULL, &m, NULL), EDGE_ELIMIT);
}

#define ENTRY(digest, platform)                                                                    \
    "{\"mediaType\":\"" OCI "manifest.v1+json\",\"digest\":\"" digest                              \
    "\",\"size\":9,\"platform\":{" platform "}}"
#define INDEX(entries) "{\"schemaVersion\":2,\"manifests\":[" entries "]}"

static const char *chosen(const char *index, const struct agent_platform *host)
{
    static char digest[100];
    EDGE_CLEANUP(agent_manifest_free) struct agent_manifest *m = NULL;
    const struct agent_manifest_blob *blob = NULL;

    assert_int_equal(parse(index, OCI "index.v1+json", &m, NULL), 0);
    assert_true(m->is_index);
    if (agent_manifest_choose(m, host, &blob, NULL) != 0)
        return "none";
    (void) snprintf(digest, sizeof digest, "%s", blob->digest);
    return digest;
}

static void test_index_gives_the_best_build(void **state)
{
    static const char index[] = INDEX(ENTRY(
        A, "\"os\":\"linux\",\"architecture\":\"arm\","
           "\"variant\":\"v6\"") "," ENTRY(B, "\"os\":\"linux\",\"architecture\":\"arm\","
                                              "\"variant\":\"v7\"") "," ENTRY(C, "\"os\":"
                                                                                 "\"linux\","
                                                                                 "\"architecture\""
                                                                                 ":\"amd64\""));
    static const struct agent_platform v6 = {"linux", "arm", "v6"};
    static const struct agent_platform v7 = {"linux", "arm", "v7"};
    static const struct agent_platform v5 = {"linux", "arm", "v5"};
    static const struct agent_platform arm64 = {"linux", "arm64", "v8"};
    static const struct agent_platform riscv = {"linux", "riscv64", ""};
    (void) state;

    assert_string_equal(chosen(index, &amd64), C);
    assert_string_equal(chosen(index, &v7), B);
    assert_string_equal(chosen(index, &v6), A);
    assert_string_equal(chosen(index, &v5), "none");
    assert_string_equal(chosen(index, &arm64), B);
    assert_string_equal(chosen(index, &riscv), "none");
}

static void test_index_passes_over_other_systems_and_attestations(void **state)
{
    static const char index[] =
        INDEX(ENTRY(A, "\"os\":\"windows\",\"architecture\":\"amd64\"") "," ENTRY(
            B, "\"os\":\"unknown\",\"architecture\":\"unknown\"") ",{\"mediaType\":\"x/y\"}");
    static const char avx[] =
        INDEX(ENTRY(A, "\"os\":\"linux\",\"architecture\":\"amd64\",\"variant\":\"v3\""));
    static const char unsaid[] = INDEX(ENTRY(A, ""));
    (void) state;

    assert_string_equal(chosen(index, &amd64), "none");
    assert_string_equal(chosen(avx, &amd64), "none");
    assert_string_equal(chosen(unsaid, &amd64), A);
    assert_string_equal(chosen(INDEX(""), &amd64), "none");
}

static void test_refused_platform_lists_what_there_is(void **state)
{
    EDGE_CLEANUP(agent_manifest_free) struct agent_manifest *m = NULL;
    const struct agent_manifest_blob *blob = NULL;
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(
        parse(INDEX(ENTRY(A, "\"os\":\"linux\",\"architecture\":\"s390x\"")), NULL, &m, NULL), 0);
    assert_int_equal(agent_manifest_choose(m, &amd64, &blob, &err), EDGE_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "linux/amd64"));
    assert_non_null(strstr(err.text, "linux/s390x"));
}

static void assert_machine(const char *machine, int bits, const char *architecture,
                           const char *variant)
{
    struct agent_platform p = agent_platform_of(machine, bits);

    assert_string_equal(p.os, "linux");
    assert_string_equal(p.architecture, architecture);
    assert_string_equal(p.variant, variant);
}

static void test_machines_have_platform_names(void **state)
{
    (void) state;

    assert_machine("x86_64", 64, "amd64", "");
    assert_machine("x86_64", 32, "386", "");
    assert_machine("i686", 32, "386", "");
    assert_machine("aarch64", 64, "arm64", "v8");
    assert_machine("aarch64", 32, "arm", "v8"); /* a 64-bit kernel under a 32-bit Raspberry Pi OS */
    assert_machine("armv7l", 32, "arm", "v7");
    assert_machine("armv6l", 32, "arm", "v6");
    assert_machine("riscv64", 64, "riscv64", "");
}

static int parse_config(const char *text, size_t nlayers, struct agent_image_config *ret)
{
    return agent_image_config_parse(bytes(text), nlayers, &amd64, ret, NULL);
}

#define ROOTFS(ids) "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[" ids "]}"

static void test_config_gives_layers_and_what_to_run(void **state)
{
    struct agent_image_config config = {0};
    char chain[AGENT_DIGEST_TEXT];
    (void) state;

    assert_int_equal(parse_config("{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{"
                                  "\"User\":\"me\"}," ROOTFS("\"" A "\",\"" B "\"") "}",
                                  2, &config),
                     0);
    assert_string_equal(edge_json_str(edge_json_get(config.config, "User"), ""), "me");
    agent_image_config_chain(&config, 0, chain);
    assert_string_equal(chain, "");
    agent_image_config_chain(&config, 1, chain);
    assert_string_equal(chain, A);
    agent_image_config_chain(&config, 2, chain);
    assert_string_not_equal(chain, A);
    assert_int_equal(strlen(chain), 71);
    agent_image_config_fini(&config);
}

static void test_config_of_an_empty_image_is_fine(void **state)
{
    struct agent_image_config config = {0};
    (void) state;

    assert_int_equal(parse_config("{" ROOTFS("") "}", 0, &config), 0);
    assert_true(edge_json_is(config.config, EDGE_JSON_OBJECT));
    agent_image_config_fini(&config);
    assert_int_equal(parse_config("{}", 0, &config), 0);
    agent_image_config_fini(&config);
}

static void test_bad_configs_are_refused(void **state)
{
    static const struct {
        int code;
        const char *text;
    } table[] = {
        {EDGE_EINVALID, "null"},
        {EDGE_EINVALID, "{"},
        {EDGE_EINVALID, "{}"},
        {EDGE_EINVALID, "{" ROOTFS("") "}"},
        {EDGE_EINVALID, "{" ROOTFS("\"" A "\",\"" B "\"") "}"},
        {EDGE_EINVALID, "{" ROOTFS("\"sha256:1\"") "}"},
        {EDGE_EINVALID, "{\"rootfs\":{\"type\":\"other\",\"diff_ids\":[\"" A "\"]}}"},
        {EDGE_EUNSUPPORTED,
         "{\"architecture\":\"arm64\",\"os\":\"linux\"," ROOTFS("\"" A "\"") "}"},
        {EDGE_EUNSUPPORTED,
         "{\"architecture\":\"amd64\",\"os\":\"windows\"," ROOTFS("\"" A "\"") "}"},
    };
    struct agent_image_config config = {0};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(table); i++)
        assert_int_equal(parse_config(table[i].text, 1, &config), table[i].code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_manifest_is_read),
        cmocka_unit_test(test_docker_manifest_is_read_and_layers_get_oci_names),
        cmocka_unit_test(test_manifest_without_layers_is_an_image),
        cmocka_unit_test(test_bad_manifests_are_refused),
        cmocka_unit_test(test_layers_and_entries_are_counted),
        cmocka_unit_test(test_index_gives_the_best_build),
        cmocka_unit_test(test_index_passes_over_other_systems_and_attestations),
        cmocka_unit_test(test_refused_platform_lists_what_there_is),
        cmocka_unit_test(test_machines_have_platform_names),
        cmocka_unit_test(test_config_gives_layers_and_what_to_run),
        cmocka_unit_test(test_config_of_an_empty_image_is_fine),
        cmocka_unit_test(test_bad_configs_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
