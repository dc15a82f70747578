/* Certificates made here. Extensions are built as objects, never from OpenSSL's configuration
 * syntax, in which a name could smuggle in another. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "common/base/bytes.h"
#include "common/tls/internal.h"

enum { SERIAL_BYTES = 16 };

EDGE_DEFINE_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free)
EDGE_DEFINE_CLEANUP(BASIC_CONSTRAINTS *, BASIC_CONSTRAINTS_free)

static bool set_serial(X509 *cert)
{
    unsigned char bytes[SERIAL_BYTES];
    BIGNUM *number;
    bool done;

    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] = (unsigned char) ((bytes[0] & 0x7f) | 0x40); /* positive, and of full length */
    number = BN_bin2bn(bytes, sizeof bytes, NULL);
    done = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    return done;
}

static bool set_subject(X509 *cert, const char *cn)
{
    return X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName, MBSTRING_UTF8,
                                      (const unsigned char *) cn, -1, -1, 0) == 1;
}

static bool set_times(X509 *cert, const struct edge_cert_order *order, const X509 *issuer)
{
    const ASN1_TIME *end = issuer ? X509_get0_notAfter(issuer) : NULL;
    ASN1_TIME *not_after = X509_getm_notAfter(cert);

    if (!ASN1_TIME_set(X509_getm_notBefore(cert), order->not_before_s) ||
        !ASN1_TIME_set(not_after, order->not_after_s))
        return false;
    return !end || ASN1_TIME_compare(not_after, end) <= 0 || X509_set1_notAfter(cert, end) == 1;
}

static bool add_constraints(X509 *cert, const struct edge_cert_order *order)
{
    EDGE_CLEANUP(BASIC_CONSTRAINTS_free) BASIC_CONSTRAINTS *limits = BASIC_CONSTRAINTS_new();

    if (!limits)
        return false;
    limits->ca = order->use == EDGE_CERT_CA ? 0xff : 0;
    if (order->use == EDGE_CERT_CA && order->pathlen >= 0) {
        limits->pathlen = ASN1_INTEGER_new();
        if (!limits->pathlen || ASN1_INTEGER_set(limits->pathlen, order->pathlen) != 1)
            return false;
    }
    return X509_add1_ext_i2d(cert, NID_basic_constraints, limits, 1, 0) == 1;
}

/* These values hold no text from outside. */
static bool add_fixed(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    bool done = extension && X509_add_ext(cert, extension, -1) == 1;

    X509_EXTENSION_free(extension);
    return done;
}

static bool add_usage(X509 *cert, enum edge_cert_use use)
{
    if (use == EDGE_CERT_CA)
        return add_fixed(cert, NULL, NID_key_usage,
                         "critical,keyCertSign,cRLSign,digitalSignature");
    return add_fixed(cert, NULL, NID_key_usage, "critical,digitalSignature,keyEncipherment") &&
           add_fixed(cert, NULL, NID_ext_key_usage,
                     use == EDGE_CERT_SERVER ? "serverAuth" : "clientAuth");
}

static bool add_key_ids(X509 *cert, X509 *issuer)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer ? issuer : cert, cert, NULL, NULL, 0);
    return add_fixed(cert, &ctx, NID_subject_key_identifier, "hash") &&
           (!issuer || add_fixed(cert, &ctx, NID_authority_key_identifier, "keyid"));
}

static bool push_name(GENERAL_NAMES *names, int type, const char *text)
{
    ASN1_OCTET_STRING *address = type == GEN_DNS ? a2i_IPADDRESS(text) : NULL;
    ASN1_STRING *value = address ? address : ASN1_IA5STRING_new();
    GENERAL_NAME *name = GENERAL_NAME_new();

    ERR_clear_error(); /* not being an address is no error */
    if (!value || !name || (!address && ASN1_STRING_set(value, text, -1) != 1) ||
        sk_GENERAL_NAME_push(names, name) <= 0) {
        ASN1_STRING_free(value);
        GENERAL_NAME_free(name);
        return false;
    }
    GENERAL_NAME_set0_value(name, address ? GEN_IPADD : type, value);
    return true;
}

static bool push_names(GENERAL_NAMES *names, int type, const char *const *texts)
{
    for (; texts && *texts; texts++) {
        if (!push_name(names, type, *texts))
            return false;
    }
    return true;
}

static bool add_names(X509 *cert, const struct edge_cert_order *order)
{
    EDGE_CLEANUP(GENERAL_NAMES_free) GENERAL_NAMES *names = GENERAL_NAMES_new();

    if (!names || !push_names(names, GEN_DNS, order->dns) ||
        !push_names(names, GEN_URI, order->uri))
        return false;
    return sk_GENERAL_NAME_num(names) == 0 ||
           X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) == 1;
}

static int check_issuer(X509 *issuer, const struct edge_key *issuer_key,
                        const struct edge_cert_order *order, struct edge_err *err)
{
    ASN1_TIME *begin;
    bool over;

    if (X509_check_ca(issuer) != 1)
        return edge_fail(err, EDGE_EINVALID, "the issuer's certificate is not one of a CA");
    if (X509_check_private_key(issuer, issuer_key->pkey) != 1)
        return tls_fail(err, EDGE_EINVALID, "the issuer's key does not fit its certificate");
    begin = ASN1_TIME_set(NULL, order->not_before_s);
    over = !begin || ASN1_TIME_compare(begin, X509_get0_notAfter(issuer)) >= 0;
    ASN1_TIME_free(begin);
    return over ? edge_fail(err, EDGE_EINVALID, "the issuer's certificate has expired") : 0;
}

static bool is_ascii(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c <= ' ' || *c > '~')
            return false;
    }
    return *text != '\0';
}

static int check_names(const char *const *texts, struct edge_err *err)
{
    for (; texts && *texts; texts++) {
        if (!is_ascii(*texts))
            return edge_fail(err, EDGE_EINVALID,
                             "\"%.64s\" cannot be an alternative name of a certificate: it is "
                             "empty, or has blanks or letters beyond ASCII",
                             *texts);
    }
    return 0;
}

static int check_order(const struct edge_cert_order *order, struct edge_err *err)
{
    size_t len = strnlen(order->cn, TLS_NAME_MAX + 1);
    int rc;

    if (len == 0 || len > TLS_NAME_MAX)
        return edge_fail(err, EDGE_EINVALID, "a common name has 1 to %d characters", TLS_NAME_MAX);
    if (order->not_after_s <= order->not_before_s)
        return edge_fail(err, EDGE_EINVALID, "a certificate that ends before it begins");
    rc = check_names(order->dns, err);
    return rc < 0 ? rc : check_names(order->uri, err);
}

static bool build(X509 *cert, const struct edge_cert_order *order, X509 *issuer)
{
    return X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
           set_subject(cert, order->cn) && set_times(cert, order, issuer) &&
           X509_set_pubkey(cert, order->key->pkey) == 1 &&
           X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert)) == 1 &&
           add_constraints(cert, order) && add_usage(cert, order->use) &&
           add_key_ids(cert, issuer) && add_names(cert, order);
}

static const EVP_MD *digest_for(EVP_PKEY *key)
{
    int id = EVP_PKEY_get_base_id(key);

    return id == EVP_PKEY_ED25519 || id == EVP_PKEY_ED448 ? NULL : EVP_sha256();
}

static int issue(const struct edge_cert_order *order, X509 *issuer,
                 const struct edge_key *issuer_key, char **ret, struct edge_err *err)
{
    EDGE_CLEANUP(tls_certs_free) tls_certs *certs = sk_X509_new_null();
    X509 *cert = X509_new();

    if (!certs || !cert || sk_X509_push(certs, cert) <= 0) {
        X509_free(cert);
        return edge_fail(err, -ENOMEM, "no memory for a certificate");
    }
    if (!build(cert, order, issuer))
        return tls_fail(err, EDGE_EINVALID, "cannot make the certificate");
    if (X509_sign(cert, issuer_key->pkey, digest_for(issuer_key->pkey)) <= 0)
        return tls_fail(err, EDGE_EUNAVAILABLE, "cannot sign the certificate");
    *ret = tls_certs_pem(certs, 0);
    return *ret ? 0 : edge_fail(err, -ENOMEM, "no memory for a certificate");
}

int edge_cert_issue(const struct edge_cert_order *order, const char *issuer_pem,
                    const struct edge_key *issuer_key, char **ret, struct edge_err *err)
{
    EDGE_CLEANUP(tls_certs_free) tls_certs *issuers = NULL;
    int rc = check_order(order, err);

    ERR_clear_error();
    if (rc < 0)
        return rc;
    if (!issuer_pem)
        return issue(order, NULL, order->key, ret, err);
    rc = tls_read_certs(issuer_pem, &issuers, err);
    if (rc < 0)
        return edge_wrap(err, rc, "the issuer's certificate");
    rc = check_issuer(sk_X509_value(issuers, 0), issuer_key, order, err);
    return rc < 0 ? rc : issue(order, sk_X509_value(issuers, 0), issuer_key, ret, err);
}
