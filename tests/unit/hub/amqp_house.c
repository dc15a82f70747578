#include "tests/unit/hub/amqp_house.h"

#include "tests/unit/test.h"

struct house house;

void house_open(struct hub_amqp_options limits)
{
    house = (struct house){0};
    limits.backend = &house.fake.backend;
    limits.host = "hub.test";
    fake_backend_init(&house.fake);
    assert_int_equal(edge_loop_create(&house.loop), 0);
    assert_int_equal(hub_amqp_create(house.loop, &limits, &house.amqp), 0);
    house.stream = fake_stream_new();
    hub_amqp_accept(house.amqp, house.stream, false);
    amqp_client_init(&house.client, house.loop, house.stream);
}

int house_close(void **state)
{
    (void) state;
    amqp_client_fini(&house.client);
    hub_amqp_destroy(house.amqp);
    fake_backend_fini(&house.fake);
    fake_turn(house.loop);
    edge_loop_destroy(house.loop);
    fake_stream_free(house.stream);
    return 0;
}

void client_saw(const char *text)
{
    amqp_client_pump(&house.client);
    if (!strstr(house.client.notes.data, text))
        fail_msg("not \"%s\" in: %s", text, house.client.notes.data);
}

void client_did_not_see(const char *text)
{
    amqp_client_pump(&house.client);
    if (strstr(house.client.notes.data, text))
        fail_msg("\"%s\" in: %s", text, house.client.notes.data);
}

void hub_was_asked(const char *text)
{
    amqp_client_pump(&house.client);
    if (!house.fake.notes.data || !strstr(house.fake.notes.data, text))
        fail_msg("not \"%s\" in: %s", text, house.fake.notes.data);
}

void forget(void)
{
    edge_buf_fini(&house.client.notes);
    edge_buf_fini(&house.fake.notes);
    assert_int_equal(edge_buf_puts(&house.client.notes, ""), 0);
    assert_int_equal(edge_buf_puts(&house.fake.notes, ""), 0);
}
