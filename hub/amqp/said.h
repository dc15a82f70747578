/* hub/amqp/said.h - what the log tells of clients, in the MQTT head's words. Loop thread. */
#ifndef HUB_AMQP_SAID_H
#define HUB_AMQP_SAID_H

struct edge_identity;
struct hub_amqp_connection;
struct hub_amqp_person;

enum hub_amqp_end { /* why a connection ends */
                    HUB_AMQP_STAYS,
                    HUB_AMQP_LEFT,     /* a CLOSE */
                    HUB_AMQP_LOST,     /* the stream has ended without one */
                    HUB_AMQP_SILENT,   /* longer than it has been told it may be */
                    HUB_AMQP_CLOSING,  /* the server ends */
                    HUB_AMQP_REFUSED,  /* its login, as was said */
                    HUB_AMQP_EXPELLED, /* its last identity was; what was said of that says why */
                    HUB_AMQP_AGAIN,    /* the backend cannot tell now: it shall come again */
                    HUB_AMQP_BROKEN,   /* it broke the protocol, or a limit of it */
                    HUB_AMQP_DEAF,     /* it does not read what it asked for */
                    HUB_AMQP_UNPROVED, /* it has shown no token while others wait, or for too long
                                        */
                    HUB_AMQP_STARVED,  /* out of memory */
};

void hub_amqp_say_connected(const struct hub_amqp_person *person);
/** One identity's session has ended; a connection with none left may stay. */
void hub_amqp_say_gone(const struct hub_amqp_person *person, const char *reason);
/** It stays, and what it does not read is not for it. */
void hub_amqp_say_deaf(const struct hub_amqp_person *person, const char *what);
/** Of each identity in session that it takes along; with none, a line when it was the client's
 * fault. To be called before the sessions are closed. */
void hub_amqp_say_ended(const struct hub_amqp_connection *c);
void hub_amqp_say_refused(const struct hub_amqp_connection *c, const struct edge_identity *who,
                          const char *reason);
/** Nobody has said yet who this is. */
void hub_amqp_say_turned_away(const char *address, const char *reason);

#endif
