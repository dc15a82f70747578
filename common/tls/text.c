/* OpenSSL's errors as texts, and PEM texts as its objects. */
#include <openssl/err.h>
#include <openssl/pem.h>

#include "common/base/bytes.h"
#include "common/tls/internal.h"

tls_certs *tls_certs_free(tls_certs *certs)
{
    sk_X509_pop_free(certs, X509_free);
    return NULL;
}

int tls_fail(struct edge_err *err, int code, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());

    ERR_clear_error();
    return edge_fail(err, code, "%s: %s", what, reason ? reason : "no reason is known");
}

BIO *tls_text(const char *text)
{
    size_t len = text ? strnlen(text, TLS_TEXT_MAX + 1) : 0;

    return len > 0 && len <= TLS_TEXT_MAX ? BIO_new_mem_buf(text, (int) len) : NULL;
}

int tls_no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void) buf;
    (void) size;
    (void) writing;
    (void) arg;
    return -1;
}

int tls_read_certs(const char *pem, tls_certs **ret, struct edge_err *err)
{
    EDGE_CLEANUP(BIO_free) BIO *bio = tls_text(pem);
    EDGE_CLEANUP(tls_certs_free) tls_certs *certs = sk_X509_new_null();
    X509 *cert;

    if (!bio || !certs)
        return edge_fail(err, EDGE_EINVALID, "no certificate: the text is empty or too long");
    ERR_clear_error();
    while ((cert = PEM_read_bio_X509(bio, NULL, tls_no_passphrase, NULL)) != NULL) {
        if (sk_X509_push(certs, cert) == 0) {
            X509_free(cert);
            return edge_fail(err, EDGE_EINVALID, "no memory for certificates");
        }
    }
    if (sk_X509_num(certs) == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return tls_fail(err, EDGE_EINVALID, "not a certificate in PEM form");
    ERR_clear_error();
    *ret = EDGE_TAKE(certs);
    return 0;
}

char *tls_certs_pem(const tls_certs *certs, int from)
{
    EDGE_CLEANUP(BIO_free) BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long len;

    for (int i = from; bio && i < sk_X509_num(certs); i++) {
        if (PEM_write_bio_X509(bio, sk_X509_value(certs, i)) != 1)
            return NULL;
    }
    len = bio ? BIO_get_mem_data(bio, &text) : -1;
    return len < 0 ? NULL : strndup(len > 0 ? text : "", (size_t) len);
}
