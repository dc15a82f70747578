#include "agent/image/auth.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/image/headers.h"
#include "common/base/clock.h"
#include "common/json/json.h"

enum {
    TOKEN_TOTAL_MS = 60000,
    TOKEN_MAX = 48 << 10, /* registries refuse longer headers anyway */
    TOKEN_LIFE_S = 60,    /* when the service does not say */
    TOKEN_LIFE_MAX_S = 86400,
};

struct agent_auth {
    struct agent_auth_peer peer;
    pthread_mutex_t lock; /* guards all below; held while the token service is asked */
    unsigned generation;  /* counts improvements */
    bool basic;
    char *token;
    int64_t token_until_ms;
};

struct agent_auth *agent_auth_create(const struct agent_auth_peer *peer)
{
    struct agent_auth *auth = calloc(1, sizeof *auth);

    if (!auth)
        return NULL;
    auth->peer = *peer;
    pthread_mutex_init(&auth->lock, NULL);
    return auth;
}

struct agent_auth *agent_auth_destroy(struct agent_auth *auth)
{
    if (!auth)
        return NULL;
    pthread_mutex_destroy(&auth->lock);
    free(auth->token);
    free(auth);
    return NULL;
}

int agent_auth_pass(struct agent_auth *auth, struct agent_auth_pass *ret)
{
    bool failed = false;

    *ret = (struct agent_auth_pass){0};
    pthread_mutex_lock(&auth->lock);
    ret->generation_ = auth->generation;
    if (auth->basic) {
        ret->username = auth->peer.credentials.username;
        ret->password = auth->peer.credentials.password;
    } else if (auth->token && edge_now_ms() < auth->token_until_ms) {
        ret->bearer = edge_format("Bearer %s", auth->token);
        failed = !ret->bearer;
    }
    pthread_mutex_unlock(&auth->lock);
    return failed ? -ENOMEM : 0;
}

void agent_auth_pass_fini(struct agent_auth_pass *pass)
{
    free(pass->bearer);
    *pass = (struct agent_auth_pass){0};
}

static int refused(const struct agent_auth *auth, struct edge_err *err)
{
    if (auth->peer.credentials.username)
        return edge_fail(err, EDGE_EAUTH,
                         "registry %s refuses the credentials configured for it, or they do not "
                         "allow to pull %s",
                         auth->peer.host, auth->peer.repository);
    return edge_fail(err, EDGE_EAUTH,
                     "registry %s wants credentials for %s (or there is no such repository): add "
                     "them to the deployment's registryCredentials or to registries in config.yaml",
                     auth->peer.host, auth->peer.repository);
}

static void append_escaped(struct edge_buf *url, const char *text)
{
    for (; *text; text++) {
        if (strchr("-._~", *text) || (*text >= '0' && *text <= '9') ||
            (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z'))
            edge_buf_append(url, text, 1);
        else
            edge_buf_printf(url, "%%%02X", (unsigned) (unsigned char) *text);
    }
}

/* The token service may be reached in the clear only where the registry itself is. */
static int check_realm(const struct agent_auth *auth, const char *realm, struct edge_err *err)
{
    if (strncasecmp(realm, "https://", 8) == 0 ||
        (auth->peer.plain_http && strncasecmp(realm, "http://", 7) == 0))
        return 0;
    return edge_fail(err, EDGE_EPROTOCOL,
                     "registry %s names a token service that is not reached by https, which is "
                     "refused",
                     auth->peer.host);
}

static char *token_url(const struct agent_auth *auth, const struct agent_challenge *challenge)
{
    struct edge_buf url;

    edge_buf_init(&url, 8192);
    edge_buf_puts(&url, challenge->realm);
    edge_buf_puts(&url, strchr(challenge->realm, '?') ? "&scope=" : "?scope=");
    if (challenge->scope) {
        append_escaped(&url, challenge->scope);
    } else {
        edge_buf_puts(&url, "repository:");
        append_escaped(&url, auth->peer.repository);
        edge_buf_puts(&url, ":pull");
    }
    if (challenge->service) {
        edge_buf_puts(&url, "&service=");
        append_escaped(&url, challenge->service);
    }
    return edge_buf_take(&url);
}

static bool is_token(const char *token)
{
    size_t len = strlen(token);

    for (size_t i = 0; i < len; i++) {
        if (token[i] <= ' ' || token[i] > '~')
            return false;
    }
    return len > 0 && len <= TOKEN_MAX;
}

static int keep_token(struct agent_auth *auth, const struct edge_json *answer, struct edge_err *err)
{
    const char *token = edge_json_str(edge_json_get(answer, "token"), NULL);
    int64_t life = edge_json_int(edge_json_get(answer, "expires_in"), TOKEN_LIFE_S);
    char *copy;

    if (!token)
        token = edge_json_str(edge_json_get(answer, "access_token"), "");
    if (!is_token(token))
        return edge_fail(err, EDGE_EPROTOCOL, "the token service of registry %s gives no token",
                         auth->peer.host);
    copy = edge_strdup(token);
    if (!copy)
        return edge_fail(err, -ENOMEM, "no memory for a token");
    if (life < TOKEN_LIFE_S)
        life = TOKEN_LIFE_S;
    if (life > TOKEN_LIFE_MAX_S)
        life = TOKEN_LIFE_MAX_S;
    free(auth->token);
    auth->token = copy;
    auth->token_until_ms = edge_now_ms() + life * 900; /* a tenth early */
    return 0;
}

static int read_token(struct agent_auth *auth, const struct edge_http_response *response,
                      struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;
    int rc;

    if (response->status == 401 || response->status == 403)
        return refused(auth, err);
    if (response->status == 429 || response->status >= 500)
        return edge_fail(err, EDGE_EUNAVAILABLE, "the token service of registry %s answers %d",
                         auth->peer.host, response->status);
    if (response->status != 200)
        return edge_fail(err, EDGE_EREMOTE, "the token service of registry %s answers %d",
                         auth->peer.host, response->status);
    rc = edge_json_parse(response->body.data ? response->body.data : "", response->body.len,
                         &answer, NULL);
    if (rc < 0)
        return edge_fail(err, EDGE_EPROTOCOL, "the token service of registry %s does not give JSON",
                         auth->peer.host);
    return keep_token(auth, answer, err);
}

static int fetch_token(struct agent_auth *auth, const struct agent_challenge *challenge,
                       struct edge_cancel *cancel, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *url = token_url(auth, challenge);
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    const struct edge_http_request request = {
        .url = url,
        .ca_file = auth->peer.ca,
        .username = auth->peer.credentials.username,
        .password = auth->peer.credentials.password,
        .total_ms = TOKEN_TOTAL_MS,
        .redirects = 3,
        .cancel = cancel,
    };
    int rc = check_realm(auth, challenge->realm, err);

    if (rc < 0)
        return rc;
    if (!url)
        return edge_fail(err, EDGE_EPROTOCOL, "registry %s names a token service at no usable URL",
                         auth->peer.host);
    rc = edge_http_request(&request, &response, err);
    if (rc < 0)
        return edge_wrap(err, rc, "token service of registry %s", auth->peer.host);
    return read_token(auth, &response, err);
}

static int read_challenges(const struct edge_http_response *refusal,
                           struct agent_challenge *challenge)
{
    const char *value = NULL;
    int rc = 0;

    while (rc == 0 &&
           (value = edge_http_response_header_next(refusal, "WWW-Authenticate", value)) != NULL)
        rc = agent_challenge_read(challenge, value);
    return rc;
}

/* With the lock held. @p had: this very refusal was of what we would show again. */
static int improve(struct agent_auth *auth, const struct agent_auth_pass *had,
                   const struct agent_challenge *challenge, struct edge_cancel *cancel,
                   struct edge_err *err)
{
    int rc = 0;

    if (challenge->scheme == AGENT_AUTH_BEARER) {
        auth->basic = false;
        rc = fetch_token(auth, challenge, cancel, err);
    } else if (challenge->scheme == AGENT_AUTH_BASIC && auth->peer.credentials.username &&
               !had->username) {
        auth->basic = true;
    } else {
        rc = refused(auth, err);
    }
    if (rc == 0)
        auth->generation++;
    return rc;
}

int agent_auth_improve(struct agent_auth *auth, const struct agent_auth_pass *pass,
                       const struct edge_http_response *refusal, struct edge_cancel *cancel,
                       struct edge_err *err)
{
    struct agent_challenge challenge = {0};
    int rc = read_challenges(refusal, &challenge);

    if (rc == 0) {
        pthread_mutex_lock(&auth->lock);
        if (auth->generation == pass->generation_) /* else another thread has just done it */
            rc = improve(auth, pass, &challenge, cancel, err);
        pthread_mutex_unlock(&auth->lock);
    } else {
        rc = edge_fail(err, rc, "no memory for a challenge");
    }
    agent_challenge_fini(&challenge);
    return rc;
}
