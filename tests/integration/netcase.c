#include "tests/unit/test.h"

#include "tests/integration/netcase.h"

#include <stdio.h>

const struct agent_network_config case_first = {"azure-iot-edge", "172.30.0.0/16", RUNDIR,
                                                "/usr/lib/cni"};
const struct agent_network_config case_second = {"second", "172.31.0.0/24", OTHER_RUNDIR,
                                                 "/usr/lib/cni"};
const struct agent_network_config case_scripted = {"azure-iot-edge", "172.30.0.0/16", RUNDIR,
                                                   "/run/cni"};
pid_t case_outside;
char case_address[16];

static char *before;

/* Interfaces, rules, and files of ours. */
static char *look_at_machine(void)
{
    return lab_output(LAB_HOST,
                      "ip -o link show | cut -d: -f2 | sort; nft list ruleset; "
                      "find /run -mindepth 1 ! -path " RUNDIR " ! -path " OTHER_RUNDIR " | sort");
}

int case_set_up(void **state)
{
    (void) state;
    case_outside = lab_task();
    lab_run(LAB_HOST, "ip link add wire type veth peer name eth0 netns %d", (int) case_outside);
    lab_run(LAB_HOST, "ip addr add " HOST "/24 dev wire && ip link set wire up");
    lab_run(case_outside, "ip link set lo up && ip addr add " OUTSIDE "/24 dev eth0 && "
                          "ip link set eth0 up && ip route add 172.16.0.0/12 via " HOST);
    lab_run(LAB_HOST, "nft add table inet firewall");
    before = look_at_machine();
    return 0;
}

int case_tear_down(void **state)
{
    (void) state;
    free(before);
    before = NULL;
    lab_kill_all();
    lab_run(LAB_HOST, "nft flush ruleset; rm -rf /run/*; "
                      "for i in $(ip -o link show | cut -d: -f2 | cut -d@ -f1); do "
                      "[ $i = lo ] || ip link del $i 2>/dev/null; done; true");
    return 0;
}

struct agent_network *case_open(const struct agent_network_config *config)
{
    struct agent_network *net = NULL;
    struct edge_err err = {0};

    if (agent_network_open(config, &net, &err) < 0)
        fail_msg("%s", err.text);
    return net;
}

static void prepare(struct agent_network *net, const char *id)
{
    const struct agent_names names = {.id = id, .hostname = id};
    struct edge_err err = {0};

    if (agent_network_prepare(net, &names, &err) < 0)
        fail_msg("%s", err.text);
}

static int attach_task(struct agent_network *net, const char *id,
                       const struct agent_endpoint_port *ports, size_t nports, pid_t task,
                       struct edge_err *err)
{
    const struct agent_endpoint endpoint = {
        .id = id, .module = id, .ports = ports, .nports = nports, .pid = (uint32_t) task};
    char *text = NULL;
    int rc = agent_network_attach(net, &endpoint, NULL, &text, err);

    (void) snprintf(case_address, sizeof case_address, "%s", rc == 0 ? text : "");
    free(text);
    return rc;
}

pid_t case_attach(struct agent_network *net, const char *id,
                  const struct agent_endpoint_port *ports, size_t nports)
{
    struct edge_err err = {0};
    pid_t task = lab_task();

    prepare(net, id);
    if (attach_task(net, id, ports, nports, task, &err) < 0)
        fail_msg("%s", err.text);
    return task;
}

int case_try_attach(struct agent_network *net, const char *id,
                    const struct agent_endpoint_port *ports, size_t nports, struct edge_err *err)
{
    pid_t task = lab_task();
    int rc = attach_task(net, id, ports, nports, task, err);

    if (rc < 0)
        lab_kill(task);
    return rc;
}

void case_detach(struct agent_network *net, const char *id)
{
    struct edge_err err = {0};

    if (agent_network_detach(net, id, &err) < 0)
        fail_msg("%s", err.text);
}

void case_restore(struct agent_network *net, const char *const *live)
{
    struct edge_err err = {0};

    if (agent_network_restore(net, live, &err) < 0)
        fail_msg("%s", err.text);
}

void case_teardown(struct agent_network *net)
{
    struct edge_err err = {0};

    if (agent_network_teardown(net, &err) < 0)
        fail_msg("%s", err.text);
    agent_network_close(net);
}

void case_assert_clean(void)
{
    EDGE_CLEANUP(edge_free) char *now = look_at_machine();

    assert_string_equal(now, before);
}

void case_assert_no_endpoint(void)
{
    EDGE_CLEANUP(edge_free)
    char *left =
        lab_output(LAB_HOST, "ip -o link show type veth | grep master; ls -d " RUNDIR
                             "/network/*.json* " RUNDIR "/network/ipam/*/[0-9]* 2>/dev/null");
    EDGE_CLEANUP(edge_free) char *rules = lab_output(LAB_HOST, "nft list ruleset | grep elements");

    assert_string_equal(left, "");
    assert_string_equal(rules, "");
}

void case_assert_answer(pid_t place, const char *protocol, const char *to, uint16_t port,
                        const char *seen_as)
{
    char answer[LAB_ANSWER];

    if (!lab_ask(place, protocol, to, port, answer))
        fail_msg("no answer from %s:%u/%s", to, port, protocol);
    if (seen_as)
        assert_string_equal(answer, seen_as);
}

void case_make_plugins(const char *body)
{
    FILE *script;

    lab_run(LAB_HOST, "mkdir -p /run/cni && ln -sf /usr/lib/cni/loopback /usr/lib/cni/host-local "
                      "/run/cni/");
    script = fopen("/run/cni/bridge", "w");
    assert_non_null(script);
    fprintf(script, "#!/bin/sh\n%s\n", body);
    fclose(script);
    assert_int_equal(chmod("/run/cni/bridge", 0755), 0);
}

char *case_hosts_of(const char *id)
{
    return lab_output(LAB_HOST, "cat " RUNDIR "/containers/%s/hosts", id);
}

ino_t case_inode_of(const char *id)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format(RUNDIR "/containers/%s/hosts", id);
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_ino;
}
