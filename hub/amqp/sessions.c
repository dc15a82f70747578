#include "hub/amqp/sessions.h"

#include <proton/session.h>
#include <stdlib.h>

#include "hub/amqp/links.h"

enum { FEW = 8 };

void hub_amqp_sent(struct hub_amqp_connection *c, pn_session_t *session, size_t len)
{
    size_t room = c->sending_room ? 2 * c->sending_room : FEW;
    pn_session_t **grown;

    c->engine_bytes += len;
    if (pn_session_get_context(session))
        return; /* it is known already */
    if (c->nsending == c->sending_room) {
        grown = realloc(c->sending, room * sizeof(pn_session_t *));
        if (!grown)
            return; /* counted until the next flush alone */
        c->sending = grown;
        c->sending_room = room;
    }
    c->sending[c->nsending++] = session;
    pn_session_set_context(session, c);
}

void hub_amqp_sessions_count(struct hub_amqp_connection *c)
{
    size_t kept = 0;

    c->engine_bytes = 0;
    for (size_t i = 0; i < c->nsending; i++) {
        size_t bytes = pn_session_outgoing_bytes(c->sending[i]);

        c->engine_bytes += bytes;
        if (bytes > 0)
            c->sending[kept++] = c->sending[i];
        else
            pn_session_set_context(c->sending[i], NULL);
    }
    c->nsending = kept;
}

static void forget_sending(struct hub_amqp_connection *c, pn_session_t *session)
{
    for (size_t i = 0; i < c->nsending; i++) {
        if (c->sending[i] == session) {
            c->sending[i] = c->sending[--c->nsending];
            return;
        }
    }
}

void hub_amqp_session_closed(struct hub_amqp_connection *c, pn_session_t *session)
{
    hub_amqp_links_end(c, session);
    forget_sending(c, session);
    pn_session_close(session);
    pn_session_free(session);
}
