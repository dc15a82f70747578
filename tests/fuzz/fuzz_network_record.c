/* Any bytes: a record is refused, or reads back from its own text as the same text; and what it
 * holds makes rules and a hosts file of clean lines. */
#include <stdlib.h>
#include <string.h>

#include "agent/network/hosts.h"
#include "agent/network/nft.h"
#include "agent/network/ports.h"
#include "tests/fuzz/fuzz.h"

static struct agent_record *round_trip(const struct agent_record *record)
{
    EDGE_CLEANUP(edge_free) char *text = agent_record_text(record);
    EDGE_CLEANUP(edge_free) char *again = NULL;
    struct agent_record *back = NULL;

    if (!text || agent_record_parse(text, strlen(text), &back, NULL) < 0)
        abort();
    again = agent_record_text(back);
    if (!again || strcmp(text, again) != 0)
        abort();
    return back;
}

/* Every line of a hosts file begins with an address and a tab. */
static void check_hosts(const struct agent_record_set *set)
{
    const struct agent_hosts hosts = {"", "", NULL, "10.0.0.1"};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(AGENT_HOSTS_MAX);

    if (agent_hosts_text(&hosts, set, &text) < 0)
        return;
    for (char *line = strtok(text.data, "\n"); line; line = strtok(NULL, "\n")) {
        char *tab = strchr(line, '\t');

        if (!tab)
            abort();
        *tab = '\0';
        if (!agent_address_ok(line))
            abort();
    }
}

static void check_rules(const struct agent_record_set *set)
{
    struct agent_subnet subnet;
    const struct agent_nft nft = {"n", "br0", &subnet, 0};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(AGENT_RECORD_TEXT_MAX);

    if (agent_subnet_parse("10.0.0.0/8", &subnet, NULL) < 0 || agent_nft_text(&nft, set, &text) < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    EDGE_CLEANUP(agent_record_free) struct agent_record *record = NULL;
    struct agent_record_set set = {0};
    struct agent_record *back;

    if (agent_record_parse((const char *) data, size, &record, NULL) < 0)
        return 0;
    back = round_trip(record);
    (void) !agent_ports_resolve(&set, record, NULL, NULL);
    if (agent_record_set_add(&set, back) < 0)
        abort();
    check_hosts(&set);
    check_rules(&set);
    agent_record_set_fini(&set);
    return 0;
}
