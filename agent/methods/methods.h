/* agent/methods/methods.h - the direct methods of $edgeAgent: ping, RestartModule, GetModuleLogs,
 * UploadModuleLogs, UploadSupportBundle, GetTaskStatus. Loop thread; what blocks runs on pools.
 *
 * An answer is a status (200; 400: the request is wrong; 429: too much at once; 500: all else) and
 * a JSON value; of an error {"message":"…"}. No SAS URL is logged or answered.
 * Source: agent.md 4 of the behavioural inventory. */
#ifndef AGENT_METHODS_METHODS_H
#define AGENT_METHODS_METHODS_H

#include "common/base/err.h"
#include "common/json/json.h"
#include "common/loop/loop.h"

/** What the methods act on; the agent implements it. All called on the loop thread. */
struct agent_methods_ops {
    /** All modules, an array the caller frees; members as agent_supervisor_list gives. */
    struct edge_json *(*list)(void *arg);
    /** "restart"; accepted means begun. @return 0, -ENOENT, EDGE_ECONFLICT */
    int (*act)(const char *module, const char *verb, void *arg, struct edge_err *err);
    /** Container id whose logs are @p module's; the caller frees it. @return 0 or -ENOENT */
    int (*log_id)(const char *module, char **ret, void *arg, struct edge_err *err);
    /** For a support bundle; the caller frees it. */
    struct edge_json *(*systeminfo)(void *arg);
    void *arg;
};

struct agent_methods_config {
    struct edge_loop *loop;
    struct agent_methods_ops ops;
    const char *log_dir;  /* <homedir>/logs */
    const char *temp_dir; /* for what is made before it is uploaded */
    const char *hub;      /* host name of IoT Hub; part of blob names and of log lines */
    const char *device;
    const char *upstream; /* what "$upstream" in a SAS URL means, or NULL */
    const char *ca_file;  /* trusted for uploads besides the system's, or NULL */
    /** Programs whose output goes into a support bundle; {NULL} at the end, or NULL. */
    const struct agent_methods_program {
        const char *entry;       /* "check.json" */
        const char *const *argv; /* NULL at the end */
    } * programs;
    int retry_ms; /* first pause before an upload is tried again; 0: 5 s */
    /** A method was called, under the name of the table; unknown ones are not told. May be NULL. */
    void (*on_call)(const char *name, void *arg);
    void *arg;
};

enum {
    AGENT_METHODS_CALLS_MAX = 8,   /* answered at once */
    AGENT_METHODS_UPLOADS_MAX = 8, /* waiting and running */
    AGENT_METHODS_ANSWER = 127000, /* bytes of an answer with logs */
    AGENT_METHODS_TIMEOUT_MS = 600000,
};

struct agent_methods;

/** Strings are copied; programs stay the caller's. */
EDGE_MUST_CHECK int agent_methods_create(const struct agent_methods_config *config,
                                         struct agent_methods **ret);
/** Cancels and waits for what runs; open calls are answered with 500. Accepts NULL; returns NULL.
 */
struct agent_methods *agent_methods_destroy(struct agent_methods *methods);

/** @param payload  borrowed; NULL: none
 * @param done  called exactly once, perhaps before this returns; its payload is borrowed */
void agent_methods_call(struct agent_methods *methods, const char *name,
                        const struct edge_json *payload,
                        void (*done)(int status, const struct edge_json *payload, void *arg),
                        void *arg);

#endif
