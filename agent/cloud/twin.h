/* agent/cloud/twin.h - the module twin of $edgeAgent as a state machine: whole twins and patches
 * in, desired properties and reported patches out. Pure: time comes in with each call, all else
 * leaves by the ops; one thread at a time. Source: agent.md 1.9, 2.3; cloud.md 4.2.
 *
 * One request is under way at a time, so that no answer is read against what another has changed.
 */
#ifndef AGENT_CLOUD_TWIN_H
#define AGENT_CLOUD_TWIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/json/json.h"

struct agent_twin;

enum { AGENT_TWIN_PAYLOAD_MAX = 512 * 1024 }; /* bytes of an answer or a patch; more is refused */

struct agent_twin_ops {
    /** @return 0, or negative: nothing was sent */
    int (*publish)(const char *topic, const char *payload, size_t len, void *arg);
    void (*desired)(const struct edge_json *desired, int64_t version, void *arg);
    /** A whole twin has come: the connection is worth keeping. */
    void (*answered)(void *arg);
    /** This connection is of no use: end it and open another. agent_twin_down follows. */
    void (*reopen)(const char *why, void *arg);
    /** Something for the log. */
    void (*note)(const char *text, void *arg);
};

struct agent_twin_config {
    struct agent_twin_ops ops;
    void *arg;
    uint32_t seed; /* makes request ids differ from those of an earlier process */
    /* Times, 0: as the README says. */
    int64_t refresh_ms;  /* between whole twins */
    int64_t answer_ms;   /* a request is waited for */
    int64_t pull_gap_ms; /* least, between whole twins that reconnecting asks for */
    int64_t push_gap_ms; /* least, between patches */
};

/** @return 0 or -ENOMEM */
EDGE_MUST_CHECK int agent_twin_create(const struct agent_twin_config *config,
                                      struct agent_twin **ret);
struct agent_twin *agent_twin_destroy(struct agent_twin *twin);
EDGE_DEFINE_CLEANUP(struct agent_twin *, agent_twin_destroy)

/** Connected and subscribed. */
void agent_twin_up(struct agent_twin *twin, int64_t now_ms);
void agent_twin_down(struct agent_twin *twin);
/** What the reported section shall be; copied. */
void agent_twin_report(struct agent_twin *twin, const struct edge_json *reported);
/** An answer. @param version  of its topic, 0: none */
void agent_twin_answer(struct agent_twin *twin, int status, struct edge_bytes rid, int64_t version,
                       struct edge_bytes payload, int64_t now_ms);
/** A patch of the desired properties. @param version  of its topic, 0: none */
void agent_twin_patch(struct agent_twin *twin, int64_t version, struct edge_bytes payload,
                      int64_t now_ms);
/** Do what is due. Call after any of the above, and at agent_twin_due. */
void agent_twin_turn(struct agent_twin *twin, int64_t now_ms);
/** When the next turn has something to do; INT64_MAX: not by time alone. */
int64_t agent_twin_due(const struct agent_twin *twin);
/** We are about to end: what is left to report goes out without waiting for its time, unless IoT
 * Hub has asked for a pause. */
void agent_twin_hurry(struct agent_twin *twin);
/** The cloud has been told everything, as far as is known. */
bool agent_twin_settled(const struct agent_twin *twin);

#endif
