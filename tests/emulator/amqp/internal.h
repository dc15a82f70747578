/* tests/emulator/amqp/internal.h - the service's nodes among themselves. Loop thread. */
#ifndef TESTS_EMULATOR_AMQP_INTERNAL_H
#define TESTS_EMULATOR_AMQP_INTERNAL_H

#include "tests/emulator/amqp/amqp.h"

struct service_reader;
struct service_answerer;

struct service {
    struct edge_loop *loop;
    struct cloud *cloud;
    char *entity;
    unsigned port;
    struct service_reader *readers;
    struct service_answerer *answerers; /* links that answers of $management go to */
};

/* Each answers the attach of a link of its kind. @return as hub_amqp_nodes.attach */
int service_c2d_attach(struct service *service, struct hub_amqp_link *link);
int service_feedback_attach(struct service *service, struct hub_amqp_link *link, bool uploads);
int service_management_attach(struct service *service, struct hub_amqp_link *link,
                              const struct hub_amqp_attach *attach);
/** "/<entity>/ConsumerGroups/<group>/Partitions/<n>" */
int service_reader_attach(struct service *service, struct hub_amqp_link *link,
                          const struct hub_amqp_attach *attach);

/** Is @p text a name of the Event Hub? */
bool service_is_entity(const struct service *service, const char *text, size_t len);
/** May this connection use @p path of the hub ("/messages/devicebound")? */
bool service_may(const struct service *service, const struct hub_amqp_link *link, const char *path);
/** May it use @p path below an Event Hub's entity? A login for the whole hub is enough. */
bool service_may_read(const struct service *service, const struct hub_amqp_link *link,
                      const char *path);

/** A reader's beginning, from its selector (NULL: the first event there is).
 * @return 0, EDGE_EINVALID (no selector we know), negative */
EDGE_MUST_CHECK int service_selector(struct cloud *cloud, unsigned partition, const char *selector,
                                     int64_t *ret_sequence);

#endif
