/* common/http/connection.h - one client of a server: requests in, answers out, one after the other.
 * Inside this room only; loop thread. */
#ifndef EDGE_HTTP_CONNECTION_H
#define EDGE_HTTP_CONNECTION_H

#include "common/http/head.h"
#include "common/http/server.h"

enum http_state {
    HTTP_IDLE,      /* nothing of the next request has come */
    HTTP_HEAD,      /* its head is coming */
    HTTP_BODY,      /* its body is coming */
    HTTP_HANDLING,  /* with the handler, who has not answered */
    HTTP_STREAMING, /* the handler is answering piece by piece */
    HTTP_FLUSHING,  /* the answer is complete and on its way */
    HTTP_CLOSED,
};

struct edge_exchange {
    enum http_state state;
    struct edge_http_server *server;
    struct edge_exchange *next; /* of the server's connections */
    struct edge_exchange **link;
    struct edge_stream *stream; /* NULL once closed */
    struct edge_timer *timer;
    size_t queue;  /* bytes to send when the timer was armed */
    unsigned busy; /* callbacks under way: the memory stays */

    struct edge_buf in; /* what has come and is not used yet */
    size_t seen;        /* of in: searched for the end of a head */
    char *text;         /* the head, taken apart */
    struct http_head head;
    struct http_chunks chunks;
    int64_t body_left;
    struct edge_buf body;

    struct edge_buf extra; /* headers the handler has set */
    bool keep;             /* the connection, after this answer */
    bool chunked;          /* the answer */
    bool lost;             /* bytes behind the request, for want of room */
    bool failed;           /* no memory for an answer: it goes in a later turn, its owner uses it */
    bool due;              /* ready is to be called */
    void (*gone)(void *arg);
    void *gone_arg;
    void (*ready)(void *arg);
    void *ready_arg;
};

struct edge_http_server {
    struct edge_loop *loop;
    struct edge_http_server_options options;
    struct edge_exchange *clients; /* newest first */
    unsigned nclients;             /* also those being closed */
    struct edge_listener *listener;
    bool closed;
};

/** Take over @p stream, also on failure. */
void http_connection_open(struct edge_http_server *server, struct edge_stream *stream);
void http_connection_close(struct edge_exchange *c);
/** The connection goes, its stream is the caller's, with the bytes behind the request; NULL when
 * some of them are lost. */
struct edge_stream *http_connection_leave(struct edge_exchange *c);

/* answer.c, for connection.c */

/** Answer with {"message":"…"} by ourselves. */
void http_refuse(struct edge_exchange *c, int status);
/** Tell the client to send the body it asked about. */
void http_say_continue(struct edge_exchange *c);

/* connection.c, for answer.c */

/** Send what is in @p out, which is empty afterwards. */
void http_send(struct edge_exchange *c, struct edge_buf *out);
/** The answer has been handed over in full. */
void http_answered(struct edge_exchange *c);

/** server.c: the connection's memory goes. */
void http_server_forget(struct edge_exchange *c);

#endif
