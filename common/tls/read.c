/* What a certificate says. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#include "common/tls/internal.h"

static void hex_digest(const X509 *cert, const EVP_MD *md, char *text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    *text = '\0';
    if (X509_digest(cert, md, digest, &len) != 1)
        return;
    for (unsigned i = 0; i < len; i++)
        (void) snprintf(text + (size_t) i * 2, 3, "%02X", digest[i]);
}

void tls_thumbprints(const X509 *cert, char sha1[41], char sha256[65])
{
    hex_digest(cert, EVP_sha1(), sha1);
    hex_digest(cert, EVP_sha256(), sha256);
}

static bool is_plain(const unsigned char *text, int len)
{
    for (int i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] == 0x7f)
            return false;
    }
    return len > 0 && len <= TLS_NAME_MAX;
}

void tls_common_name(const X509 *cert, char cn[TLS_NAME_MAX + 1])
{
    const X509_NAME *name = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    unsigned char *text = NULL;
    int len = -1;

    *cn = '\0';
    if (at >= 0 && X509_NAME_get_index_by_NID(name, NID_commonName, at) < 0)
        len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (is_plain(text, len)) {
        memcpy(cn, text, (size_t) len);
        cn[len] = '\0';
    }
    OPENSSL_free(text);
    ERR_clear_error();
}

static bool seconds(const ASN1_TIME *time, int64_t *ret)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    *ret = timegm(&tm);
    return true;
}

int edge_cert_read(const char *pem, struct edge_cert_info *ret, struct edge_err *err)
{
    EDGE_CLEANUP(tls_certs_free) tls_certs *certs = NULL;
    struct edge_cert_info info = {0};
    int rc = tls_read_certs(pem, &certs, err);
    X509 *cert;

    if (rc < 0)
        return rc;
    cert = sk_X509_value(certs, 0);
    if (!seconds(X509_get0_notBefore(cert), &info.not_before_s) ||
        !seconds(X509_get0_notAfter(cert), &info.not_after_s))
        return tls_fail(err, EDGE_EINVALID, "a certificate without a readable time");
    tls_common_name(cert, info.cn);
    tls_thumbprints(cert, info.sha1, info.sha256);
    info.is_ca = X509_check_ca(cert) == 1; /* by basicConstraints, not by old custom */
    info.count = (unsigned) sk_X509_num(certs);
    ERR_clear_error();
    *ret = info;
    return 0;
}

bool edge_cert_fits(const char *pem, const struct edge_key *key)
{
    EDGE_CLEANUP(tls_certs_free) tls_certs *certs = NULL;
    bool fits = tls_read_certs(pem, &certs, NULL) == 0 &&
                X509_check_private_key(sk_X509_value(certs, 0), key->pkey) == 1;

    ERR_clear_error();
    return fits;
}
