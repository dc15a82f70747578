/* tests/bench/load/subscriber.h - a module that gets a publisher's messages at its inputs, or from
 * where a broker has them, acknowledges them and measures how long they were on their way. Loop
 * thread. */
#ifndef TESTS_BENCH_LOAD_SUBSCRIBER_H
#define TESTS_BENCH_LOAD_SUBSCRIBER_H

#include "tests/bench/load/publisher.h"

struct subscriber;
/** @param broker  it listens to what its publisher sends to, not to its own inputs
 * @return NULL without memory */
struct subscriber *subscriber_create(struct load *load, const char *name, struct publisher *from,
                                     bool broker);
void subscriber_connect(struct subscriber *s);
struct subscriber *subscriber_destroy(struct subscriber *s);

#endif
