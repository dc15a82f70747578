#include "tests/bench/load/server.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/file.h"

static double number_behind(const char *pid, const char *file, const char *label)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("/proc/%s/%s", pid, file);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(1 << 16);
    const char *found;

    if (!path || edge_file_read(path, &text, NULL) < 0)
        return 0;
    found = strstr(text.data, label);
    return found ? strtod(found + strlen(label), NULL) : 0;
}

/* utime and stime are the 12th and 13th number behind the name, which is in brackets. */
static double cpu_of(const char *pid)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("/proc/%s/stat", pid);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(1 << 16);
    char *at = NULL;
    double ticks = 0;

    if (path && edge_file_read(path, &text, NULL) == 0)
        at = strrchr(text.data, ')');
    for (int field = 2; at && field < 16; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
        if (at && field >= 13 && field < 15)
            ticks += strtod(at, NULL);
    }
    return ticks / (double) sysconf(_SC_CLK_TCK);
}

struct server_figures server_figures(const char *pid)
{
    if (!pid)
        return (struct server_figures){0};
    return (struct server_figures){
        .cpu_s = cpu_of(pid),
        .written_bytes = number_behind(pid, "io", "\nwrite_bytes: "),
        .pss_kib = (unsigned long) number_behind(pid, "smaps_rollup", "\nPss:"),
    };
}
