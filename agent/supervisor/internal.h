/* agent/supervisor/internal.h - what the room's files share. Loop thread, but for struct sup_job
 * while a stage of it runs. */
#ifndef AGENT_SUPERVISOR_INTERNAL_H
#define AGENT_SUPERVISOR_INTERNAL_H

#include <pthread.h>

#include "agent/module/life.h"
#include "agent/supervisor/supervisor.h"
#include "common/loop/pool.h"

struct sup_health;
struct sup_identity;

struct sup_module {
    struct agent_module life;
    struct agent_supervisor *sup;
    char *name;
    char id[AGENT_ID_SIZE];
    struct agent_module_spec
        *applied;      /* what its container is made from; NULL: none or unreadable */
    char *image_ready; /* reference whose image a pull has just made present, or NULL */
    char *image_hash;  /* digest of the running image, or NULL */
    char *identity;    /* agent_grant_text of what its container was given, or NULL */
    char *address;     /* on the module network, or NULL */
    struct edge_timer *timer;
    struct sup_health *health;
    unsigned jobs; /* in flight; keeps this memory alive */
    bool relabelling;
    bool relabel_failed;  /* not tried again before the next list */
    bool tried;           /* since the last apply something about it failed: others need not wait */
    bool acted;           /* has had its step in this round of the reconciler */
    unsigned failures;    /* of create, in a row */
    int64_t retry_ms;     /* edge_now_ms before which create is not tried again */
    uint64_t listed_turn; /* life.turn when the list in flight was begun */
    char note[400];       /* last error or notice, for people */
    struct agent_module_record saved; /* as on disk */
    struct sup_module *next;
};

enum sup_pull_state { SUP_PULL_RUNNING, SUP_PULL_WAITING };

/** One image being brought for whoever wants it. */
struct sup_pull {
    struct agent_supervisor *sup;
    char *image;
    bool local; /* imagePullPolicy never: only look whether it is here */
    enum sup_pull_state state;
    struct edge_cancel *cancel; /* of the running attempt */
    struct edge_timer *timer;   /* while waiting */
    struct agent_pull_progress progress;
    unsigned failures;
    int64_t retry_ms;
    char error[400];
    struct sup_pull *next;
};

struct agent_supervisor {
    struct agent_supervisor_config cfg;
    struct agent_desired *desired; /* NULL before the first apply */
    struct sup_module *modules;    /* sorted by name */
    struct sup_pull *pulls;
    struct sup_identity *identities;
    struct edge_pool *work;
    struct edge_pool *net;
    struct edge_pool *pull;
    struct edge_pool *check;         /* health */
    struct edge_pool *identity_pool; /* NULL without identities */
    bool reviewing;                  /* identities are being compared with the cloud's */
    struct edge_timer *kick;
    struct edge_timer *list_timer;
    bool looking; /* for the rules of the network */
    bool listing;
    bool list_again;
    bool listed; /* the first list is in, the network is restored */
    bool connected;
    bool reconnected; /* since the last list */
    bool rebooted;    /* the device has booted since the records were written */
    bool ending;
    char list_error[400]; /* why the last list failed, "" when it did not */
    unsigned health_runs; /* numbers each span of checking */
    struct edge_cancel *events_cancel;
    pthread_t events_thread;
    bool events_started;
};

/* supervisor.c */
struct sup_module *sup_module_find(struct agent_supervisor *sup, const char *name);
struct sup_module *sup_module_find_id(struct agent_supervisor *sup, const char *id);
/** Found or made; NULL without memory. */
struct sup_module *sup_module_need(struct agent_supervisor *sup, const char *name);
/** An object for every module of the deployment. @return false without memory */
bool sup_need_wanted(struct agent_supervisor *sup);
const struct agent_module_spec *sup_wanted(const struct sup_module *m);
/** Run the reconciler at the loop's next turn. */
void sup_kick(struct agent_supervisor *sup);
void sup_changed(struct agent_supervisor *sup);
void sup_note(struct sup_module *m, const char *fmt, ...) EDGE_PRINTF(2, 3);
/** What its container is made from now; takes ownership. */
void sup_set_applied(struct sup_module *m, struct agent_module_spec *spec);
void sup_module_drop(struct sup_module *m);

/* reconcile.c */
void sup_reconcile(struct agent_supervisor *sup);
/** Is its container what the deployment wants? (Whether it runs is another matter.) */
bool sup_is_current(const struct sup_module *m, const struct agent_module_spec *spec);

/* progress.c */
/** Members "applied" and "problem" of a module in the list. @param pull  of its new image, or NULL
 */
void sup_progress_put(struct edge_json *object, const struct sup_module *m,
                      const struct sup_pull *pull);

/* jobs.c */
extern const struct agent_module_ops sup_ops;
void sup_relabel(struct sup_module *m, const struct agent_module_spec *spec);

/* pulls.c */
void sup_pull_want(struct agent_supervisor *sup, const struct agent_module_spec *spec);
/** The pull that brings @p spec's image, or NULL. */
struct sup_pull *sup_pull_find(struct agent_supervisor *sup, const struct agent_module_spec *spec);
/** After an apply: drop what nobody wants, try the rest at once. */
void sup_pulls_review(struct agent_supervisor *sup);
void sup_pulls_cancel(struct agent_supervisor *sup);
void sup_pulls_free(struct agent_supervisor *sup);

/* observe.c */
EDGE_MUST_CHECK int sup_events_start(struct agent_supervisor *sup, struct edge_err *err);
void sup_events_stop(struct agent_supervisor *sup);
/** List containers and tasks soon, and bring every module into line. */
void sup_list_in(struct agent_supervisor *sup, uint64_t ms);

/* rules.c */
/** Write the rules of the module network again if they are gone. */
void sup_rules_look(struct agent_supervisor *sup);

/* health.c */
/** Begin or end checking as the module's state demands. */
void sup_health_follow(struct sup_module *m);
/** How it is checked from now on; NULL or without a test: not at all. Takes over what @p health
 * owns. */
void sup_health_set(struct sup_module *m, struct agent_healthcheck *health);
void sup_health_drop(struct sup_module *m);

#endif
