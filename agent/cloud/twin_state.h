/* agent/cloud/twin_state.h - what the two halves of the twin share: twin_pull.c gets and merges the
 * desired properties, twin_push.c sends the reported ones, twin.c lets them take turns. */
#ifndef AGENT_CLOUD_TWIN_STATE_H
#define AGENT_CLOUD_TWIN_STATE_H

#include "agent/cloud/twin.h"

#define TWIN_NEVER INT64_MAX

enum { TWIN_AGAIN_MS = 2 * 1000 }; /* before what did not work is tried again */

enum twin_request { TWIN_IDLE, TWIN_PULLING, TWIN_PUSHING };

/* How much is reported, from all to next to nothing: IoT Hub's refusals lead down. */
enum twin_level { TWIN_WHOLE, TWIN_HALF, TWIN_QUARTER, TWIN_CLEAR, TWIN_BARE, TWIN_LEVEL_MAX };

struct twin_pull {
    int64_t at;                /* when to ask for the whole twin */
    int64_t last;              /* when that was done last; 0: never */
    unsigned tries;            /* refused or unreadable, in a row */
    int64_t newest;            /* version of the newest patch that could not be merged */
    bool merged;               /* a patch was merged while the twin is on its way */
    struct edge_json *desired; /* without $version and $metadata; NULL before the first twin */
    int64_t version;
};

struct twin_push {
    int64_t at; /* not before */
    unsigned failures;
    enum twin_level level;
    bool dirty;               /* wanted and known may differ */
    struct edge_json *wanted; /* NULL: nothing to say yet */
    struct edge_json *known;  /* what the cloud has; NULL: not known */
    struct edge_json *sent;   /* what it will have once it has taken the patch under way */
    int64_t version;          /* of known; 0: not known */
};

struct agent_twin {
    struct agent_twin_config cfg;
    bool connected;
    enum twin_request request;
    char rid[32];
    int64_t deadline;
    uint32_t requests;
    uint32_t dice; /* state of the jitter */
    struct twin_pull pull;
    struct twin_push push;
};

/* twin.c */
/** Publish a request. @return 0 or negative: nothing was sent */
int twin_send(struct agent_twin *twin, enum twin_request kind, const char *topic,
              const char *payload, int64_t now_ms);
void twin_note(const struct agent_twin *twin, const char *fmt, ...) EDGE_PRINTF(2, 3);
/** @p ms and up to a quarter more. */
int64_t twin_jitter(struct agent_twin *twin, int64_t ms);
/** A section's members but for those that begin with '$'. NULL without memory. */
struct edge_json *twin_members(const struct edge_json *section);

/* twin_pull.c */
void twin_pull_up(struct agent_twin *twin, int64_t now_ms);
void twin_pull_send(struct agent_twin *twin, int64_t now_ms);
void twin_pull_answer(struct agent_twin *twin, int status, struct edge_bytes payload,
                      int64_t now_ms);
/** Ask for the whole twin soon: something was missed. */
void twin_pull_soon(struct agent_twin *twin, int64_t now_ms);

/* twin_push.c */
bool twin_push_ready(const struct agent_twin *twin);
void twin_push_send(struct agent_twin *twin, int64_t now_ms);
void twin_push_answer(struct agent_twin *twin, int status, int64_t version, int64_t now_ms);
/** The reported section as the cloud has it. */
void twin_push_learn(struct agent_twin *twin, const struct edge_json *reported);

#endif
