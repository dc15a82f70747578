#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/spec/spec.h"

/* The kernel's last signal and the first real-time one a program sees (C libraries keep two). */
enum { SIGNAL_MAX = 64, RT_MIN = 34 };

static const struct {
    const char *name;
    int number;
} signals[] = {
    {"HUP", SIGHUP},       {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"ILL", SIGILL},
    {"TRAP", SIGTRAP},     {"ABRT", SIGABRT}, {"IOT", SIGABRT},  {"BUS", SIGBUS},
    {"FPE", SIGFPE},       {"KILL", SIGKILL}, {"USR1", SIGUSR1}, {"SEGV", SIGSEGV},
    {"USR2", SIGUSR2},     {"PIPE", SIGPIPE}, {"ALRM", SIGALRM}, {"TERM", SIGTERM},
    {"CHLD", SIGCHLD},     {"CLD", SIGCHLD},  {"CONT", SIGCONT}, {"STOP", SIGSTOP},
    {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU}, {"URG", SIGURG},
    {"XCPU", SIGXCPU},     {"XFSZ", SIGXFSZ}, {"PROF", SIGPROF}, {"VTALRM", SIGVTALRM},
    {"WINCH", SIGWINCH},   {"IO", SIGIO},     {"POLL", SIGIO},   {"PWR", SIGPWR},
    {"SYS", SIGSYS},
#ifdef SIGSTKFLT
    {"STKFLT", SIGSTKFLT},
#endif
};

/* Digits only, up to @p max. */
static int parse_number(const char *text, int max, int *ret)
{
    int number = 0;

    if (!*text)
        return EDGE_EINVALID;
    for (; *text; text++) {
        if (!isdigit((unsigned char) *text))
            return EDGE_EINVALID;
        number = number * 10 + (*text - '0');
        if (number > max)
            return EDGE_EINVALID;
    }
    *ret = number;
    return 0;
}

/* What follows "RTMIN" or "RTMAX": nothing, "+3" or "-3". */
static int parse_real_time(const char *text, int base, char sign, int *ret)
{
    int offset = 0;

    if (*text && (*text != sign || parse_number(text + 1, SIGNAL_MAX - RT_MIN, &offset) < 0))
        return EDGE_EINVALID;
    *ret = sign == '+' ? base + offset : base - offset;
    return 0;
}

int agent_signal_parse(const char *text, int *ret)
{
    int number;

    if (parse_number(text, SIGNAL_MAX, &number) == 0) {
        *ret = number;
        return number > 0 ? 0 : EDGE_EINVALID;
    }
    if (strncasecmp(text, "SIG", 3) == 0)
        text += 3;
    if (strncasecmp(text, "RTMIN", 5) == 0)
        return parse_real_time(text + 5, RT_MIN, '+', ret);
    if (strncasecmp(text, "RTMAX", 5) == 0)
        return parse_real_time(text + 5, SIGNAL_MAX, '-', ret);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(signals); i++) {
        if (strcasecmp(text, signals[i].name) == 0) {
            *ret = signals[i].number;
            return 0;
        }
    }
    return EDGE_EINVALID;
}
