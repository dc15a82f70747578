/* Queues of inputs find their modules; routes come and go. */
#include "hub/core/inputs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "hub/core/wanted.h"

static struct hub_inputs *need(struct hub_client *client)
{
    struct hub_inputs *inputs = client->inputs;

    if (inputs)
        return inputs;
    inputs = calloc(1, sizeof *inputs);
    if (!inputs)
        return NULL;
    inputs->client = client;
    inputs->session = client->session;
    inputs->task.run = hub_inputs_deliver;
    inputs->timer = edge_timer_create(client->core->options.loop, hub_inputs_on_timer, inputs);
    if (!inputs->timer) {
        free(inputs);
        return NULL;
    }
    client->inputs = inputs;
    return inputs;
}

static void on_ready(struct hub_queue *queue, void *arg)
{
    struct hub_input *input = arg;

    (void) queue;
    input->said = 0;
    if (hub_client_listens(input->inputs->client, EDGE_FEATURE_INPUTS))
        hub_later(input->inputs->client->core, &input->inputs->task);
}

/* All priorities of an input are led to, or none. */
static struct hub_input *find(struct hub_inputs *inputs, const struct hub_queue *queue,
                              const char *name, bool routed)
{
    struct hub_input *found = NULL;

    for (size_t i = 0; i < inputs->n; i++) {
        struct hub_input *input = inputs->list[i];

        if (strcmp(input->name, name) != 0)
            continue;
        input->routed = input->routed || routed;
        if (input->queue == queue)
            found = input;
    }
    return found;
}

static int append(struct hub_inputs *inputs, struct hub_input *input)
{
    struct hub_input **list = realloc(inputs->list, (inputs->n + 1) * sizeof(struct hub_input *));

    if (!list)
        return -ENOMEM;
    inputs->list = list;
    list[inputs->n++] = input;
    return 0;
}

static int make(struct hub_inputs *inputs, struct hub_queue *queue, const char *name,
                uint32_t priority, bool routed)
{
    struct hub_input *input = calloc(1, sizeof *input);

    if (!input)
        return -ENOMEM;
    *input = (struct hub_input){
        .inputs = inputs,
        .queue = queue,
        .name = strdup(name),
        .priority = priority,
        .routed = routed,
        .wanted = hub_wanted_has(inputs->client, name),
        .window = HUB_INPUT_FIRST_WINDOW,
    };
    (void) snprintf(input->label, sizeof input->label, "%u", priority);
    if (!input->name || append(inputs, input) < 0) {
        free(input->name);
        free(input);
        return -ENOMEM;
    }
    hub_queue_consume(queue, on_ready, input);
    return 0;
}

void hub_inputs_add(struct hub_core *core, struct hub_queue *queue, const struct edge_identity *who,
                    const char *input, uint32_t priority, bool routed)
{
    struct hub_client *client = hub_client_need(core, who);
    struct hub_inputs *inputs = client ? need(client) : NULL;

    if (inputs && find(inputs, queue, input, routed))
        return;
    if (!inputs || make(inputs, queue, input, priority, routed) < 0)
        edge_error("input is not served, out of memory: queue=%s", hub_queue_name(queue));
    else
        hub_later(core, &inputs->task);
}

static void free_input(struct hub_input *input)
{
    hub_queue_consume(input->queue, NULL, NULL);
    free(input->name);
    free(input);
}

void hub_inputs_free(struct hub_client *client)
{
    struct hub_inputs *inputs = client->inputs;

    if (!inputs)
        return;
    for (size_t i = 0; i < inputs->n; i++)
        free_input(inputs->list[i]);
    hub_never(&inputs->task);
    (void) edge_timer_destroy(inputs->timer);
    hub_flights_fini(&inputs->flights);
    free(inputs->list);
    free(inputs);
    client->inputs = NULL;
}

void hub_inputs_unroute(struct hub_core *core)
{
    for (struct hub_client *client = core->first; client; client = client->next)
        for (size_t i = 0; client->inputs && i < client->inputs->n; i++)
            client->inputs->list[i]->routed = false;
}

/* Locks of it are void: what they stand for is gone. */
static void void_locks(struct hub_inputs *inputs, const struct hub_input *input)
{
    for (unsigned i = 0; i < inputs->flights.size; i++) {
        struct hub_flight *flight = &inputs->flights.slots[i];

        if (flight->lock != 0 && flight->of == input)
            hub_flights_remove(&inputs->flights, flight);
    }
}

static void prune(struct hub_client *client)
{
    struct hub_inputs *inputs = client->inputs;
    size_t kept = 0;

    for (size_t i = 0; i < inputs->n; i++) {
        struct hub_input *input = inputs->list[i];

        if (input->routed || (client->features & EDGE_FEATURE_INPUTS)) {
            inputs->list[kept++] = input;
            continue;
        }
        if (hub_queue_length(input->queue) > 0)
            edge_warn("no route leads there any more, its messages are dropped: queue=%s "
                      "messages=%llu",
                      hub_queue_name(input->queue),
                      (unsigned long long) hub_queue_length(input->queue));
        void_locks(inputs, input);
        hub_queue_clear(input->queue, HUB_DROP_ROUTE);
        free_input(input);
    }
    inputs->n = kept;
    inputs->last = 0;
}

void hub_inputs_prune(struct hub_core *core)
{
    struct hub_client *next;

    for (struct hub_client *client = core->first; client; client = next) {
        next = client->next;
        if (!client->inputs)
            continue;
        prune(client);
        if (client->inputs->n > 0)
            continue;
        hub_inputs_free(client);
        (void) hub_client_tidy(client);
    }
}

void hub_inputs_each(const struct hub_client *client,
                     void (*fn)(const struct hub_queue *queue, const char *input, uint32_t priority,
                                void *arg),
                     void *arg)
{
    for (size_t i = 0; client->inputs && i < client->inputs->n; i++) {
        const struct hub_input *input = client->inputs->list[i];

        fn(input->queue, input->name, input->priority, arg);
    }
}
