/* The control plane and hub/auth as the data plane sees them. */
#include "tests/unit/hub/core_house.h"

struct house_mocks house_mocks;

void hub_twins_get(struct hub_session *session, hub_twin_done *done, void *arg)
{
    (void) session;
    done(HUB_NOT_FOUND, "mock", NULL, 0, arg);
}

void hub_twins_patch(struct hub_session *session, const char *patch, size_t len,
                     hub_version_done *done, void *arg)
{
    (void) session;
    (void) patch;
    (void) len;
    done(HUB_NOT_FOUND, "mock", 0, arg);
}

void hub_twins_subscribed(struct hub_client *client)
{
    (void) client;
    house_mocks.desired++;
}

void hub_twins_ready(struct hub_client *client)
{
    (void) client;
}

void hub_twins_desired(struct hub_client *client, const char *patch, size_t len)
{
    (void) client;
    (void) patch;
    (void) len;
}

void hub_twins_online(struct hub_core *core)
{
    (void) core;
}

void hub_twins_free(struct hub_client *client)
{
    (void) client;
}

void hub_twins_forget(struct hub_core *core, const struct edge_identity *who)
{
    (void) core;
    (void) who;
    house_mocks.forgotten++;
}

int hub_twins_load(struct hub_core *core, struct edge_err *err)
{
    (void) core;
    (void) err;
    return 0;
}

void hub_twins_destroy(struct hub_core *core)
{
    (void) core;
}

int hub_methods_create(struct hub_core *core, struct hub_methods **ret)
{
    (void) core;
    *ret = NULL;
    return 0;
}

void hub_methods_available(struct hub_client *client)
{
    (void) client;
    house_mocks.methods++;
}

void hub_methods_gone(struct hub_client *client)
{
    (void) client;
    house_mocks.gone++;
}

void hub_methods_request(struct hub_client *client, const char *rid, const char *name,
                         struct edge_bytes payload)
{
    (void) client;
    (void) rid;
    (void) name;
    (void) payload;
}

bool hub_methods_reply(struct hub_session *session, const char *rid, int status,
                       struct edge_bytes payload)
{
    (void) session;
    (void) rid;
    (void) status;
    (void) payload;
    return false;
}

struct hub_methods *hub_methods_destroy(struct hub_methods *methods)
{
    (void) methods;
    return NULL;
}

void hub_c2d_message(struct hub_client *client, const struct edge_message *message, uint64_t lock)
{
    (void) client;
    (void) message;
    (void) lock;
}

bool hub_c2d_settle(struct hub_client *client, uint64_t lock, enum hub_outcome outcome)
{
    (void) client;
    (void) lock;
    (void) outcome;
    return house_mocks.c2d_lock;
}

void hub_c2d_session(struct hub_client *client)
{
    (void) client;
    house_mocks.c2d_sessions++;
}

void hub_c2d_offline(struct hub_core *core)
{
    (void) core;
}

int hub_config_create(struct hub_core *core, struct hub_config **ret, struct edge_err *err)
{
    (void) core;
    (void) err;
    *ret = NULL;
    return 0;
}

void hub_config_start(struct hub_core *core)
{
    (void) core;
}

void hub_config_online(struct hub_core *core)
{
    (void) core;
}

void hub_config_desired(struct hub_core *core, const char *patch, size_t len)
{
    (void) core;
    (void) patch;
    (void) len;
}

struct hub_config *hub_config_destroy(struct hub_config *config)
{
    (void) config;
    return NULL;
}

int hub_report_create(struct hub_core *core, struct hub_report **ret)
{
    (void) core;
    *ret = NULL;
    return 0;
}

void hub_report_client(struct hub_report *report, const struct hub_client *client)
{
    (void) report;
    (void) client;
    house_mocks.reported++;
}

void hub_report_online(struct hub_report *report)
{
    (void) report;
}

struct hub_report *hub_report_destroy(struct hub_report *report)
{
    (void) report;
    return NULL;
}

void hub_auth_check(struct hub_auth *auth, const struct hub_claim *claim, hub_grant_done *done,
                    void *arg)
{
    struct hub_grant grant = {house_mocks.granted, INT64_MAX, "mock"};

    (void) auth;
    (void) claim;
    done(&grant, arg);
}

const char *hub_auth_chain(struct hub_auth *auth, const struct edge_identity *who)
{
    (void) auth;
    (void) who;
    return house_mocks.deleted ? NULL : "chain";
}

enum hub_result hub_auth_again(struct hub_auth *auth, const struct edge_identity *who)
{
    (void) auth;
    (void) who;
    return house_mocks.again;
}

void hub_auth_refresh(struct hub_auth *auth, const struct edge_identity *who, hub_done *done,
                      void *arg)
{
    (void) auth;
    (void) who;
    house_mocks.looked++;
    done(HUB_OK, NULL, arg);
}

void hub_auth_online(struct hub_auth *auth)
{
    (void) auth;
}
