/* Any bytes as the host's resolv.conf, and as words of createOptions that end up in hosts and
 * resolv.conf: whatever goes in, what comes out are lines of known form. */
#include <stdlib.h>
#include <string.h>

#include "agent/network/hosts.h"
#include "agent/network/resolv.h"
#include "agent/network/subnet.h"
#include "tests/fuzz/fuzz.h"

static void check_resolv(const struct agent_resolv *wanted, const char *text, size_t size)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(2 * AGENT_RESOLV_MAX);

    (void) agent_resolv_has_server(text, size);
    if (agent_resolv_text(wanted, text, size, &out) < 0)
        return;
    for (char *line = strtok(out.data, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "nameserver ", 11) == 0
                ? !agent_address_ok(line + 11)
                : strncmp(line, "search ", 7) != 0 && strncmp(line, "options ", 8) != 0)
            abort();
    }
}

static void check_hosts(const char *word)
{
    const char *const extra[] = {word, NULL};
    const struct agent_hosts hosts = {"id", word, extra, "10.0.0.1"};
    const struct agent_record_set set = {0};
    struct agent_extra_host parsed;
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(AGENT_HOSTS_MAX);
    size_t lines = 0;
    size_t expected = 4; /* of localhost and multicast */

    if (agent_hosts_text(&hosts, &set, &out) < 0)
        abort();
    for (const char *at = out.data; (at = strchr(at, '\n')); at++)
        lines++;
    expected += agent_host_ok(word);
    expected += agent_extra_host_parse(word, "10.0.0.1", &parsed, NULL) == 0;
    if (lines != expected)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    EDGE_CLEANUP(edge_free) char *word = edge_format("%.*s", (int) (size & 0xffff), data);
    const char *const list[] = {word, NULL};
    const struct agent_resolv none = {0};
    const struct agent_resolv asked = {list, list, list, false};
    struct agent_subnet subnet;

    if (!word)
        return 0;
    check_resolv(&none, (const char *) data, size);
    check_resolv(&asked, (const char *) data, size);
    check_hosts(word);
    (void) !agent_subnet_parse(word, &subnet, NULL);
    return 0;
}
