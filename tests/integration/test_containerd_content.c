/* The client against a real containerd: versions, leases, content, images, snapshots, layers. */
#include "tests/integration/containerd_host.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/crypto/sha256.h"

/* A blob to upload: its bytes follow from its length and seed. */
struct blob {
    uint8_t *data;
    size_t len;
    char digest[80];
};

static struct blob make_blob(size_t len, unsigned seed)
{
    struct blob blob = {.data = malloc(len), .len = len};
    char hex[EDGE_SHA256_HEX];

    assert_non_null(blob.data);
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1103515245u + 12345u;
        blob.data[i] = (uint8_t) (seed >> 16);
    }
    edge_sha256_of(blob.data, len, hex);
    snprintf(blob.digest, sizeof blob.digest, "sha256:%s", hex);
    return blob;
}

static struct agent_ctrd_descriptor describe(const struct blob *blob)
{
    return (struct agent_ctrd_descriptor){"application/octet-stream", blob->digest,
                                          (int64_t) blob->len};
}

/* What nothing refers to is collected at the next occasion; all uploads here are under a lease. */
#define LEASE "suite"
static const struct agent_ctrd_call leased = {.lease = LEASE};

static int up(void **state)
{
    struct edge_err err = {0};

    assert_int_equal(host_up(state), 0);
    assert_rc(agent_ctrd_lease_create(host.ctrd, NULL, LEASE, 600, NULL, 0, &err), 0, &err);
    return 0;
}

/* Open @p ref for @p blob, which is not there yet. */
static struct agent_ctrd_ingest *begin(const char *ref, const struct blob *blob, int64_t at)
{
    struct agent_ctrd_descriptor descriptor = describe(blob);
    struct agent_ctrd_ingest *ingest = NULL;
    struct edge_err err = {0};
    int64_t offset = -1;

    assert_rc(agent_ctrd_ingest_open(host.ctrd, &leased, ref, &descriptor, &ingest, &offset, &err),
              0, &err);
    assert_int_equal(offset, at);
    return ingest;
}

static void put(struct agent_ctrd_ingest *ingest, const struct blob *blob, size_t from, size_t to)
{
    struct edge_err err = {0};
    struct edge_bytes part = {blob->data + from, to - from};

    assert_rc(agent_ctrd_ingest_write(ingest, part, &err), 0, &err);
}

static void upload(const char *ref, const struct blob *blob)
{
    struct agent_ctrd_ingest *ingest = begin(ref, blob, 0);
    struct edge_err err = {0};

    put(ingest, blob, 0, blob->len);
    assert_rc(agent_ctrd_ingest_commit(ingest, &err), 0, &err);
    agent_ctrd_ingest_close(ingest);
}

static size_t ingests(const char *prefix)
{
    struct edge_err err = {0};
    char **refs = NULL;
    size_t n = 0;

    assert_rc(agent_ctrd_ingest_list(host.ctrd, NULL, prefix, &refs, &err), 0, &err);
    while (refs[n])
        n++;
    agent_ctrd_strv_free(refs);
    return n;
}

static void test_version_and_namespace(void **state)
{
    struct edge_err err = {0};
    char *version = NULL;
    (void) state;

    assert_rc(agent_ctrd_version(host.ctrd, NULL, &version, &err), 0, &err);
    assert_true(strlen(version) > 2);
    free(version);
    assert_rc(agent_ctrd_need_namespace(host.ctrd, NULL, &err), 0, &err);
    assert_true(strcmp(host.snapshotter, "overlayfs") == 0 ||
                strcmp(host.snapshotter, "native") == 0);
}

static void test_leases_are_found_by_label_and_deleted(void **state)
{
    static const struct agent_ctrd_label labels[] = {{"edge/owner", "a \"quoted\" \\ one"}};
    struct edge_err err = {0};
    char **ids = NULL;
    (void) state;

    assert_rc(agent_ctrd_lease_create(host.ctrd, NULL, "pull-1", 600, labels, 1, &err), 0, &err);
    assert_rc(agent_ctrd_lease_create(host.ctrd, NULL, "pull-1", 600, labels, 1, &err), -EEXIST,
              &err);
    assert_rc(agent_ctrd_lease_create(host.ctrd, NULL, "other", 600, NULL, 0, &err), 0, &err);
    assert_rc(agent_ctrd_lease_list(host.ctrd, NULL, labels[0].key, labels[0].value, &ids, &err), 0,
              &err);
    assert_string_equal(ids[0], "pull-1");
    assert_null(ids[1]);
    agent_ctrd_strv_free(ids);
    assert_rc(agent_ctrd_lease_delete(host.ctrd, NULL, "pull-1", &err), 0, &err);
    assert_rc(agent_ctrd_lease_delete(host.ctrd, NULL, "pull-1", &err), 0, &err);
    assert_rc(agent_ctrd_lease_list(host.ctrd, NULL, labels[0].key, labels[0].value, &ids, &err), 0,
              &err);
    assert_null(ids[0]);
    agent_ctrd_strv_free(ids);
    assert_rc(agent_ctrd_lease_delete(host.ctrd, NULL, "other", &err), 0, &err);
}

static void test_an_upload_goes_on_where_it_broke_off(void **state)
{
    struct blob blob = make_blob(3 * 1024 * 1024 + 17, 1);
    struct agent_ctrd_descriptor descriptor = describe(&blob);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf back = EDGE_BUF_INIT(blob.len);
    struct agent_ctrd_ingest *ingest = begin("ref-resume", &blob, 0);
    struct edge_err err = {0};
    int64_t size = 0;
    (void) state;

    put(ingest, &blob, 0, 1500000);
    agent_ctrd_ingest_close(ingest);
    assert_int_equal(ingests("ref-res"), 1);
    assert_rc(agent_ctrd_blob_size(host.ctrd, NULL, blob.digest, &size, &err), -ENOENT, &err);

    ingest = begin("ref-resume", &blob, 1500000);
    put(ingest, &blob, 1500000, blob.len);
    assert_rc(agent_ctrd_ingest_commit(ingest, &err), 0, &err);
    agent_ctrd_ingest_close(ingest);

    assert_int_equal(ingests("ref-resume"), 0);
    assert_rc(agent_ctrd_blob_size(host.ctrd, NULL, blob.digest, &size, &err), 0, &err);
    assert_int_equal(size, blob.len);
    assert_rc(agent_ctrd_blob_read(host.ctrd, NULL, blob.digest, &back, &err), 0, &err);
    assert_int_equal(back.len, blob.len);
    assert_memory_equal(back.data, blob.data, blob.len);
    ingest = NULL;
    assert_rc(agent_ctrd_ingest_open(host.ctrd, NULL, "again", &descriptor, &ingest, &size, &err),
              AGENT_CTRD_BLOB_EXISTS, &err);
    assert_null(ingest);
    free(blob.data);
}

static void test_reading_stops_at_the_ceiling(void **state)
{
    struct blob blob = make_blob(200000, 2);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf back = EDGE_BUF_INIT(199999);
    struct edge_err err = {0};
    (void) state;

    upload("ref-ceiling", &blob);
    assert_rc(agent_ctrd_blob_read(host.ctrd, NULL, blob.digest, &back, &err), EDGE_ELIMIT, &err);
    free(blob.data);
}

static void test_an_absent_blob_is_not_found(void **state)
{
    static const struct agent_ctrd_label label = {"a", "b"};
    struct blob blob = make_blob(10, 3);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf back = EDGE_BUF_INIT(100);
    struct edge_err err = {0};
    (void) state;

    assert_rc(agent_ctrd_blob_read(host.ctrd, NULL, blob.digest, &back, &err), -ENOENT, &err);
    assert_rc(agent_ctrd_blob_label(host.ctrd, NULL, blob.digest, &label, 1, &err), -ENOENT, &err);
    assert_rc(agent_ctrd_blob_read(host.ctrd, NULL, "sha256:..", &back, &err), EDGE_EINVALID, &err);
    assert_rc(agent_ctrd_ingest_abort(host.ctrd, NULL, "no-such-ref", &err), 0, &err);
    free(blob.data);
}

static void test_a_wrong_digest_leaves_nothing_behind(void **state)
{
    struct blob blob = make_blob(100000, 4);
    struct agent_ctrd_ingest *ingest = begin("ref-wrong", &blob, 0);
    struct edge_err err = {0};
    int64_t size;
    (void) state;

    blob.data[500] ^= 1;
    put(ingest, &blob, 0, blob.len);
    assert_rc(agent_ctrd_ingest_commit(ingest, &err), EDGE_EDIGEST, &err);
    agent_ctrd_ingest_close(ingest);
    assert_int_equal(ingests("ref-wrong"), 0);
    assert_rc(agent_ctrd_blob_size(host.ctrd, NULL, blob.digest, &size, &err), -ENOENT, &err);
    free(blob.data);
}

static void test_a_short_upload_is_a_digest_error(void **state)
{
    struct blob blob = make_blob(100000, 5);
    struct agent_ctrd_ingest *ingest = begin("ref-short", &blob, 0);
    struct edge_err err = {0};
    (void) state;

    put(ingest, &blob, 0, 99999);
    assert_rc(agent_ctrd_ingest_commit(ingest, &err), EDGE_EDIGEST, &err);
    agent_ctrd_ingest_close(ingest);
    assert_int_equal(ingests("ref-short"), 0);
    free(blob.data);
}

static void test_an_upload_can_start_over(void **state)
{
    struct blob blob = make_blob(150000, 6);
    struct agent_ctrd_ingest *ingest = begin("ref-over", &blob, 0);
    struct edge_err err = {0};
    (void) state;

    put(ingest, &blob, 1000, 90000);
    assert_rc(agent_ctrd_ingest_truncate(ingest, &err), 0, &err);
    put(ingest, &blob, 0, blob.len);
    assert_rc(agent_ctrd_ingest_commit(ingest, &err), 0, &err);
    agent_ctrd_ingest_close(ingest);
    free(blob.data);
}

static void test_a_ref_has_one_writer(void **state)
{
    struct blob blob = make_blob(1000, 7);
    struct agent_ctrd_descriptor descriptor = describe(&blob);
    struct agent_ctrd_ingest *first = begin("ref-locked", &blob, 0);
    struct agent_ctrd_ingest *second = NULL;
    struct edge_err err = {0};
    int64_t offset;
    (void) state;

    assert_rc(
        agent_ctrd_ingest_open(host.ctrd, NULL, "ref-locked", &descriptor, &second, &offset, &err),
        EDGE_EUNAVAILABLE, &err);
    put(first, &blob, 0, 400);
    agent_ctrd_ingest_close(first);
    second = begin("ref-locked", &blob, 400); /* free as soon as the first is closed */
    agent_ctrd_ingest_close(second);
    assert_rc(agent_ctrd_ingest_abort(host.ctrd, NULL, "ref-locked", &err), 0, &err);
    assert_int_equal(ingests("ref-locked"), 0);
    free(blob.data);
}

/* Removing an image with sync collects what nothing keeps. */
static void collect_garbage(const struct blob *any)
{
    struct agent_ctrd_descriptor target = describe(any);
    struct edge_err err = {0};

    assert_rc(agent_ctrd_image_put(host.ctrd, NULL, "passing:1", &target, NULL, 0, &err), 0, &err);
    assert_rc(agent_ctrd_image_delete(host.ctrd, NULL, "passing:1", true, &err), 0, &err);
}

static void test_a_lease_keeps_what_was_uploaded_under_it(void **state)
{
    struct blob blob = make_blob(5000, 8);
    struct agent_ctrd_descriptor target = describe(&blob);
    struct agent_ctrd_call call = {.lease = "keeper"};
    struct agent_ctrd_ingest *ingest = NULL;
    struct edge_err err = {0};
    int64_t size;
    (void) state;

    assert_rc(agent_ctrd_lease_create(host.ctrd, NULL, "keeper", 600, NULL, 0, &err), 0, &err);
    assert_rc(agent_ctrd_ingest_open(host.ctrd, &call, "ref-kept", &target, &ingest, &size, &err),
              0, &err);
    put(ingest, &blob, 0, blob.len);
    assert_rc(agent_ctrd_ingest_commit(ingest, &err), 0, &err);
    agent_ctrd_ingest_close(ingest);

    collect_garbage(&blob);
    assert_rc(agent_ctrd_blob_size(host.ctrd, NULL, blob.digest, &size, &err), 0, &err);
    assert_rc(agent_ctrd_lease_delete(host.ctrd, NULL, "keeper", &err), 0, &err);
    collect_garbage(&blob);
    assert_rc(agent_ctrd_blob_size(host.ctrd, NULL, blob.digest, &size, &err), -ENOENT, &err);
    free(blob.data);
}

/* A label of the manifest's blob keeps another blob; without it the other goes. */
static void test_blob_labels_are_set_and_removed(void **state)
{
    struct blob manifest = make_blob(300, 10);
    struct blob config = make_blob(300, 11);
    struct agent_ctrd_descriptor target = describe(&manifest);
    struct agent_ctrd_label label = {"containerd.io/gc.ref.content.config", config.digest};
    struct edge_err err = {0};
    int64_t size;
    (void) state;

    upload("ref-manifest", &manifest);
    upload("ref-config", &config);
    assert_rc(agent_ctrd_blob_label(host.ctrd, NULL, manifest.digest, &label, 1, &err), 0, &err);
    assert_rc(agent_ctrd_image_put(host.ctrd, NULL, "labelled:1", &target, NULL, 0, &err), 0, &err);
    assert_rc(agent_ctrd_lease_delete(host.ctrd, NULL, LEASE, &err), 0, &err);
    assert_rc(agent_ctrd_lease_create(host.ctrd, NULL, LEASE, 600, NULL, 0, &err), 0, &err);
    collect_garbage(&manifest);
    assert_rc(agent_ctrd_blob_size(host.ctrd, NULL, config.digest, &size, &err), 0, &err);

    label.value = "";
    assert_rc(agent_ctrd_blob_label(host.ctrd, NULL, manifest.digest, &label, 1, &err), 0, &err);
    collect_garbage(&manifest);
    assert_rc(agent_ctrd_blob_size(host.ctrd, NULL, config.digest, &size, &err), -ENOENT, &err);
    assert_rc(agent_ctrd_image_delete(host.ctrd, NULL, "labelled:1", true, &err), 0, &err);
    free(manifest.data);
    free(config.data);
}

static void test_an_image_record_is_made_moved_listed_and_deleted(void **state)
{
    static const struct agent_ctrd_label first[] = {{"owner", "edge"}, {"from", "x"}};
    static const struct agent_ctrd_label second[] = {{"from", "y"}};
    struct blob one = make_blob(100, 12);
    struct blob two = make_blob(101, 13);
    struct agent_ctrd_descriptor target = describe(&one);
    struct agent_ctrd_image image = {0};
    struct agent_ctrd_image *list = NULL;
    struct edge_err err = {0};
    size_t len = 0;
    (void) state;

    assert_rc(agent_ctrd_image_get(host.ctrd, NULL, "r.io/cam:1", &image, &err), -ENOENT, &err);
    assert_rc(agent_ctrd_image_put(host.ctrd, NULL, "r.io/cam:1", &target, first, 2, &err), 0,
              &err);
    target = describe(&two);
    assert_rc(agent_ctrd_image_put(host.ctrd, NULL, "r.io/cam:1", &target, second, 1, &err), 0,
              &err);
    assert_rc(agent_ctrd_image_get(host.ctrd, NULL, "r.io/cam:1", &image, &err), 0, &err);
    assert_string_equal(image.name, "r.io/cam:1");
    assert_string_equal(image.digest, two.digest);
    assert_string_equal(image.media_type, "application/octet-stream");
    assert_int_equal(image.size, 101);
    assert_non_null(image.labels[3]); /* both labels, the second one new */
    assert_null(image.labels[4]);
    agent_ctrd_image_fini(&image);

    assert_rc(agent_ctrd_image_list(host.ctrd, NULL, &list, &len, &err), 0, &err);
    assert_int_equal(len, 1);
    assert_string_equal(list[0].name, "r.io/cam:1");
    agent_ctrd_images_free(list, len);
    assert_rc(agent_ctrd_image_delete(host.ctrd, NULL, "r.io/cam:1", false, &err), 0, &err);
    assert_rc(agent_ctrd_image_delete(host.ctrd, NULL, "r.io/cam:1", false, &err), 0, &err);
    free(one.data);
    free(two.data);
}

/* A tar archive of one empty file, by hand: header, then the end mark. */
static struct blob make_layer(const char *name)
{
    struct blob blob = make_blob(1536, 0);
    unsigned sum = 0;
    char hex[EDGE_SHA256_HEX];

    memset(blob.data, 0, blob.len);
    snprintf((char *) blob.data, 100, "%s", name);
    snprintf((char *) blob.data + 100, 8, "%07o", 0644u);
    snprintf((char *) blob.data + 108, 8, "%07o", 0u);
    snprintf((char *) blob.data + 116, 8, "%07o", 0u);
    snprintf((char *) blob.data + 124, 12, "%011o", 0u);
    snprintf((char *) blob.data + 136, 12, "%011o", 0u);
    memset(blob.data + 148, ' ', 8);
    blob.data[156] = '0';
    memcpy(blob.data + 257, "ustar\00000", 8);
    for (size_t i = 0; i < 512; i++)
        sum += blob.data[i];
    snprintf((char *) blob.data + 148, 8, "%06o", sum);
    edge_sha256_of(blob.data, blob.len, hex);
    snprintf(blob.digest, sizeof blob.digest, "sha256:%s", hex);
    return blob;
}

static void test_a_layer_is_unpacked_into_a_snapshot(void **state)
{
    struct blob layer = make_layer("hello");
    struct agent_ctrd_descriptor descriptor = describe(&layer);
    struct agent_ctrd_mounts mounts = {0};
    struct edge_err err = {0};
    char *diff_id = NULL;
    char path[512];
    (void) state;

    descriptor.media_type = "application/vnd.oci.image.layer.v1.tar";
    upload("ref-layer", &layer);
    assert_rc(agent_ctrd_snapshot_stat(host.ctrd, NULL, host.snapshotter, "extract", &err), -ENOENT,
              &err);
    assert_rc(agent_ctrd_snapshot_prepare(host.ctrd, &leased, host.snapshotter, "extract", "", NULL,
                                          0, &mounts, &err),
              0, &err);
    assert_rc(agent_ctrd_snapshot_stat(host.ctrd, NULL, host.snapshotter, "extract", &err), 0,
              &err);
    assert_rc(agent_ctrd_diff_apply(host.ctrd, NULL, &descriptor, &mounts, &diff_id, &err), 0,
              &err);
    assert_string_equal(diff_id, layer.digest); /* not compressed: the same */
    free(diff_id);
    snprintf(path, sizeof path, "%s/hello", mounts.items[0].source);
    assert_int_equal(access(path, F_OK), 0);
    agent_ctrd_mounts_fini(&mounts);
    free(layer.data);
}

static void test_snapshots_have_unique_names_and_go_when_told(void **state)
{
    struct agent_ctrd_mounts mounts = {0};
    struct edge_err err = {0};
    (void) state;

    assert_rc(agent_ctrd_snapshot_prepare(host.ctrd, &leased, host.snapshotter, "work", "", NULL, 0,
                                          &mounts, &err),
              0, &err);
    agent_ctrd_mounts_fini(&mounts);
    assert_rc(agent_ctrd_snapshot_prepare(host.ctrd, &leased, host.snapshotter, "work", "", NULL, 0,
                                          &mounts, &err),
              -EEXIST, &err);
    assert_rc(agent_ctrd_snapshot_commit(host.ctrd, &leased, host.snapshotter, "work", "layer",
                                         NULL, 0, &err),
              0, &err);
    assert_rc(agent_ctrd_snapshot_prepare(host.ctrd, &leased, host.snapshotter, "work", "layer",
                                          NULL, 0, &mounts, &err),
              0, &err);
    agent_ctrd_mounts_fini(&mounts);
    assert_rc(agent_ctrd_snapshot_commit(host.ctrd, &leased, host.snapshotter, "work", "layer",
                                         NULL, 0, &err),
              -EEXIST, &err);
    assert_rc(agent_ctrd_snapshot_mounts(host.ctrd, NULL, host.snapshotter, "work", &mounts, &err),
              0, &err);
    assert_true(mounts.len > 0);
    agent_ctrd_mounts_fini(&mounts);
    assert_rc(agent_ctrd_snapshot_remove(host.ctrd, NULL, host.snapshotter, "work", &err), 0, &err);
    assert_rc(agent_ctrd_snapshot_remove(host.ctrd, NULL, host.snapshotter, "layer", &err), 0,
              &err);
    assert_rc(agent_ctrd_snapshot_remove(host.ctrd, NULL, host.snapshotter, "layer", &err), 0,
              &err);
    assert_rc(agent_ctrd_snapshot_mounts(host.ctrd, NULL, host.snapshotter, "work", &mounts, &err),
              -ENOENT, &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_and_namespace),
        cmocka_unit_test(test_leases_are_found_by_label_and_deleted),
        cmocka_unit_test(test_an_upload_goes_on_where_it_broke_off),
        cmocka_unit_test(test_reading_stops_at_the_ceiling),
        cmocka_unit_test(test_an_absent_blob_is_not_found),
        cmocka_unit_test(test_a_wrong_digest_leaves_nothing_behind),
        cmocka_unit_test(test_a_short_upload_is_a_digest_error),
        cmocka_unit_test(test_an_upload_can_start_over),
        cmocka_unit_test(test_a_ref_has_one_writer),
        cmocka_unit_test(test_a_lease_keeps_what_was_uploaded_under_it),
        cmocka_unit_test(test_blob_labels_are_set_and_removed),
        cmocka_unit_test(test_an_image_record_is_made_moved_listed_and_deleted),
        cmocka_unit_test(test_a_layer_is_unpacked_into_a_snapshot),
        cmocka_unit_test(test_snapshots_have_unique_names_and_go_when_told),
    };

    return cmocka_run_group_tests(tests, up, host_down);
}
