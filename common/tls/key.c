#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "common/base/bytes.h"
#include "common/tls/internal.h"

static int wrap(EVP_PKEY *pkey, bool in_token, struct edge_key **ret, struct edge_err *err)
{
    struct edge_key *key = malloc(sizeof *key);

    if (!key) {
        EVP_PKEY_free(pkey);
        return edge_fail(err, -ENOMEM, "no memory for a key");
    }
    *key = (struct edge_key){pkey, in_token};
    *ret = key;
    return 0;
}

int edge_key_generate(enum edge_key_kind kind, struct edge_key **ret, struct edge_err *err)
{
    EVP_PKEY *pkey = kind == EDGE_KEY_RSA_2048 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");

    if (!pkey)
        return tls_fail(err, EDGE_EREMOTE, "cannot generate a key");
    return wrap(pkey, false, ret, err);
}

static int read_pem(const char *pem, EVP_PKEY **ret, struct edge_err *err)
{
    EDGE_CLEANUP(BIO_free) BIO *bio = tls_text(pem);

    ERR_clear_error();
    if (bio)
        *ret = PEM_read_bio_PrivateKey(bio, NULL, tls_no_passphrase, NULL);
    if (!*ret)
        return tls_fail(err, EDGE_EINVALID,
                        "not a private key in PEM form (one with a passphrase cannot be used)");
    return 0;
}

int edge_key_load(const char *pem_or_uri, struct edge_key **ret, struct edge_err *err)
{
    bool in_token = strncmp(pem_or_uri, "pkcs11:", 7) == 0;
    EVP_PKEY *pkey = NULL;
    int rc;

    rc = in_token ? tls_token_key(pem_or_uri, &pkey, err) : read_pem(pem_or_uri, &pkey, err);
    return rc < 0 ? rc : wrap(pkey, in_token, ret, err);
}

char *edge_key_pem(const struct edge_key *key)
{
    EDGE_CLEANUP(BIO_free) BIO *bio = key->in_token ? NULL : BIO_new(BIO_s_mem());
    char *data = NULL;
    long len;

    if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1)
        return NULL;
    len = BIO_get_mem_data(bio, &data); /* OpenSSL wipes its own copy */
    return strndup(data, (size_t) len);
}

char *edge_key_pem_free(char *pem)
{
    return edge_wipe(pem);
}

struct edge_key *edge_key_free(struct edge_key *key)
{
    if (key)
        EVP_PKEY_free(key->pkey);
    free(key);
    return NULL;
}
