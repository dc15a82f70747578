#include <errno.h>
#include <stdlib.h>

#include "common/base/encode.h"
#include "tests/emulator/rest/events.h"

enum { PAGE = 1000 };

static int put_text(struct edge_json *object, const char *name, const char *value)
{
    return value ? edge_json_set_str(object, name, value) : edge_json_set(object, name, NULL);
}

static int show_system(struct edge_json *shown, const struct edge_message *message)
{
    struct edge_json *system = edge_json_need_object(shown, "system");
    int rc = system ? 0 : -ENOMEM;

    for (size_t i = 0; i < EDGE_SYS_MAX && rc == 0; i++) {
        const char *name = edge_sys_name((enum edge_sys) i);

        if (name && message->sys[i])
            rc = edge_json_set_str(system, name, message->sys[i]);
    }
    return rc;
}

static int show_properties(struct edge_json *shown, const struct edge_message *message)
{
    struct edge_json *properties = edge_json_need_object(shown, "properties");
    int rc = properties ? 0 : -ENOMEM;

    for (size_t i = 0; i < message->nproperties && rc == 0; i++)
        rc = put_text(properties, message->properties[i].name, message->properties[i].value);
    return rc;
}

static struct edge_json *show(const struct cloud_event *event)
{
    struct edge_json *shown = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *body = edge_base64(event->message.body, event->message.len);

    if (!shown || !body || edge_json_set_int(shown, "sequence", event->sequence) < 0 ||
        edge_json_set_int(shown, "enqueuedNs", event->enqueued_ns) < 0 ||
        edge_json_set_str(shown, "device", event->who.device) < 0 ||
        edge_json_set_str(shown, "module", event->who.module) < 0 ||
        edge_json_set_str(shown, "auth", event->auth_method) < 0 ||
        show_system(shown, &event->message) < 0 || show_properties(shown, &event->message) < 0 ||
        edge_json_set_str(shown, "body", body) < 0)
        return edge_json_free(shown);
    return shown;
}

static int add(struct edge_json *list, struct cloud *cloud, unsigned partition, int64_t *from)
{
    struct cloud_event event;
    struct edge_json *shown;
    int rc = cloud_event_read(cloud, partition, *from, &event);

    if (rc != 0)
        return rc;
    shown = show(&event);
    *from = event.sequence + 1;
    edge_message_fini(&event.message);
    return shown ? edge_json_append(list, shown) : -ENOMEM;
}

struct edge_json *rest_events_shown(struct cloud *cloud, unsigned partition, int64_t from)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *page = edge_json_new_object();
    struct edge_json *list = page ? edge_json_need_array(page, "events") : NULL;
    int rc = list ? 0 : -ENOMEM;

    for (int i = 0; i < PAGE && rc == 0; i++)
        rc = add(list, cloud, partition, &from);
    if (rc < 0 || edge_json_set_int(page, "partitions", cloud_partitions(cloud)) < 0 ||
        edge_json_set_int(page, "next", from) < 0)
        return NULL;
    return EDGE_TAKE(page);
}
