/* tests/bench/load/publisher.h - a device that publishes telemetry and measures each
 * acknowledgement. Loop thread. */
#ifndef TESTS_BENCH_LOAD_PUBLISHER_H
#define TESTS_BENCH_LOAD_PUBLISHER_H

#include "tests/bench/load/load.h"

struct device;
struct publisher;
/** @param name  "device" or "device/module" @return NULL without memory */
struct publisher *publisher_create(struct load *load, const char *name);
void publisher_connect(struct publisher *p);
/** Make one message ready; `load->turn_us` is its time. @return false when the window is full, it
 * is not up, or all have been sent */
bool publisher_send(struct publisher *p);
/** What has been made ready goes, in one write. */
void publisher_flush(struct publisher *p);
/** One of its messages has come to its subscriber. */
void publisher_arrived(struct publisher *p);
bool publisher_idle(const struct publisher *p);
/** Where its messages go. */
const char *publisher_target(const struct publisher *p);
struct device *publisher_device(struct publisher *p);
struct publisher *publisher_destroy(struct publisher *p);

#endif
