/* What was delivered and comes again: released, or unsettled for too long. */
#include "common/base/clock.h"
#include "hub/core/inputs.h"

enum { AGAIN_MS = 100, AGAIN_MAX_MS = 10 * 1000 };

void hub_inputs_due(struct hub_inputs *inputs, int64_t at_ms, int64_t now_ms)
{
    uint64_t left = at_ms > now_ms ? (uint64_t) (at_ms - now_ms) : 0;

    if (!edge_timer_armed(inputs->timer) || edge_timer_left(inputs->timer) > left)
        edge_timer_arm(inputs->timer, left);
}

/* MQTT sends again on a new connection alone; a client of AMQP may have forgotten the message. */
int64_t hub_inputs_patience_ms(const struct hub_inputs *inputs)
{
    const struct hub_session *session = inputs->session;

    if (!session || session->protocol == HUB_MQTT || session->protocol == HUB_MQTT_WS)
        return 0;
    return (int64_t) inputs->client->core->options.settings.ack_timeout_s * 1000;
}

/* The last of what was under way has been settled. */
void hub_input_settled(struct hub_input *input)
{
    int64_t now;

    if (input->state != HUB_INPUT_WAITING || input->under_way > 0)
        return;
    now = edge_now_ms();
    input->state = HUB_INPUT_PAUSING;
    input->again_ms = now + (int64_t) input->pause_ms;
    hub_inputs_due(input->inputs, input->again_ms, now);
}

void hub_input_release(struct hub_input *input, unsigned taken)
{
    uint64_t pause = (uint64_t) AGAIN_MS << (taken < 10 ? taken : 10);

    if (pause > AGAIN_MAX_MS)
        pause = AGAIN_MAX_MS;
    if (input->state == HUB_INPUT_TAKING)
        input->pause_ms = 0;
    input->state = HUB_INPUT_WAITING;
    if (pause > input->pause_ms)
        input->pause_ms = pause;
}

static void check_unsettled(struct hub_inputs *inputs, int64_t now)
{
    int64_t patience = hub_inputs_patience_ms(inputs);

    for (unsigned i = 0; patience > 0 && i < inputs->flights.size; i++) {
        struct hub_flight *flight = &inputs->flights.slots[i];
        struct hub_input *input = flight->of;

        if (flight->lock == 0)
            continue;
        if (flight->since_ms + patience > now) {
            hub_inputs_due(inputs, flight->since_ms + patience, now);
            continue;
        }
        input->under_way--;
        hub_input_release(input, 0);
        hub_flights_remove(&inputs->flights, flight);
        hub_input_settled(input);
    }
}

void hub_inputs_on_timer(void *arg)
{
    struct hub_inputs *inputs = arg;
    int64_t now = edge_now_ms();

    for (size_t i = 0; i < inputs->n; i++) {
        struct hub_input *input = inputs->list[i];

        if (input->state != HUB_INPUT_PAUSING)
            continue;
        if (input->again_ms > now) {
            hub_inputs_due(inputs, input->again_ms, now);
            continue;
        }
        hub_queue_rewind(input->queue);
        input->state = HUB_INPUT_TAKING;
        input->said = 0;
    }
    check_unsettled(inputs, now);
    hub_later(inputs->client->core, &inputs->task);
}
