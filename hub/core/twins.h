/* hub/core/twins.h - what the files of the twins share. Loop thread.
 *
 *   twins.c       clients ask: get, patch, subscribe       twin_sync.c  IoT Hub is asked, by turns
 *   twin_disk.c   documents in memory and on disk          twin_hear.c  desired properties
 *
 * One request to IoT Hub is under way at a time for each twin, so that no answer is read against
 * what another has changed. What is asked before the document is in memory waits for it. */
#ifndef HUB_CORE_TWINS_H
#define HUB_CORE_TWINS_H

#include "hub/core/internal.h"
#include "hub/core/twin_state.h"

enum {
    HUB_TWINS_LOADED = 256,   /* documents in memory; those at work may be more */
    HUB_TWINS_UNDER_WAY = 16, /* requests to IoT Hub */
    HUB_TWINS_WAITING = 64,   /* requests of one client */
    HUB_TWIN_RETRY_S = 5,     /* doubled for each failure in a row, up to */
    HUB_TWIN_RETRY_MAX_S = 300,
};
#define HUB_TWIN_NEVER INT64_MAX

/** Something asked of a twin. */
struct hub_twin_op {
    struct hub_twin_op *next;
    void (*run)(struct hub_twin *twin, struct hub_twin_op *op); /* owns op; the document is there */
    struct hub_session *session;                                /* held; NULL: not of a client */
    hub_twin_done *got;                                         /* of a GET */
    hub_version_done *patched;                                  /* of a PATCH */
    void *arg;
    int64_t asked_ms;
    struct edge_json *patch; /* reported or desired */
};
struct hub_twin_queue {
    struct hub_twin_op *first, *last;
    unsigned count;
};
enum hub_twin_request { HUB_TWIN_IDLE, HUB_TWIN_GETTING, HUB_TWIN_PATCHING };

struct hub_twin {
    struct hub_client *client;
    struct hub_task recent; /* in hub_twins.recent while `state` is there */
    struct hub_task due;    /* in hub_twins.due while it may have something to ask of IoT Hub */
    struct hub_twin_state *state; /* NULL: on disk, or nowhere */
    bool loading;
    bool unsaved; /* memory is ahead of the disk */
    enum hub_twin_request request;
    int64_t request_ms;           /* since when */
    struct hub_twin_queue ops;    /* wait for the document */
    struct hub_twin_queue asking; /* GETs that wait for IoT Hub */
    int64_t got_ms, pushed_ms;    /* when that was last begun; 0: never */
    int64_t get_at, push_at;      /* HUB_TWIN_NEVER: not needed */
    bool owed;         /* GETTING: not for who asks alone; `get_at` is what has been wanted since */
    unsigned failures; /* in a row */
    int64_t again_ms;  /* while there are: nothing is tried earlier */
};

struct hub_twins {
    struct hub_core *core;
    struct hub_task recent; /* rings; these are no tasks */
    struct hub_task due;
    unsigned loaded, under_way;
    struct edge_timer *timer;
};

/** For an answer to come: the core may have gone by then. */
struct hub_twin_wait {
    struct hub_life *life;
    struct hub_twin *twin;
};
/** NULL without memory. */
struct hub_twin_wait *hub_twin_wait(struct hub_twin *twin);
/** The end of the wait. @return the twin, or NULL when the core has gone */
struct hub_twin *hub_twin_waited(struct hub_twin_wait *wait);

/* twins.c */

/** Find or make. NULL without memory. */
struct hub_twin *hub_twin_need(struct hub_client *client);
/** Have @p op run when the document is in memory, perhaps at once. */
void hub_twin_run(struct hub_twin *twin, struct hub_twin_op *op);
/** Everything that waited for the document; @p result other than HUB_OK: there is none. */
void hub_twin_loaded(struct hub_twin *twin, enum hub_result result);
/** Let go of what nobody needs any more; the client may be gone afterwards. */
void hub_twin_tidy(struct hub_twin *twin);
struct hub_twin_op *hub_twin_queue_take(struct hub_twin_queue *queue);
/** Answer a GET from what is known, or a PATCH with a failure. Frees it. */
void hub_twin_answer(struct hub_twin *twin, struct hub_twin_op *op, enum hub_result failure,
                     const char *why);

/* twin_disk.c */

/** Begin to read it. @return 0 or -ENOMEM */
EDGE_MUST_CHECK int hub_twin_load(struct hub_twin *twin);
/** Write it; @p done may be NULL. @return 0 or negative: nothing will be written */
int hub_twin_save(struct hub_twin *twin, hub_stored_done *done, void *arg);
/** It was used. */
void hub_twin_touch(struct hub_twin *twin);
void hub_twin_unload(struct hub_twin *twin);

/* twin_sync.c */

/** There is something to ask of IoT Hub at these times, or earlier ones that were set; after a
 * failure not before its pause is over. */
void hub_twin_get_at(struct hub_twin *twin, int64_t at_ms);
void hub_twin_push_at(struct hub_twin *twin, int64_t at_ms);
/** Its document could not be read: what is to be asked waits, longer each time. */
void hub_twin_put_off(struct hub_twin *twin);
/** Do what is due. */
void hub_twin_turn(struct hub_twin *twin);
void hub_twins_look(void *twins);

/* twin_hear.c */

/** Tell the client what it has yet to hear of its desired properties. */
void hub_twin_tell(struct hub_twin *twin);
#endif
