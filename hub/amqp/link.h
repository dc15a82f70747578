/* hub/amqp/link.h - links and messages of AMQP without proton's types: what a node (an address that
 * clients attach to) is made of. Loop thread. */
#ifndef HUB_AMQP_LINK_H
#define HUB_AMQP_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/tls/tls.h"

struct hub_amqp_link;
struct hub_amqp_connection;

enum hub_amqp_kind {
    HUB_AMQP_NULL,
    HUB_AMQP_BOOL,
    HUB_AMQP_INT,  /* int32 */
    HUB_AMQP_LONG, /* int64 */
    HUB_AMQP_ULONG,
    HUB_AMQP_TIMESTAMP, /* ms since 1970 in i */
    HUB_AMQP_STRING,
    HUB_AMQP_SYMBOL,
    HUB_AMQP_BINARY,
    HUB_AMQP_UUID,    /* its canonical text in s */
    HUB_AMQP_STRINGS, /* array of strings: n values */
    HUB_AMQP_MAP,     /* n pairs, in order: key (STRING), value */
    HUB_AMQP_UBYTE,   /* written; read it is a ULONG */
};
/** A value; what it points to is borrowed, or owned by the message it is part of. */
struct hub_amqp_value {
    enum hub_amqp_kind kind;
    int64_t i;
    struct edge_bytes s;
    struct hub_amqp_value *values;
    size_t n;
};
struct hub_amqp_pair {
    const char *name;
    struct hub_amqp_value value;
};
enum hub_amqp_body {
    HUB_AMQP_BODY_NONE,
    HUB_AMQP_BODY_DATA,
    HUB_AMQP_BODY_VALUE,
    HUB_AMQP_BODY_SEQUENCE /* read, never written */
};
struct hub_amqp_message {
    struct hub_amqp_value message_id; /* NULL kind: absent; the type is kept for the answer */
    struct hub_amqp_value correlation_id;
    const char *to, *reply_to, *subject, *content_type, *content_encoding; /* NULL: absent */
    struct edge_bytes user_id;
    int64_t expiry_ms, creation_ms; /* 0: absent */
    uint32_t delivery_count;
    const struct hub_amqp_pair *annotations;
    size_t nannotations;
    const struct hub_amqp_pair *properties; /* application properties */
    size_t nproperties;
    enum hub_amqp_body body;
    struct edge_bytes data;      /* of a DATA body (several sections joined), or a VALUE's text */
    struct hub_amqp_value value; /* of a VALUE body; one that was read and is a list, an array or a
                                    map is NULL here */
    struct edge_bytes encoded;   /* as read: the value of a VALUE body, the lists of a SEQUENCE */
};

enum hub_amqp_outcome {
    HUB_AMQP_ACCEPTED,
    HUB_AMQP_REJECTED,
    HUB_AMQP_RELEASED,
    HUB_AMQP_MODIFIED
};

/** What happens on an attached link. */
struct hub_amqp_link_ops {
    /** The client has sent a message; it must be settled with hub_amqp_settle, now or later.
     * Borrowed for the call. */
    void (*message)(struct hub_amqp_link *link, uint64_t delivery,
                    const struct hub_amqp_message *message, void *arg);
    /** The client may be sent @p credit more messages. May be NULL. */
    void (*credit)(struct hub_amqp_link *link, unsigned credit, void *arg);
    /** The client has settled what it was sent under @p tag: exactly once for everything sent
     * unsettled; RELEASED when the link ends first, or when it settles without an outcome. May be
     * NULL. */
    void (*settled)(struct hub_amqp_link *link, uint64_t tag, enum hub_amqp_outcome outcome,
                    void *arg);
    /** The link has ended, by whomever (also within hub_amqp_refuse); its pointer is invalid
     * afterwards. */
    void (*detached)(struct hub_amqp_link *link, void *arg);
};

/** The attach a client asks for. Borrowed for the call. */
struct hub_amqp_attach {
    const char *address; /* path without scheme and host, beginning with '/' unless it is "$cbs" and
                            the like */
    const char *name;
    bool client_sends; /* the client is the sender of this link */
    const struct hub_amqp_pair *properties;
    size_t nproperties;
    const char *selector; /* text of the filter apache.org:selector-filter:string, or NULL */
};

enum { HUB_AMQP_NOT_MINE = 1, HUB_AMQP_AUDIENCE_SIZE = 512 };
struct hub_amqp_nodes {
    /** Answer an attach with hub_amqp_take or hub_amqp_refuse before returning 0;
     * HUB_AMQP_NOT_MINE for addresses of somebody else. */
    int (*attach)(struct hub_amqp_link *link, const struct hub_amqp_attach *attach, void *arg);
    /** A put-token for an audience ("hub/…" or "sb://…", decoded) that is no device's.
     * @return 0 granted (@p ret_until_s set), HUB_AMQP_NOT_MINE, EDGE_EAUTH with the reason */
    int (*token)(struct hub_amqp_connection *connection, const char *audience, const char *token,
                 int64_t *ret_until_s, struct edge_err *err, void *arg);
    /** SASL PLAIN of somebody who is no device. @param audience  what it grants: the hub's name, or
     * less   @return as token */
    int (*plain)(struct hub_amqp_connection *connection, const char *user, const char *password,
                 char audience[HUB_AMQP_AUDIENCE_SIZE], int64_t *ret_until_s, struct edge_err *err,
                 void *arg);
};

/** Accept the attach; @p ops and @p arg stay valid until detached. A client that sends is given
 * @p credit, which is kept up as messages are settled; one that receives may have given credit
 * already, and then ops.credit is called before this returns. */
void hub_amqp_take(struct hub_amqp_link *link, const struct hub_amqp_link_ops *ops, void *arg,
                   unsigned credit);
/** Refuse or end a link: attach (echo) and detach with an error such as "amqp:not-found". */
void hub_amqp_refuse(struct hub_amqp_link *link, const char *condition, const char *text);
/** Refuse by pointing elsewhere (amqp:link:redirect); the pairs are the error's info map. */
void hub_amqp_redirect(struct hub_amqp_link *link, const struct hub_amqp_pair *info, size_t ninfo);
/** Settle what the client has sent. @param condition  of a REJECTED, or NULL */
void hub_amqp_settle(struct hub_amqp_link *link, uint64_t delivery, enum hub_amqp_outcome outcome,
                     const char *condition, const char *text);
/** Send; needs credit. @param settled  already: no `settled` will come
 * @return 0, EDGE_ELIMIT (no credit), EDGE_EINVALID, -ENOMEM */
EDGE_MUST_CHECK int hub_amqp_send(struct hub_amqp_link *link, uint64_t tag,
                                  const struct hub_amqp_message *message, bool settled);
/** Send now, or keep until there is credit; it goes after what was kept before.
 * @return 0, EDGE_ELIMIT (256 messages or 4 MiB wait already), EDGE_EINVALID, -ENOMEM */
EDGE_MUST_CHECK int hub_amqp_post(struct hub_amqp_link *link, uint64_t tag,
                                  const struct hub_amqp_message *message, bool settled);
/** 0 also while the client does not read what it has been sent. */
unsigned hub_amqp_credit(const struct hub_amqp_link *link);
struct hub_amqp_connection *hub_amqp_link_connection(const struct hub_amqp_link *link);

/** Has this connection a granted token (or PLAIN login) that covers @p audience ("hub/…")? Set by
 * the nodes' token and plain. Expired ones do not count; links that relied on them are detached. */
bool hub_amqp_granted(const struct hub_amqp_connection *connection, const char *audience);
const struct edge_tls_peer *hub_amqp_certificate(const struct hub_amqp_connection *connection);
/** One pair by name, or NULL. */
const struct hub_amqp_value *hub_amqp_find(const struct hub_amqp_pair *pairs, size_t n,
                                           const char *name);

#endif
