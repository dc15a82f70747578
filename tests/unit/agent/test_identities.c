/* Identities of modules, against a cloud that does what the test says. */
#include "deployment.h"

#include <stdatomic.h>
#include <stdio.h>

#include "agent/supervisor/identity.h"
#include "common/base/file.h"

enum { PATIENCE_MS = 20000 };

static struct world {
    struct agent_supervisor sup;
    struct agent_runtime rt;
    struct agent_identity_ops ops;
    struct edge_timer *patience;
    bool (*until)(void);
    char folder[40];
    /* what the cloud does: workers read it while the loop thread waits */
    atomic_int refuse;     /* code to return, 0: none */
    atomic_int generation; /* of new answers */
    atomic_int listed;     /* generation that the list tells, 0: not listed */
    atomic_int obtained;
    atomic_int released;
    char cgroup[80];
} w;

static int grant_of(const char *module, int generation, struct agent_grant *ret)
{
    char text[20];

    (void) snprintf(text, sizeof text, "%d", generation);
    *ret = (struct agent_grant){edge_strdup("h"), edge_strdup("d"), edge_strdup(module),
                                edge_strdup(text), edge_strdup("/run/w")};
    return 0;
}

static int obtain(const char *module, const char *cgroup, struct agent_grant *ret, void *arg,
                  struct edge_err *err)
{
    int refuse = atomic_load(&w.refuse);

    assert_ptr_equal(arg, &w);
    atomic_fetch_add(&w.obtained, 1);
    (void) snprintf(w.cgroup, sizeof w.cgroup, "%s", cgroup);
    if (refuse)
        return edge_fail(err, refuse, "the cloud says no");
    return grant_of(module, atomic_load(&w.generation), ret);
}

static int release(const char *module, void *arg, struct edge_err *err)
{
    int refuse = atomic_load(&w.refuse);

    (void) module;
    (void) arg;
    atomic_fetch_add(&w.released, 1);
    return refuse ? edge_fail(err, refuse, "the cloud says no") : 0;
}

static int list(struct agent_grant **ret, size_t *ret_len, void *arg, struct edge_err *err)
{
    int generation = atomic_load(&w.listed);

    (void) arg;
    (void) err;
    *ret = calloc(1, sizeof **ret);
    *ret_len = *ret && generation ? 1 : 0;
    return *ret_len ? grant_of("cam", generation, *ret) : 0;
}

static void on_kick(void *arg)
{
    (void) arg;
    if (w.sup.desired)
        sup_identities_follow(&w.sup);
    if (w.until && w.until())
        edge_loop_stop(w.sup.cfg.loop);
}

static void on_impatience(void *arg)
{
    (void) arg;
    edge_loop_stop(w.sup.cfg.loop);
}

static void run_until(bool (*until)(void))
{
    w.until = until;
    edge_timer_arm(w.patience, PATIENCE_MS);
    edge_timer_arm(w.sup.kick, 0);
    edge_loop_run(w.sup.cfg.loop);
    edge_timer_disarm(w.patience);
    w.until = NULL;
    assert_true(until());
}

static void want(const char *document)
{
    agent_desired_free(w.sup.desired);
    w.sup.desired = deployment_must(document);
    assert_true(sup_need_wanted(&w.sup));
    sup_identities_retry(&w.sup);
}

static void open_supervisor(void)
{
    EDGE_CLEANUP(edge_free) char *db = edge_format("%s/agent.db", w.folder);
    struct edge_err err = {0};

    w.rt = (struct agent_runtime){.cgroup = "/edge"};
    w.ops = (struct agent_identity_ops){obtain, release, list, &w};
    w.sup = (struct agent_supervisor){.cfg = {.rt = &w.rt, .identities = &w.ops}};
    assert_int_equal(edge_loop_create(&w.sup.cfg.loop), 0);
    assert_int_equal(agent_state_open(db, &w.sup.cfg.state, &err), 0);
    w.sup.kick = edge_timer_create(w.sup.cfg.loop, on_kick, NULL);
    w.patience = edge_timer_create(w.sup.cfg.loop, on_impatience, NULL);
    assert_int_equal(sup_identities_open(&w.sup), 0);
}

static void close_supervisor(void)
{
    w.sup.ending = true;
    w.sup.identity_pool = edge_pool_destroy(w.sup.identity_pool);
    while (w.sup.modules)
        sup_module_drop(w.sup.modules);
    sup_identities_free(&w.sup);
    edge_timer_destroy(w.sup.kick);
    edge_timer_destroy(w.patience);
    edge_loop_destroy(w.sup.cfg.loop);
    agent_state_close(w.sup.cfg.state);
    w.sup.desired = agent_desired_free(w.sup.desired);
}

static int set_up(void **state)
{
    (void) state;
    w = (struct world){.folder = "/tmp/test-identities-XXXXXX", .generation = 1};
    if (!mkdtemp(w.folder))
        return -1;
    open_supervisor();
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    close_supervisor();
    return edge_remove_tree(w.folder, NULL);
}

#define ONE DOC(MODULE("cam", ""))

static struct sup_module *cam(void)
{
    return sup_module_find(&w.sup, "cam");
}

static bool is_ready(void)
{
    return cam() && sup_identity_ready(cam());
}

static bool has_failed(void)
{
    return cam() && sup_identity_missing(cam()) && !sup_identity_find(cam())->busy;
}

static void test_a_module_may_be_made_once_it_has_an_identity(void **state)
{
    (void) state;

    want(ONE);
    assert_false(is_ready());
    assert_false(sup_identity_asked(cam()));
    run_until(is_ready);
    assert_int_equal(w.obtained, 1);
    assert_string_equal(w.cgroup, "/edge/cam");
    assert_string_equal(sup_identity_find(cam())->grant.generation, "1");
    assert_true(sup_identity_asked(cam()));
}

static void test_a_refusal_is_told_and_tried_again(void **state)
{
    (void) state;

    w.refuse = EDGE_EUNAVAILABLE;
    want(ONE);
    run_until(has_failed);
    assert_string_equal(sup_identity_missing(cam())->error, "the cloud says no");
    assert_true(edge_timer_armed(sup_identity_find(cam())->timer));
    assert_true(cam()->tried);              /* those behind it need not wait */
    assert_true(sup_identity_asked(cam())); /* what has a container may start */
    assert_false(is_ready());

    w.refuse = 0;
    sup_identities_retry(&w.sup);
    run_until(is_ready);
    assert_null(sup_identity_missing(cam()));
}

static bool is_another(void)
{
    return strcmp(sup_identity_find(cam())->grant.generation, "2") == 0;
}

/* As after a create. */
static void make_container(void)
{
    struct agent_module_spec *spec = agent_module_spec_copy(sup_wanted(cam()));

    assert_non_null(spec);
    sup_set_applied(cam(), spec);
    free(cam()->identity);
    cam()->identity = agent_grant_text(&sup_identity_find(cam())->grant);
}

static void test_an_identity_made_anew_outdates_the_container(void **state)
{
    (void) state;

    want(ONE);
    run_until(is_ready);
    make_container();
    assert_null(sup_identity_outdated(cam()));
    assert_true(sup_is_current(cam(), sup_wanted(cam())));

    w.generation = w.listed = 2;
    agent_supervisor_review_identities(&w.sup);
    run_until(is_another);
    assert_string_equal(sup_identity_outdated(cam()), "its identity in IoT Hub is another one");
    assert_false(sup_is_current(cam(), sup_wanted(cam())));
}

static bool is_reviewed(void)
{
    return !w.sup.reviewing;
}

static void test_an_identity_that_is_the_same_is_not_asked_for_again(void **state)
{
    (void) state;

    want(ONE);
    run_until(is_ready);
    w.listed = 1;
    agent_supervisor_review_identities(&w.sup);
    run_until(is_reviewed);
    assert_false(sup_identity_find(cam())->stale);
    assert_int_equal(w.obtained, 1);
}

static bool was_asked_twice(void)
{
    return w.obtained >= 2 && !sup_identity_find(cam())->busy;
}

static void test_what_is_held_serves_while_the_cloud_is_away(void **state)
{
    (void) state;

    want(ONE);
    run_until(is_ready);
    w.refuse = EDGE_EUNAVAILABLE;
    agent_supervisor_renew_identities(&w.sup);
    run_until(was_asked_twice);
    assert_true(is_ready());
    assert_null(sup_identity_missing(cam()));
}

static void test_another_cgroup_is_told_before_the_container_is_made(void **state)
{
    (void) state;

    want(ONE);
    run_until(is_ready);
    want(DOC("\"cam\":{\"type\":\"docker\",\"status\":\"running\",\"settings\":{\"image\":\"a\","
             "\"createOptions\":{\"HostConfig\":{\"CgroupParent\":\"/mine\"}}}}"));
    assert_false(is_ready());
    run_until(is_ready);
    assert_string_equal(w.cgroup, "/mine/cam");
}

static bool is_given_back(void)
{
    return !w.sup.identities;
}

static void test_it_is_given_back_when_the_module_is_gone_not_before(void **state)
{
    (void) state;

    want(ONE);
    run_until(is_ready);
    want(DOC(""));
    sup_identities_follow(&w.sup); /* its container still stands */
    assert_false(sup_identity_find(cam())->busy);
    sup_module_drop(cam());
    run_until(is_given_back);
    assert_int_equal(w.released, 1);
}

static bool was_refused_release(void)
{
    return w.released > 0 && w.sup.identities && !w.sup.identities->busy;
}

static void test_giving_back_goes_on_in_the_next_life(void **state)
{
    (void) state;

    want(ONE);
    run_until(is_ready);
    want(DOC(""));
    sup_module_drop(cam());
    w.refuse = EDGE_EUNAVAILABLE;
    run_until(was_refused_release);
    close_supervisor();

    w.refuse = 0;
    w.released = 0;
    open_supervisor();
    want(DOC(""));
    run_until(is_given_back);
    assert_int_equal(w.released, 1);
    close_supervisor();

    open_supervisor(); /* and then it is forgotten */
    assert_null(w.sup.identities);
}

static void test_wanted_again_it_is_asked_for_again(void **state)
{
    (void) state;

    want(ONE);
    run_until(is_ready);
    want(DOC(""));
    sup_module_drop(cam());
    w.refuse = EDGE_EUNAVAILABLE;
    run_until(was_refused_release);

    w.refuse = 0;
    w.generation = 2;
    want(ONE);
    assert_false(is_ready());
    run_until(is_ready);
    assert_true(is_another());
}

static void test_without_a_cloud_nothing_is_asked_and_everything_may_go_on(void **state)
{
    (void) state;

    w.sup.cfg.identities = NULL;
    want(ONE);
    sup_identities_follow(&w.sup);
    assert_null(w.sup.identities);
    assert_true(sup_identity_ready(cam()));
    assert_true(sup_identity_asked(cam()));
    assert_null(sup_identity_outdated(cam()));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_module_may_be_made_once_it_has_an_identity),
        TEST(test_a_refusal_is_told_and_tried_again),
        TEST(test_an_identity_made_anew_outdates_the_container),
        TEST(test_an_identity_that_is_the_same_is_not_asked_for_again),
        TEST(test_what_is_held_serves_while_the_cloud_is_away),
        TEST(test_another_cgroup_is_told_before_the_container_is_made),
        TEST(test_it_is_given_back_when_the_module_is_gone_not_before),
        TEST(test_giving_back_goes_on_in_the_next_life),
        TEST(test_wanted_again_it_is_asked_for_again),
        TEST(test_without_a_cloud_nothing_is_asked_and_everything_may_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
