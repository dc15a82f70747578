/* tests/bench/load/run.h - one run: what was asked for, and what came of it. */
#ifndef TESTS_BENCH_LOAD_RUN_H
#define TESTS_BENCH_LOAD_RUN_H

#include "tests/bench/load/load.h"
#include "tests/bench/load/server.h"

struct run {
    struct load load;
    unsigned devices, subscribers, parallel, rate, seconds;
    const char *prefix, *subscriber_prefix, *ca, *pid;
    bool plain;
    bool broker;    /* subscribers subscribe to their publisher's topic: there are no routes */
    bool hold;      /* publish nothing */
    unsigned drain; /* end when so many have been received */
    double connect_s;
    uint64_t published_us; /* when the first message went */
    uint64_t ended_us;     /* ... no more were sent */
    uint64_t drained_us;   /* ... all had come */
    uint64_t acked_in_time;
    struct server_figures idle, before, after;
    double own_cpu_s; /* of the loader, while it published */
};

/** @return false: the usage has been printed */
bool run_options(int argc, char **argv, struct run *run);
/** Print "name value" lines. @return the exit code */
int run_report(const struct run *run);

#endif
