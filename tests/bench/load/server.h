/* tests/bench/load/server.h - what /proc says of the process that is measured. */
#ifndef TESTS_BENCH_LOAD_SERVER_H
#define TESTS_BENCH_LOAD_SERVER_H

struct server_figures {
    double cpu_s;         /* all its threads */
    double written_bytes; /* handed to the disk */
    unsigned long pss_kib;
};

/** @param pid  of the process; NULL: all zero, as is what cannot be known */
struct server_figures server_figures(const char *pid);

#endif
