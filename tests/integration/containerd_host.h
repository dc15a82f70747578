/* tests/integration/containerd_host.h - a private containerd, and containers made of busybox.
 * For programs run by private_host.sh. Every failure here ends the running test. */
#ifndef TESTS_INTEGRATION_CONTAINERD_HOST_H
#define TESTS_INTEGRATION_CONTAINERD_HOST_H

#include "tests/unit/test.h"

#include "agent/containerd/content.h"
#include "agent/containerd/tasks.h"

#define HOST_NS "edgetest"

struct host {
    struct agent_ctrd *ctrd; /* connected to it */
    const char *snapshotter;
    char uri[256];
};
extern struct host host;

/** Group fixtures of cmocka: start containerd and connect; end it. */
int host_up(void **state);
int host_down(void **state);
/** SIGKILL to containerd, and wait for its end; its containers live on. */
void host_kill_containerd(void);
/** Start it (again) and wait until it answers. */
void host_start_containerd(void);

/** Check a code, printing the error's text when it is another. */
#define assert_rc(rc, want, err) host_assert_rc((rc), (want), (err), __FILE__, __LINE__)
void host_assert_rc(int rc, int want, const struct edge_err *err, const char *file, int line);

/** A container record with a fresh snapshot of busybox; @p args is a JSON array. */
void host_container(const char *id, const char *args, const char *runtime_binary);
/** And its task, created and started. @return the pid */
uint32_t host_run(const char *id, const char *args);
/** Kill, wait, delete all that host_run made. */
void host_remove(const char *id);
/** A JSON process object for an exec. The caller frees it. */
char *host_process(const char *args);

#endif
