/* tests/unit/common/net_house.h - a listener on a loop thread of its own, and blocking clients,
 * with plain sockets or with OpenSSL. What a client says first decides what the house does for it:
 * e echo, h the same with a word after the end, B a big answer and the end, E an endless one, w who
 * is there, c close at once, p listens a little now and then and sums up, P never listens again. */
#ifndef TESTS_UNIT_COMMON_NET_HOUSE_H
#define TESTS_UNIT_COMMON_NET_HOUSE_H

#include "tests/unit/test.h"

#include <openssl/ssl.h>
#include <pthread.h>

#include "common/net/listen.h"
#include "tests/unit/common/pki.h"

enum { BIG = 8 * 1024 * 1024, HANDSHAKE_MS = 1500 };

struct guest;

struct net_house {
    struct guest *guests;
    struct edge_loop *loop;
    struct edge_tls_server *tls;
    struct edge_listener *listener;
    pthread_t thread;
    char dir[64];
    char path[100];
    uint16_t port;
    int streams;
    int ended; /* counts ends */
    int end_rc;
    int64_t heard;   /* bytes, while the guest is held up or counts */
    int64_t said;    /* bytes of an endless answer */
    int inside;      /* calls of stream.h under way */
    int nested;      /* callbacks that came from within one: must stay 0 */
    int paused_data; /* callbacks that came while paused: must stay 0 */
};

extern struct net_house house;
extern struct pki ca;
extern struct pki server_id;

/** Group and test fixtures of cmocka. */
int net_setup_group(void **state);
int net_teardown_group(void **state);
int net_setup_unix(void **state);
int net_setup_tcp(void **state);
int net_setup_tls(void **state);
int net_teardown(void **state);

int net_count(int *number);
void net_bump(int *number);
void net_wait_for(int *number, int least);

/* A client: a socket, perhaps with TLS. */
struct net_client {
    int fd;
    SSL *ssl;
};

int net_dial_fd(void);
/** @param ctx  NULL: plain */
struct net_client net_dial(SSL_CTX *ctx, SSL_SESSION *session);
void net_hang_up(struct net_client *c);
void net_tell(struct net_client *c, const void *data, size_t len);
/** @return bytes, 0 at an orderly end, negative */
int net_hear(struct net_client *c, char *data, size_t len);
void net_hear_all(struct net_client *c, char *data, size_t len);
/** The end of what the server says, said properly. */
void net_assert_ended(struct net_client *c);
/** Trusts our CA; shows @p id, whose issuer is @p through, when they are not NULL. */
SSL_CTX *net_make_ctx(int version, const struct pki *id, const struct pki *through);
/** NULL without TLS. */
SSL_CTX *net_ctx_for_house(void);
/** What the house knows of the client. */
void net_ask_who(struct net_client *c, char text[300]);

#endif
