/* tests/bench/load/subscriber.h - a module that gets messages at its inputs, or from a broker's
 * topic, acknowledges them and measures how long they were on their way. Loop thread. */
#ifndef TESTS_BENCH_LOAD_SUBSCRIBER_H
#define TESTS_BENCH_LOAD_SUBSCRIBER_H

#include "tests/bench/load/load.h"

struct subscriber;
/** @param topic  what it subscribes to; NULL: its own inputs @return NULL without memory */
struct subscriber *subscriber_create(struct load *load, const char *name, const char *topic);
void subscriber_connect(struct subscriber *s);
struct subscriber *subscriber_destroy(struct subscriber *s);

#endif
