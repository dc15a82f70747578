/* tests/unit/hub/auth_house.h - a hub's door with a store on disk, and a cloud that says what the
 * test wants. The cloud begins with edge, edge/$edgeHub, d (key "key1") and d/m ("m1"). */
#ifndef TESTS_UNIT_HUB_AUTH_HOUSE_H
#define TESTS_UNIT_HUB_AUTH_HOUSE_H

#include "tests/unit/test.h"

#include "hub/auth/auth.h"

enum { CLOUD_MAX = 8, PAGE = 2, PAGES = CLOUD_MAX / PAGE };

struct cloud_identity {
    char name[64]; /* "d" or "d/m"; "": none */
    char key[16];  /* base64 */
    bool disabled;
};

struct question {
    int status;
    char *json;
    void (*done)(int status, const char *json, size_t len, const struct edge_err *err, void *arg);
    void *arg;
};

struct auth_world {
    char dir[64];
    struct edge_loop *loop;
    struct edge_timer *limit;
    struct hub_store *store;
    struct hub_self self;
    struct hub_workload *workload;
    struct edge_buf wrapped;
    struct hub_vault *vault;
    struct hub_scope_source source;
    struct hub_auth *auth;
    struct cloud_identity cloud[CLOUD_MAX];
    int status; /* of every answer; 200: as the cloud knows */
    unsigned pages, ones;
    bool endless;
    bool silent;        /* questions stay open */
    unsigned refresh_s; /* of the next open_auth; 0: an hour */
    unsigned delay_s;   /* between questions for one identity; 0: the room's own */
    struct question *open[8];
    unsigned nopen;
    /* what was told */
    unsigned granted, awaited;
    struct hub_grant grant;
    unsigned refreshed;
    enum hub_result refresh;
    char changed[256];
    bool timed_out;
};
extern struct auth_world w;

/** Once all of the scope has been read. */
int set_up(void **state);
/** The cloud does not answer. */
int set_up_offline(void **state);
/** The list of all has been asked for, and is not answered: nobody is known. */
int set_up_empty(void **state);
int tear_down(void **state);

/** What is due now. */
void turn(void);
/** Fails the test after a minute. */
void run_until(bool (*until)(void));

/* The cloud's registry; keys in base64. */
void add(const char *name, const char *key);
struct cloud_identity *find(const char *name);
void drop(const char *name);
/** Answer what w.silent has kept open. */
void tell(void *question);
/** Answer the first of these. */
void tell_first(void);

/* The hub. */
void open_auth(void);
void close_auth(void);
/** Another one: what was sealed before is lost. */
void open_vault(void);

struct edge_identity who_is(const char *name);
void on_grant(const struct hub_grant *grant, void *arg);
/** Come with a token of @p name, signed by @p key. */
void begin(const char *name, const char *key);
bool all_granted(void);
/** ... and wait for what w.grant says. */
enum hub_result come(const char *name, const char *key);
enum hub_result again(const char *name);
void on_refreshed(enum hub_result result, const char *why, void *arg);
bool is_refreshed(void);
/** NULL: everything. */
enum hub_result refresh(const char *name);

#endif
