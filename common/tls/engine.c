/* Keys that stay in a token, through the engine "pkcs11" of libp11. Engines are on their way out of
 * OpenSSL 3; Debian 12 has no provider for PKCS#11 yet, so the warning is for this file alone. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <errno.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/base/bytes.h"
#include "common/base/encode.h"
#include "common/tls/internal.h"

enum { MODULE_MAX = 4096 };

static struct {
    pthread_mutex_t lock; /* the engine knows one module, set before its first use */
    ENGINE *engine;
    char *module;
} token = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* RFC 7512's module-path within the URI, up to the "&" or NUL behind it; NULL when there is none.
 */
static const char *find_module(const char *uri)
{
    static const char name[] = "module-path=";
    const char *at = strchr(uri, '?');

    while (at && strncmp(at + 1, name, sizeof name - 1) != 0)
        at = strchr(at + 1, '&');
    return at ? at + 1 : NULL;
}

/* Its value, decoded; NULL when that cannot be done. */
static char *module_of(const char *uri)
{
    struct edge_buf path = EDGE_BUF_INIT(MODULE_MAX);
    const char *at = find_module(uri);

    if (!at)
        return NULL;
    at = strchr(at, '=') + 1;
    if (edge_percent_decode(&path, at, strcspn(at, "&")) == 0)
        return edge_buf_take(&path);
    edge_buf_fini(&path);
    return NULL;
}

/* The engine does not know the attribute: the URI without it. It may hold a PIN. */
static char *without_module(const char *uri)
{
    const char *at = find_module(uri);
    size_t len = at ? strcspn(at, "&") : 0;

    if (!at)
        return edge_strdup(uri);
    if (at[len] == '&')
        return edge_format("%.*s%s", (int) (at - uri), uri, at + len + 1);
    return edge_format("%.*s", (int) (at - uri) - 1, uri); /* and the sign before it */
}

static int start_engine(const char *module, struct edge_err *err)
{
    ENGINE *engine;

    ENGINE_load_builtin_engines();
    engine = ENGINE_by_id("pkcs11");
    if (!engine)
        return tls_fail(err, EDGE_EUNSUPPORTED,
                        "OpenSSL has no engine \"pkcs11\"; install libengine-pkcs11-openssl");
    /* Its own messages on standard error would show the URI with its PIN. */
    if (ENGINE_ctrl_cmd_string(engine, "QUIET", NULL, 0) != 1 ||
        (module && ENGINE_ctrl_cmd_string(engine, "MODULE_PATH", module, 0) != 1) ||
        ENGINE_init(engine) != 1) {
        ENGINE_free(engine);
        return tls_fail(err, EDGE_EUNAVAILABLE, "cannot start the PKCS#11 module");
    }
    ENGINE_free(engine); /* ENGINE_init holds its own */
    token.engine = engine;
    token.module = edge_strdup(module);
    return 0;
}

static int load(const char *uri, const char *module, EVP_PKEY **ret, struct edge_err *err)
{
    if (!token.engine) {
        int rc = start_engine(module, err);

        if (rc < 0)
            return rc;
    } else if (module && (!token.module || strcmp(token.module, module) != 0)) {
        return edge_fail(err, EDGE_EUNSUPPORTED,
                         "one PKCS#11 module at a time: %s is in use, not %s",
                         token.module ? token.module : "the default one", module);
    }
    *ret = ENGINE_load_private_key(token.engine, uri, (UI_METHOD *) UI_null(), NULL);
    if (!*ret) /* the URI may hold a PIN */
        return tls_fail(err, EDGE_EUNAVAILABLE, "no private key behind the pkcs11: URI");
    return 0;
}

int tls_token_key(const char *uri, EVP_PKEY **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *module = module_of(uri);
    char *plain;
    int rc = -ENOMEM;

    if (find_module(uri) && !module)
        return edge_fail(err, EDGE_EINVALID,
                         "the module-path of the pkcs11: URI is too long or badly encoded");
    plain = without_module(uri);
    ERR_clear_error();
    pthread_mutex_lock(&token.lock);
    if (plain)
        rc = load(plain, module, ret, err);
    pthread_mutex_unlock(&token.lock);
    edge_key_pem_free(plain);
    return rc;
}
