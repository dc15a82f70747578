/* Edge hubs that speak for others: what is allowed, and until when. */
#include "tests/unit/emulator/cloud_house.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/iothub/sas.h"

static const uint8_t key[33] = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";

static struct edge_json *parse(const char *text)
{
    struct edge_json *value = NULL;

    assert_int_equal(edge_json_parse(text, strlen(text), &value, NULL), 0);
    return value;
}

static void change(struct house *h, const char *device, const char *text)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = parse(text);
    EDGE_CLEANUP(edge_json_free) struct edge_json *done = NULL;
    struct edge_err err = {0};

    if (cloud_identity_put(h->cloud, device, "", wanted, "*", &done, &err) != 0)
        fail_msg("%s", err.text);
}

/* Make @p device a child of @p edge. */
static void adopt(struct house *h, const char *device, const char *edge)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *parent = NULL;
    EDGE_CLEANUP(edge_free) char *text = NULL;
    struct edge_err err = {0};
    const char *scope;

    assert_int_equal(cloud_identity_get(h->cloud, edge, "", &parent, &err), 0);
    scope = edge_json_str(edge_json_get(parent, "deviceScope"), "");
    text = edge_format("{\"deviceScope\":\"%s\",\"parentScopes\":[\"%s\"]}", scope, scope);
    assert_non_null(text);
    change(h, device, text);
}

/* "top" over "edge" over "leaf"; "edge" has the module "cam"; "other" is an edge beside. */
static int family(void **state)
{
    static const char keyed[] =
        "{\"authentication\":{\"type\":\"sas\",\"symmetricKey\":{"
        "\"primaryKey\":\"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\"}}}";
    static const char *const edges[] = {"top", "edge", "other"};
    struct house *h;

    house_open(state);
    h = *state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(edges); i++) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = parse(keyed);
        EDGE_CLEANUP(edge_json_free) struct edge_json *done = NULL;
        struct edge_err err = {0};

        house_identity(h, edges[i], "", true);
        assert_int_equal(
            cloud_identity_put(h->cloud, edges[i], "$edgeHub", wanted, "*", &done, &err), 0);
    }
    house_identity(h, "edge", "cam", false);
    house_identity(h, "leaf", "", false);
    house_identity(h, "stranger", "", false);
    adopt(h, "leaf", "edge");
    adopt(h, "edge", "top");
    return 0;
}

static void on_grant(const struct hub_grant *grant, void *arg)
{
    *(struct hub_grant *) arg = *grant;
}

static char *token_of(const char *edge)
{
    struct edge_identity who = {.module = "$edgeHub"};
    EDGE_CLEANUP(edge_free) char *resource = NULL;

    snprintf(who.device, sizeof who.device, "%s", edge);
    resource = edge_identity_resource(&who, "hub.test");
    return edge_sas_make(resource, edge_wall_ns() / 1000000000 + 600, (struct edge_bytes){key, 32},
                         NULL);
}

static struct hub_claim claim_of(const char *device, const char *module, const char *token,
                                 const char *chain)
{
    struct hub_claim claim = {.host = "hub.test",
                              .token = token,
                              .protocol = HUB_AMQP,
                              .client = "",
                              .model_id = "",
                              .auth_chain = chain,
                              .address = "192.0.2.1"};

    snprintf(claim.who.device, sizeof claim.who.device, "%s", device);
    snprintf(claim.who.module, sizeof claim.who.module, "%s", module);
    return claim;
}

static enum hub_result ask(struct house *h, const char *device, const char *module,
                           const char *edge, const char *chain)
{
    EDGE_CLEANUP(edge_free) char *token = token_of(edge);
    struct hub_claim claim = claim_of(device, module, token, chain);
    struct hub_grant grant = {.result = HUB_GONE};

    cloud_backend(h->cloud)->ops->authenticate(cloud_backend(h->cloud)->self, &claim, on_grant,
                                               &grant);
    return grant.result;
}

static void test_an_edge_hub_speaks_for_its_modules_and_children(void **state)
{
    struct house *h = *state;

    assert_int_equal(ask(h, "leaf", "", "edge", "leaf;edge"), HUB_OK);
    assert_int_equal(ask(h, "edge", "cam", "edge", "edge/cam;edge"), HUB_OK);
    assert_int_equal(ask(h, "edge", "$edgeHub", "edge", ""), HUB_OK);
    assert_int_equal(ask(h, "edge", "", "top", "edge;top"), HUB_OK);
    assert_int_equal(ask(h, "leaf", "", "top", "leaf;edge;top"), HUB_OK);
}

static void test_an_edge_hub_speaks_for_nobody_else(void **state)
{
    struct house *h = *state;

    assert_int_equal(ask(h, "stranger", "", "edge", "stranger;edge"), HUB_REFUSED);
    assert_int_equal(ask(h, "leaf", "", "other", "leaf;other"), HUB_REFUSED);
    assert_int_equal(ask(h, "leaf", "", "top", "leaf;top"), HUB_REFUSED); /* not its own child */
    assert_int_equal(ask(h, "edge", "cam", "other", "edge/cam;other"), HUB_REFUSED);
    assert_int_equal(ask(h, "stranger", "", "edge", "leaf;edge"), HUB_REFUSED);
    assert_int_equal(ask(h, "leaf", "", "edge", "leaf"), HUB_REFUSED);
    assert_int_equal(ask(h, "leaf", "", "edge", ";edge"), HUB_REFUSED);
    assert_int_equal(ask(h, "leaf", "", "edge", "leaf;stranger"), HUB_REFUSED); /* no edge */
    assert_int_equal(ask(h, "nobody", "", "edge", "nobody;edge"), HUB_NOT_FOUND);
    assert_int_equal(ask(h, "edge", "none", "edge", "edge/none;edge"), HUB_NOT_FOUND);
    assert_int_equal(ask(h, "leaf", "", "edge", "leaf;edge;top"), HUB_REFUSED); /* top's token */
    assert_int_equal(ask(h, "leaf", "", "edge", ""), HUB_REFUSED);
}

static void test_nobody_who_is_disabled_is_part_of_a_chain(void **state)
{
    struct house *h = *state;

    change(h, "leaf", "{\"status\":\"disabled\"}");
    assert_int_equal(ask(h, "leaf", "", "edge", "leaf;edge"), HUB_REFUSED);
    change(h, "leaf", "{\"status\":\"enabled\"}");
    change(h, "edge", "{\"status\":\"disabled\"}");
    assert_int_equal(ask(h, "leaf", "", "edge", "leaf;edge"), HUB_REFUSED);
    assert_int_equal(ask(h, "leaf", "", "top", "leaf;edge;top"), HUB_REFUSED);
}

struct visit {
    struct hub_session *session;
    bool closed;
    enum hub_result why;
};

static void on_closed(enum hub_result why, void *arg)
{
    struct visit *visit = arg;

    visit->closed = true;
    visit->why = why;
}

static void come(struct house *h, struct visit *visit, const char *device, const char *module,
                 const char *chain)
{
    static const struct hub_events events = {.closed = on_closed};
    const struct hub_backend *backend = cloud_backend(h->cloud);
    struct hub_claim claim = claim_of(device, module, "t", chain);
    struct hub_grant grant = {.result = HUB_OK, .until_s = INT64_MAX};
    unsigned features;

    *visit = (struct visit){0};
    assert_int_equal(backend->ops->open(backend->self, &claim, &grant, false, &events, visit,
                                        &features, &visit->session),
                     0);
}

static const char *state_of(struct house *h, const char *device)
{
    static char text[32];
    EDGE_CLEANUP(edge_json_free) struct edge_json *shown = NULL;
    struct edge_err err = {0};

    assert_int_equal(cloud_identity_get(h->cloud, device, "", &shown, &err), 0);
    snprintf(text, sizeof text, "%s", edge_json_str(edge_json_get(shown, "connectionState"), ""));
    return text;
}

static void test_sessions_end_with_the_chain_they_are_by(void **state)
{
    struct house *h = *state;
    struct visit leaf, cam, direct;
    struct edge_err err = {0};

    come(h, &leaf, "leaf", "", "leaf;edge");
    come(h, &cam, "edge", "cam", "edge/cam;edge");
    come(h, &direct, "stranger", "", "");
    assert_string_equal(state_of(h, "leaf"), "Connected");
    adopt(h, "leaf", "other");
    assert_true(leaf.closed);
    assert_int_equal(leaf.why, HUB_REFUSED);
    assert_string_equal(state_of(h, "leaf"), "Disconnected");
    assert_false(cam.closed);
    come(h, &leaf, "leaf", "", "leaf;other");
    assert_int_equal(cloud_identity_delete(h->cloud, "other", "", "*", &err), 0);
    assert_true(leaf.closed);
    change(h, "edge", "{\"status\":\"disabled\"}");
    assert_true(cam.closed);
    assert_int_equal(cam.why, HUB_REFUSED);
    assert_false(direct.closed);
    cloud_backend(h->cloud)->ops->close(direct.session);
}

#define HOUSE(test) cmocka_unit_test_setup_teardown(test, family, house_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE(test_an_edge_hub_speaks_for_its_modules_and_children),
        HOUSE(test_an_edge_hub_speaks_for_nobody_else),
        HOUSE(test_nobody_who_is_disabled_is_part_of_a_chain),
        HOUSE(test_sessions_end_with_the_chain_they_are_by),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
