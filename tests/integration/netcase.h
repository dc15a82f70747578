/* tests/integration/netcase.h - what the tests of the module network share: a machine with a wire
 * to an outside, networks on it, and calls that fail the test when they fail. */
#ifndef TESTS_INTEGRATION_NETCASE_H
#define TESTS_INTEGRATION_NETCASE_H

#include <sys/stat.h>

#include "agent/network/network.h"
#include "common/base/bytes.h"
#include "tests/integration/netlab.h"

#define RUNDIR       "/run/edge"
#define OTHER_RUNDIR "/run/other"
#define HOST         "192.0.2.1" /* the host's address on the wire to the outside */
#define OUTSIDE      "192.0.2.2"
#define GATEWAY      "172.30.0.1"

extern const struct agent_network_config case_first;
extern const struct agent_network_config case_second;   /* of another runtime */
extern const struct agent_network_config case_scripted; /* the first, with case_make_plugins' */

extern pid_t case_outside;    /* another machine, on a wire to this one */
extern char case_address[16]; /* what the last attach gave */

int case_set_up(void **state);
int case_tear_down(void **state);
#define NETWORK_TEST(f) cmocka_unit_test_setup_teardown(f, case_set_up, case_tear_down)

struct agent_network *case_open(const struct agent_network_config *config);
/** Prepare @p id, start a task for it and attach it. */
pid_t case_attach(struct agent_network *net, const char *id,
                  const struct agent_endpoint_port *ports, size_t nports);
/** Start a task and attach it: the outcome is the test's matter. The task ends when it fails. */
int case_try_attach(struct agent_network *net, const char *id,
                    const struct agent_endpoint_port *ports, size_t nports, struct edge_err *err);
void case_detach(struct agent_network *net, const char *id);
void case_restore(struct agent_network *net, const char *const *live);
/** Tear the network down and close it. */
void case_teardown(struct agent_network *net);

/** The machine is as set_up left it: interfaces, rules, files. */
void case_assert_clean(void);
/** No endpoint is left: no interface on the bridge, no reservation, no record. */
void case_assert_no_endpoint(void);
/** @param seen_as  the address under which the server must see the client, or NULL */
void case_assert_answer(pid_t place, const char *protocol, const char *to, uint16_t port,
                        const char *seen_as);

/** Make a folder of plugins in which bridge is the shell script @p body. */
void case_make_plugins(const char *body);

char *case_hosts_of(const char *id);
ino_t case_inode_of(const char *id);

#endif
