#include "tests/unit/hub/core_house.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/unit/test.h"

enum { PATIENCE_MS = 30 * 1000 };

/* IoT Hub */

static void answer_one(struct house_cloud *cloud)
{
    struct house_send *send = &cloud->sends[cloud->answered++];
    enum hub_result result = cloud->result;

    if (cloud->bad_sender && strcmp(send->who, cloud->bad_sender) == 0)
        result = cloud->bad_result;
    send->accepted = result == HUB_OK;
    cloud->accepted += send->accepted;
    send->done(result, "as told", send->arg);
}

static void answer_all(void *arg)
{
    struct house_cloud *cloud = arg;

    while (!cloud->hold && cloud->answered < cloud->nsends)
        answer_one(cloud);
}

static void cloud_want(void *self, const struct edge_identity *who, const struct hub_wish *wish)
{
    struct house_cloud *cloud = self;

    (void) who;
    cloud->wanted = wish->features;
    cloud->wishes++;
}

static void cloud_send(void *self, const struct edge_identity *who,
                       const struct edge_message *message, hub_done *done, void *arg)
{
    struct house_cloud *cloud = self;
    struct house_send *send = &cloud->sends[cloud->nsends++];
    const char *output = message->sys[EDGE_SYS_OUTPUT];
    char name[2 * EDGE_ID_MAX + 2];

    assert_true(cloud->nsends < HOUSE_SENDS);
    edge_identity_format(who, name, sizeof name);
    *send = (struct house_send){.done = done, .arg = arg};
    (void) snprintf(send->who, HOUSE_TEXT, "%.*s", HOUSE_TEXT - 1, name);
    (void) snprintf(send->body, HOUSE_TEXT, "%.*s", (int) message->len, (char *) message->body);
    (void) snprintf(send->output, HOUSE_TEXT, "%s", output ? output : "");
    edge_timer_arm(cloud->timer, 0);
}

static const struct hub_upstream_ops cloud_ops = {.want = cloud_want, .send = cloud_send};

void house_answer(struct house *house)
{
    bool hold = house->cloud.hold;

    house->cloud.hold = false;
    answer_all(&house->cloud);
    house->cloud.hold = hold;
}

void house_online(struct house *house, bool up)
{
    hub_core_events()->connected(up, "as told", house->core);
}

/* The house */

static void fail_late(void *arg)
{
    (void) arg;
    fail_msg("nothing happened for %d ms", PATIENCE_MS);
}

static void up(struct house *house)
{
    struct hub_core_options options = {.self = &house->self, .settings = house->settings};
    struct hub_store_options store = {
        .dir = house->dir, .max_bytes = house->max_bytes, .files = house->files};

    assert_int_equal(edge_loop_create(&house->loop), 0);
    store.loop = options.loop = house->loop;
    assert_int_equal(hub_store_open(&store, &house->store, NULL), 0);
    options.store = house->store;
    assert_int_equal(hub_core_create(&options, &house->core, NULL), 0);
    house->deadline = edge_timer_create(house->loop, fail_late, NULL);
    house->cloud = (struct house_cloud){.upstream = {&cloud_ops, &house->cloud}};
    house->cloud.timer = edge_timer_create(house->loop, answer_all, &house->cloud);
    hub_core_start(house->core, &house->cloud.upstream);
}

/* What IoT Hub still owes comes when the core has gone. */
static void down(struct house *house)
{
    house->core = hub_core_destroy(house->core);
    house->cloud.result = HUB_UNAVAILABLE;
    house_answer(house);
    house->cloud.timer = edge_timer_destroy(house->cloud.timer);
    house->store = hub_store_close(house->store);
    house->deadline = edge_timer_destroy(house->deadline);
    house->loop = edge_loop_destroy(house->loop);
}

struct house *house_open(void)
{
    struct house *house = calloc(1, sizeof *house);

    assert_non_null(house);
    memset(&house_mocks, 0, sizeof house_mocks);
    (void) strcpy(house->dir, "/tmp/core-house-XXXXXX");
    assert_non_null(mkdtemp(house->dir));
    house->self = (struct hub_self){.hub_name = (char *) "hub", .who = {"edge1", "$edgeHub"}};
    up(house);
    house_online(house, true);
    return house;
}

static void remove_dir(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    char file[400];

    while (dir && (entry = readdir(dir))) {
        (void) snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.')
            (void) unlink(file);
    }
    if (dir)
        closedir(dir);
    (void) rmdir(path);
}

void house_close(struct house *house)
{
    down(house);
    remove_dir(house->dir);
    free(house);
}

void house_restart(struct house *house)
{
    down(house);
    up(house);
}

void house_routes(struct house *house, const char *json, int64_t ttl_s)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *routes = NULL;
    struct edge_routes *set;
    struct edge_err err = {0};

    assert_int_equal(edge_json_parse(json, strlen(json), &routes, &err), 0);
    if (edge_routes_read(routes, "1.1", false, &set, &err) < 0)
        fail_msg("%s", err.text);
    hub_router_set(house->core->router, set, ttl_s);
}

struct watch {
    struct house *house;
    struct edge_timer *timer;
    const unsigned *count;
    unsigned n;
};

static void look(void *arg)
{
    struct watch *watch = arg;

    if (*watch->count >= watch->n)
        edge_loop_stop(watch->house->loop);
    else
        edge_timer_arm(watch->timer, 1);
}

void house_until(struct house *house, const unsigned *count, unsigned n)
{
    struct watch watch = {house, NULL, count, n};

    watch.timer = edge_timer_create(house->loop, look, &watch);
    edge_timer_arm(watch.timer, 0);
    edge_timer_arm(house->deadline, PATIENCE_MS);
    edge_loop_run(house->loop);
    edge_timer_disarm(house->deadline);
    (void) edge_timer_destroy(watch.timer);
}

static void on_document(int rc, struct edge_bytes data, void *arg)
{
    (void) data;
    assert_int_equal(rc, 0);
    ++*(unsigned *) arg;
}

/* Each round trip to the disk comes after what was asked before it, and gives the loop turns. */
void house_settle(struct house *house)
{
    unsigned count = 0;

    for (unsigned i = 1; i <= 5; i++) {
        assert_int_equal(hub_store_get(house->store, "none", "none", on_document, &count), 0);
        house_until(house, &count, i);
    }
}

/* Clients */

static void on_deliver(const struct edge_message *message, uint64_t lock, void *arg)
{
    struct person *person = arg;
    unsigned n = person->ngot++;

    assert_true(n < HOUSE_GOT);
    assert_non_null(message->sys[EDGE_SYS_INPUT]);
    (void) snprintf(person->got[n].input, HOUSE_TEXT, "%s", message->sys[EDGE_SYS_INPUT]);
    (void) snprintf(person->got[n].body, HOUSE_TEXT, "%.*s", (int) message->len,
                    (char *) message->body);
    (void) snprintf(person->got[n].from, HOUSE_TEXT, "%s/%s", message->sys[EDGE_SYS_ORIGIN_DEVICE],
                    message->sys[EDGE_SYS_ORIGIN_MODULE] ? message->sys[EDGE_SYS_ORIGIN_MODULE]
                                                         : "");
    person->got[n].lock = lock;
    person->got[n].count = message->delivery_count;
    if (person->pauses)
        person->house->core->backend.ops->pause(person->session, true);
    if (person->accepts)
        person_settle(person, n, HUB_ACCEPTED);
}

static void on_closed(enum hub_result why, void *arg)
{
    struct person *person = arg;

    person->session = NULL;
    person->closed++;
    person->why = why;
}

static const struct hub_events events = {.deliver = on_deliver, .closed = on_closed};

int person_try(struct house *house, struct person *person, const char *name, bool keep,
               enum hub_protocol protocol, int64_t until_s)
{
    struct hub_claim claim = {.protocol = protocol,
                              .client = "test",
                              .model_id = person->model_id ? person->model_id : ""};
    struct hub_grant grant = {HUB_OK, until_s, ""};

    person->house = house;
    (void) strcpy(claim.who.device, name[0] == '/' ? name + 1 : "edge1");
    (void) strcpy(claim.who.module, name[0] == '/' ? "" : name);
    return house->core->backend.ops->open(house->core, &claim, &grant, keep, &events, person,
                                          &person->features, &person->session);
}

void person_open(struct house *house, struct person *person, const char *name, bool keep,
                 int expected)
{
    assert_int_equal(person_try(house, person, name, keep, HUB_MQTT, INT64_MAX), expected);
}

void person_close(struct person *person)
{
    struct hub_session *session = person->session;

    person->session = NULL;
    person->house->core->backend.ops->close(session);
}

static void on_subscribed(enum hub_result result, const char *why, void *arg)
{
    struct person *person = arg;

    (void) why;
    person->last = result;
    person->subscribed++;
}

void person_subscribe(struct person *person, unsigned on, unsigned off)
{
    unsigned before = person->subscribed;

    person->house->core->backend.ops->subscribe(person->session, on, off, on_subscribed, person);
    house_until(person->house, &person->subscribed, before + 1);
    assert_int_equal(person->last, HUB_OK);
}

int person_want(struct person *person, const char *input, bool on)
{
    return person->house->core->backend.ops->input(person->session, input, on);
}

static void on_sent(enum hub_result result, const char *why, void *arg)
{
    struct person *person = arg;

    (void) why;
    person->last = result;
    if (result == HUB_OK)
        person->sent++;
    else if (result == HUB_GONE)
        person->gone++;
    else
        person->refused++;
}

void person_send_message(struct person *person, const struct edge_message *message)
{
    person->house->core->backend.ops->send(person->session, message, on_sent, person);
}

void person_send(struct person *person, const char *output, const char *body)
{
    struct edge_message message = {0};

    assert_int_equal(edge_message_set_body(&message, body, strlen(body)), 0);
    assert_int_equal(edge_message_set_sys(&message, EDGE_SYS_OUTPUT, output), 0);
    person_send_message(person, &message);
    edge_message_fini(&message);
}

void person_settle(struct person *person, unsigned index, enum hub_outcome outcome)
{
    assert_true(index < person->ngot);
    person->house->core->backend.ops->settle(person->session, person->got[index].lock, outcome);
}

/* The ledger */

struct search {
    const char *route;
    struct hub_ledger ledger;
};

static void on_route(const char *name, const struct hub_ledger *ledger, void *arg)
{
    struct search *search = arg;

    if (strcmp(name, search->route) == 0)
        search->ledger = *ledger;
}

struct hub_ledger house_ledger(struct house *house, const char *route)
{
    struct search search = {.route = route};

    hub_store_each_route(house->store, on_route, &search);
    return search.ledger;
}

static void on_checked(int rc, const char *text, void *arg)
{
    if (rc < 0)
        fail_msg("%s", text);
    ++*(unsigned *) arg;
}

void house_balanced(struct house *house)
{
    unsigned count = 0;

    assert_int_equal(hub_store_check(house->store, on_checked, &count), 0);
    house_until(house, &count, 1);
}
