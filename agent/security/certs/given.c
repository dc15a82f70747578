#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/security/certs/ca.h"
#include "common/base/file.h"

void sec_issuer_fini(struct sec_issuer *issuer)
{
    free(issuer->chain_pem);
    edge_key_free(issuer->key);
    *issuer = (struct sec_issuer){0};
}

size_t sec_pem_next(const char *text, const char **ret)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    static const char end[] = "-----END CERTIFICATE-----";
    const char *from = strstr(text, begin);
    const char *to = from ? strstr(from, end) : NULL;

    if (!to)
        return 0;
    *ret = from;
    return (size_t) (to - from) + sizeof end - 1;
}

int sec_pem_read(const char *path, struct edge_buf *out, struct edge_err *err)
{
    struct edge_cert_info info = {0};
    int rc = edge_file_read(path, out, err);

    if (rc == 0)
        rc = edge_cert_read(out->data ? out->data : "", &info, err);
    return rc < 0 ? edge_wrap(err, rc, "the certificate file %s", path) : 0;
}

int sec_key_read(const char *path_or_uri, struct edge_key **ret, struct edge_err *err)
{
    struct edge_buf pem = EDGE_BUF_INIT(64 * 1024);
    int rc;

    if (strncmp(path_or_uri, "pkcs11:", 7) == 0)
        return edge_key_load(path_or_uri, ret, err);
    rc = edge_file_read(path_or_uri, &pem, err);
    if (rc == 0)
        rc = edge_key_load(pem.data ? pem.data : "", ret, err);
    if (pem.data)
        explicit_bzero(pem.data, pem.len);
    edge_buf_fini(&pem);
    return rc < 0 ? edge_wrap(err, rc, "the private key %s", path_or_uri) : 0;
}

static int check_given(const char *cert, const struct sec_issuer *issuer,
                       const struct edge_cert_info *info, int64_t now_s, struct edge_err *err)
{
    if (!edge_cert_fits(issuer->chain_pem, issuer->key))
        return edge_fail(err, EDGE_EINVALID,
                         "certificates.device_ca_pk is not the key of the first certificate in %s",
                         cert);
    if (!info->is_ca)
        return edge_fail(err, EDGE_EINVALID, "the first certificate in %s is not a CA's", cert);
    if (info->not_after_s <= now_s)
        return edge_fail(err, EDGE_EUNAVAILABLE,
                         "the CA in %s has expired, or the device's clock is wrong", cert);
    return 0;
}

int sec_given_issuer(const char *cert, const char *pk, int64_t now_s, struct sec_issuer *ret,
                     struct edge_err *err)
{
    struct edge_buf pem = EDGE_BUF_INIT(SEC_PEM_MAX);
    struct edge_cert_info info = {0};
    int rc = sec_pem_read(cert, &pem, err);

    *ret = (struct sec_issuer){0};
    ret->chain_pem = rc == 0 ? edge_buf_take(&pem) : NULL;
    edge_buf_fini(&pem);
    if (rc == 0 && !ret->chain_pem)
        rc = -ENOMEM;
    if (rc == 0)
        rc = edge_cert_read(ret->chain_pem, &info, err);
    if (rc == 0)
        rc = sec_key_read(pk, &ret->key, err);
    if (rc == 0)
        rc = check_given(cert, ret, &info, now_s, err);
    if (rc < 0) {
        sec_issuer_fini(ret);
        return rc;
    }
    ret->not_before_s = info.not_before_s;
    ret->not_after_s = info.not_after_s;
    return 0;
}
