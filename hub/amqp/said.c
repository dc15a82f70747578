#include "hub/amqp/said.h"

#include "common/base/log.h"
#include "hub/amqp/person.h"

enum { NAME_SIZE = 2 * EDGE_ID_MAX + 2 };

static const struct {
    enum edge_log_level level;
    const char *text;
} ends[] = {
    [HUB_AMQP_STAYS] = {EDGE_LOG_DEBUG, ""},
    [HUB_AMQP_LEFT] = {EDGE_LOG_INFO, "it left"},
    [HUB_AMQP_LOST] = {EDGE_LOG_INFO, "its connection was lost"},
    [HUB_AMQP_SILENT] = {EDGE_LOG_INFO, "it fell silent"},
    [HUB_AMQP_CLOSING] = {EDGE_LOG_INFO, "the server ends"},
    [HUB_AMQP_REFUSED] = {EDGE_LOG_INFO, "its login was refused"},
    [HUB_AMQP_EXPELLED] = {EDGE_LOG_INFO, "the connection's last identity is gone"},
    [HUB_AMQP_AGAIN] = {EDGE_LOG_INFO, "who it is cannot be looked at now, it may come again"},
    [HUB_AMQP_BROKEN] = {EDGE_LOG_WARN, "it broke the protocol"},
    [HUB_AMQP_DEAF] = {EDGE_LOG_WARN, "it does not read"},
    [HUB_AMQP_UNPROVED] = {EDGE_LOG_WARN, "it has shown no token"},
    [HUB_AMQP_STARVED] = {EDGE_LOG_WARN, "out of memory"},
};

void hub_amqp_say_connected(const struct hub_amqp_person *person)
{
    char name[NAME_SIZE];

    edge_identity_format(&person->who, name, sizeof name);
    edge_log_about(EDGE_LOG_INFO, name, "amqp client connected: client=%s from=%s", name,
                   person->connection->address);
}

static void say_gone(const struct hub_amqp_person *person, enum edge_log_level level,
                     const char *reason, const char *detail)
{
    char name[NAME_SIZE];

    edge_identity_format(&person->who, name, sizeof name);
    edge_log_about(level, name, "amqp client gone: client=%s reason=%s%s%s", name, reason,
                   *detail ? ": " : "", detail);
}

void hub_amqp_say_gone(const struct hub_amqp_person *person, const char *reason)
{
    say_gone(person, EDGE_LOG_INFO, reason, "");
}

void hub_amqp_say_deaf(const struct hub_amqp_person *person, const char *what)
{
    char name[NAME_SIZE];

    edge_identity_format(&person->who, name, sizeof name);
    edge_log_about(EDGE_LOG_WARN, person->connection->address,
                   "amqp client does not read %s: client=%s", what, name);
}

void hub_amqp_say_ended(const struct hub_amqp_connection *c)
{
    enum edge_log_level level = ends[c->end].level;
    bool somebody = false;

    for (const struct hub_amqp_person *person = c->people; person; person = person->next) {
        if (person->session)
            say_gone(person, level, ends[c->end].text, c->why);
        somebody = somebody || person->session;
    }
    if (!somebody && c->address && level <= EDGE_LOG_WARN)
        edge_log_about(level, c->address, "amqp client dropped: from=%s reason=%s%s%s", c->address,
                       ends[c->end].text, c->why[0] ? ": " : "", c->why);
}

void hub_amqp_say_refused(const struct hub_amqp_connection *c, const struct edge_identity *who,
                          const char *reason)
{
    char name[NAME_SIZE];

    edge_identity_format(who, name, sizeof name);
    edge_log_about(EDGE_LOG_WARN, c->address, "amqp client refused: client=%s from=%s reason=%s",
                   name, c->address, reason);
}

void hub_amqp_say_turned_away(const char *address, const char *reason)
{
    edge_log_about(EDGE_LOG_WARN, address, "amqp client refused: from=%s reason=%s", address,
                   reason);
}
