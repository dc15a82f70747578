/* tests/integration/sandbox.h - a world of its own for tests that mount and run containers: mount,
 * process and network namespaces that end with the test, and a tmpfs for everything it writes. */
#ifndef TESTS_INTEGRATION_SANDBOX_H
#define TESTS_INTEGRATION_SANDBOX_H

#define SANDBOX "/run/sandbox" /* on the private tmpfs */

/** Fork; @p main runs in the child, inside. @return its status, for main to return; 1 without
 * root's rights */
int sandbox_run(int (*main)(void));

/** Run a shell command; it must succeed. */
void sandbox_sh(const char *command);

/** A small image at SANDBOX/image: busybox, users, folders with content. */
void sandbox_make_image(void);

#endif
