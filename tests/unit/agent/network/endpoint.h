/* tests/unit/agent/network/endpoint.h - records for the tests of the network's pure parts. */
#ifndef TESTS_UNIT_AGENT_NETWORK_ENDPOINT_H
#define TESTS_UNIT_AGENT_NETWORK_ENDPOINT_H

#include "tests/unit/test.h"

#include <stdio.h>

#include "agent/network/record.h"

/** A record of the module @p module in container @p id, with @p address when it is not NULL. */
static inline struct agent_record *make_record(const char *id, const char *module,
                                               const char *address,
                                               const struct agent_endpoint_port *ports,
                                               size_t nports, const char *const *aliases)
{
    const struct agent_endpoint endpoint = {
        .id = id, .module = module, .aliases = aliases, .ports = ports, .nports = nports};
    struct agent_record *record = NULL;
    struct edge_err err = {0};

    if (agent_record_create(&endpoint, &record, &err) < 0)
        fail_msg("%s", err.text);
    (void) snprintf(record->address, sizeof record->address, "%s", address ? address : "");
    return record;
}

/** The same, added to @p set. */
static inline struct agent_record *add_record(struct agent_record_set *set, const char *id,
                                              const char *module, const char *address,
                                              const struct agent_endpoint_port *ports,
                                              size_t nports, const char *const *aliases)
{
    struct agent_record *record = make_record(id, module, address, ports, nports, aliases);

    assert_int_equal(agent_record_set_add(set, record), 0);
    return record;
}

#endif
