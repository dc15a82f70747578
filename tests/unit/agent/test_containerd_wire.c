#include "tests/unit/test.h"

#include "agent/containerd/wire.h"
#include "common/base/clock.h"
#include "proto/containerd/images.pb-c.h"

static void test_labels_survive_packing_and_unpacking(void **state)
{
    static const struct agent_ctrd_label labels[] = {{"a", "1"}, {"b.c/d", ""}, {"e", "x\ny"}};
    EDGE_CLEANUP(wire_labels_fini) struct wire_labels packed = {0};
    Images__Image image = IMAGES__IMAGE__INIT;
    Images__Image *back;
    uint8_t bytes[200];
    char **copy;
    size_t len;
    (void) state;

    assert_int_equal(
        wire_labels_init(&packed, &images__image__labels_entry__descriptor, labels, 3, NULL), 0);
    image.labels = wire_labels_list(&packed);
    image.n_labels = packed.len;
    len = protobuf_c_message_pack(&image.base, bytes);
    back =
        (Images__Image *) protobuf_c_message_unpack(&images__image__descriptor, NULL, len, bytes);
    assert_non_null(back);
    copy = wire_labels_copy(back->labels, back->n_labels);
    assert_string_equal(wire_labels_find(copy, "a"), "1");
    assert_string_equal(wire_labels_find(copy, "b.c/d"), "");
    assert_string_equal(wire_labels_find(copy, "e"), "x\ny");
    assert_null(wire_labels_find(copy, "1")); /* a value is no key */
    assert_null(copy[6]);
    agent_ctrd_strv_free(copy);
    protobuf_c_message_free_unpacked(&back->base, NULL);
}

static void test_no_labels_are_an_empty_list(void **state)
{
    EDGE_CLEANUP(wire_labels_fini) struct wire_labels packed = {0};
    char **copy = wire_labels_copy(NULL, 0);
    (void) state;

    assert_int_equal(
        wire_labels_init(&packed, &images__image__labels_entry__descriptor, NULL, 0, NULL), 0);
    assert_int_equal(packed.len, 0);
    assert_null(copy[0]);
    agent_ctrd_strv_free(copy);
    assert_null(wire_labels_find(NULL, "a"));
}

static void test_a_mask_names_each_label(void **state)
{
    static const struct agent_ctrd_label labels[] = {{"a.b", "1"}, {"c", ""}};
    EDGE_CLEANUP(wire_mask_fini) struct wire_mask mask = {0};
    (void) state;

    assert_int_equal(wire_mask_init(&mask, "target", labels, 2, NULL), 0);
    assert_int_equal(mask.mask.n_paths, 3);
    assert_string_equal(mask.mask.paths[0], "target");
    assert_string_equal(mask.mask.paths[1], "labels.a.b");
    assert_string_equal(mask.mask.paths[2], "labels.c");
}

static void test_filters_quote_what_they_are_given(void **state)
{
    EDGE_CLEANUP(edge_free) char *label = wire_label_filter("k\"", "v\\,x==y\n");
    EDGE_CLEANUP(edge_free) char *field = wire_field_filter("id", "edge.cam");
    (void) state;

    assert_string_equal(label, "labels.\"k\\\"\"==\"v\\\\,x==y\\x0a\"");
    assert_string_equal(field, "id==\"edge.cam\"");
}

static void test_times_out_of_reach_are_never(void **state)
{
    Google__Timestamp ts = GOOGLE__TIMESTAMP__INIT;
    (void) state;

    assert_int_equal(wire_time(NULL), EDGE_TIME_NEVER);
    ts.seconds = 12;
    ts.nanos = 34;
    assert_int_equal(wire_time(&ts), 12000000034);
    ts.seconds = -62135596800; /* year 1 */
    assert_int_equal(wire_time(&ts), EDGE_TIME_NEVER);
    ts.seconds = INT64_MAX;
    assert_int_equal(wire_time(&ts), EDGE_TIME_NEVER);
    ts.seconds = INT64_MAX / 1000000000 - 1;
    ts.nanos = INT32_MAX;
    assert_int_equal(wire_time(&ts), EDGE_TIME_NEVER);
}

static void test_mounts_keep_their_order_and_options(void **state)
{
    char *options[] = {"ro", "lowerdir=/a:/b", NULL};
    struct agent_ctrd_mount items[] = {{"bind", "/x", NULL}, {"overlay", "overlay", options}};
    struct agent_ctrd_mounts mounts = {items, 2};
    struct agent_ctrd_mounts back = {0};
    EDGE_CLEANUP(wire_mounts_fini) struct wire_mounts packed = {0};
    (void) state;

    assert_int_equal(wire_mounts_init(&packed, &mounts, NULL), 0);
    assert_int_equal(wire_mounts_copy(packed.list, packed.len, &back, NULL), 0);
    assert_int_equal(back.len, 2);
    assert_string_equal(back.items[0].type, "bind");
    assert_null(back.items[0].options[0]);
    assert_string_equal(back.items[1].options[1], "lowerdir=/a:/b");
    assert_null(back.items[1].options[2]);
    agent_ctrd_mounts_fini(&back);
}

static void test_json_must_be_utf8(void **state)
{
    Google__Any any;
    (void) state;

    assert_int_equal(wire_json("t", "{\"a\":\"\xff\"}", "spec", &any, NULL), EDGE_EINVALID);
    assert_int_equal(wire_json("t", "{}", "spec", &any, NULL), 0);
    assert_int_equal(any.value.len, 2);
}

static void test_a_file_for_output_only_is_refused(void **state)
{
    struct agent_ctrd_stdio stdio = {.out = "file:///log", .err = ""};
    (void) state;

    assert_int_equal(wire_stdio_check(&stdio, NULL), EDGE_EINVALID);
    stdio.err = "file:///log";
    assert_int_equal(wire_stdio_check(&stdio, NULL), 0);
    stdio.out = stdio.err = "";
    assert_int_equal(wire_stdio_check(&stdio, NULL), 0);
    assert_int_equal(wire_stdio_check(NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels_survive_packing_and_unpacking),
        cmocka_unit_test(test_no_labels_are_an_empty_list),
        cmocka_unit_test(test_a_mask_names_each_label),
        cmocka_unit_test(test_filters_quote_what_they_are_given),
        cmocka_unit_test(test_times_out_of_reach_are_never),
        cmocka_unit_test(test_mounts_keep_their_order_and_options),
        cmocka_unit_test(test_json_must_be_utf8),
        cmocka_unit_test(test_a_file_for_output_only_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
