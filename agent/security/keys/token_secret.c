/* A secret that lives in a token: the session is opened anew when the token was away. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "agent/security/keys/backend.h"
#include "agent/security/keys/token.h"
#include "common/base/bytes.h"

struct token_secret {
    struct sec_secret base;
    pthread_mutex_t lock; /* a session does one thing at a time */
    struct sec_token *token;
    unsigned long key;
    char *uri;
    char *label;
};

static int connect_token(struct token_secret *s, bool make, struct edge_err *err)
{
    int rc;

    s->token = sec_token_close(s->token);
    rc = sec_token_open(s->uri, &s->token, err);
    if (rc == 0)
        rc = sec_token_find(s->token, s->label, &s->key, err);
    if (rc == -ENOENT && s->token && make && s->label)
        rc = sec_token_generate(s->token, s->label, &s->key, err);
    if (rc < 0)
        s->token = sec_token_close(s->token);
    return rc;
}

static int token_hmac(struct sec_secret *secret, const void *data, size_t len,
                      uint8_t mac[EDGE_HMAC_SIZE], struct edge_err *err)
{
    struct token_secret *s = EDGE_CONTAINER_OF(secret, struct token_secret, base);
    int rc = SEC_TOKEN_LOST;

    (void) pthread_mutex_lock(&s->lock);
    if (s->token)
        rc = sec_token_hmac(s->token, s->key, data, len, mac, err);
    if (rc == SEC_TOKEN_LOST) {
        rc = connect_token(s, false, err);
        if (rc == 0)
            rc = sec_token_hmac(s->token, s->key, data, len, mac, err);
    }
    (void) pthread_mutex_unlock(&s->lock);
    return rc == SEC_TOKEN_LOST ? EDGE_EUNAVAILABLE : rc;
}

static void token_free(struct sec_secret *secret)
{
    struct token_secret *s = EDGE_CONTAINER_OF(secret, struct token_secret, base);

    sec_token_close(s->token);
    (void) pthread_mutex_destroy(&s->lock);
    (void) edge_wipe(s->uri); /* may hold a PIN */
    free(s->label);
    free(s);
}

int sec_secret_of_token(const char *uri, const char *label, struct sec_secret **ret,
                        struct edge_err *err)
{
    struct token_secret *s = calloc(1, sizeof *s);
    int rc = -ENOMEM;

    if (!s)
        return -ENOMEM;
    s->base = (struct sec_secret){token_hmac, token_free};
    (void) pthread_mutex_init(&s->lock, NULL);
    s->uri = edge_strdup(uri);
    s->label = edge_strdup(label);
    if (s->uri && (s->label || !label))
        rc = connect_token(s, true, err);
    if (rc < 0) {
        token_free(&s->base);
        return rc;
    }
    *ret = &s->base;
    return 0;
}
