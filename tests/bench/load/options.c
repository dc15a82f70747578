#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "tests/bench/load/run.h"

enum { NUMBER_MAX = 100000000 };

static const char usage[] =
    "usage: %s --host NAME --port N --hub NAME [--key BASE64] [--ca FILE | --plain]\n"
    "                 [--prefix TEXT] [--devices N] [--parallel N] [--twins] [--bag TEXT]\n"
    "                 [--subscribe N] [--subscriber-prefix TEXT] [--broker] [--hold] [--again]\n"
    "                 [--keep] [--drain N] [--through]\n"
    "                 [--rate N] [--size N] [--window N] [--seconds N] [--messages N] [--pid N]\n";

static const struct option names[] = {
    {"host", required_argument, NULL, 'h'},     {"port", required_argument, NULL, 'p'},
    {"hub", required_argument, NULL, 'H'},      {"key", required_argument, NULL, 'k'},
    {"ca", required_argument, NULL, 'c'},       {"plain", no_argument, NULL, 'P'},
    {"prefix", required_argument, NULL, 'x'},   {"devices", required_argument, NULL, 'n'},
    {"parallel", required_argument, NULL, 'j'}, {"twins", no_argument, NULL, 't'},
    {"bag", required_argument, NULL, 'b'},      {"subscribe", required_argument, NULL, 'S'},
    {"broker", no_argument, NULL, 'B'},         {"subscriber-prefix", required_argument, NULL, 'X'},
    {"hold", no_argument, NULL, 'I'},           {"drain", required_argument, NULL, 'D'},
    {"through", no_argument, NULL, 'T'},        {"again", no_argument, NULL, 'a'},
    {"keep", no_argument, NULL, 'K'},           {"rate", required_argument, NULL, 'r'},
    {"size", required_argument, NULL, 's'},     {"window", required_argument, NULL, 'w'},
    {"seconds", required_argument, NULL, 'd'},  {"messages", required_argument, NULL, 'm'},
    {"pid", required_argument, NULL, 'i'},      {0},
};

static unsigned number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || value > NUMBER_MAX) {
        fprintf(stderr, "not a number: %s\n", text);
        exit(2);
    }
    return (unsigned) value;
}

static void take_key(struct run *run, const char *text)
{
    static struct edge_buf key = EDGE_BUF_INIT(256);

    if (edge_base64_decode(text, strlen(text), &key) < 0) {
        fprintf(stderr, "the key is not base64\n");
        exit(2);
    }
    run->load.key = (struct edge_bytes){(const uint8_t *) key.data, key.len};
}

static bool take_text(struct run *run, int option, const char *value)
{
    const char **const places[] = {
        ['h'] = &run->load.host, ['H'] = &run->load.hub, ['c'] = &run->ca,
        ['x'] = &run->prefix,    ['i'] = &run->pid,      ['X'] = &run->subscriber_prefix,
        ['b'] = &run->load.bag,
    };

    if (option >= (int) EDGE_ARRAY_LEN(places) || !places[option])
        return false;
    *places[option] = value;
    return true;
}

static bool take_flag(struct run *run, int option)
{
    bool *const places[] = {
        ['P'] = &run->plain,       ['t'] = &run->load.twins, ['B'] = &run->broker,
        ['I'] = &run->hold,        ['K'] = &run->load.keep,  ['a'] = &run->load.again,
        ['T'] = &run->load.through};

    if (option >= (int) EDGE_ARRAY_LEN(places) || !places[option])
        return false;
    *places[option] = true;
    return true;
}

static bool take_number(struct run *run, int option, const char *text)
{
    unsigned *const places[] = {
        ['n'] = &run->devices, ['j'] = &run->parallel,    ['r'] = &run->rate,
        ['d'] = &run->seconds, ['w'] = &run->load.window, ['S'] = &run->subscribers,
        ['D'] = &run->drain};

    if (option == 'p')
        run->load.port = (uint16_t) number(text);
    else if (option == 's')
        run->load.size = number(text);
    else if (option == 'm')
        run->load.messages = number(text);
    else if (option < (int) EDGE_ARRAY_LEN(places) && places[option])
        *places[option] = number(text);
    else
        return false;
    return true;
}

bool run_options(int argc, char **argv, struct run *run)
{
    bool good = true;
    int option;

    while (good && (option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option == 'k')
            take_key(run, optarg);
        else
            good = option != '?' && (take_flag(run, option) || take_text(run, option, optarg) ||
                                     take_number(run, option, optarg));
    }
    good = good && optind == argc && run->load.host && run->load.port && run->load.hub &&
           run->devices > 0 && run->load.window > 0 && run->load.window <= LOAD_WINDOW_MAX &&
           run->subscribers <= run->devices;
    if (!good)
        fprintf(stderr, usage, program_invocation_short_name);
    return good;
}
