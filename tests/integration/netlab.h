/* tests/integration/netlab.h - a machine of one's own to test networks on: the test program runs
 * again in new network, mount and process namespaces with an empty /run, where it may make bridges
 * and rules; all of it ends with the program. "Tasks" are processes in network namespaces of their
 * own. A place is a task, or LAB_HOST for the program's own namespace. Needs root. */
#ifndef TESTS_INTEGRATION_NETLAB_H
#define TESTS_INTEGRATION_NETLAB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { LAB_HOST = 0, LAB_ANSWER = 64 };

/** First thing in main: returns inside. */
void lab_enter(char **argv);

/** A process that sleeps in a namespace of its own, as a created task does. */
pid_t lab_task(void);
/** Kill @p pid (a task or a server) and wait for its end. */
void lab_kill(pid_t pid);
/** Kill every task and server there is. */
void lab_kill_all(void);

/** A program at @p place that sends UDP from one port without a pause, and notes each answer. */
struct lab_sender {
    pid_t pid;
    int answers;
};
struct lab_sender lab_send(pid_t place, uint16_t from_port, const char *address, uint16_t port);
/** Does an answer come, apart from those that came before? */
bool lab_sender_hears(struct lab_sender *sender);
void lab_sender_stop(struct lab_sender *sender);

/** Start a server at @p place that answers each client with the address it sees it under. It is
 * listening when this returns. @param protocol  "tcp" or "udp"; @param address  to bind, "0.0.0.0"
 */
pid_t lab_serve(pid_t place, const char *protocol, const char *address, uint16_t port);
/** From @p place ask a server. @return whether it answered, with its answer */
bool lab_ask(pid_t place, const char *protocol, const char *address, uint16_t port,
             char answer[LAB_ANSWER]);
/** The same where no answer is expected: gives up early. */
bool lab_reaches(pid_t place, const char *protocol, const char *address, uint16_t port);

/** Run a shell command at @p place; the test fails when the command does. */
void lab_run(pid_t place, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** Standard output of a shell command, which the caller frees. */
char *lab_output(pid_t place, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
