#include "tests/emulator/cloud/attest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/crypto/hmac.h"
#include "common/tls/cert.h"

enum { KEY_MAX = 64, PEM_MAX = 64 * 1024, PEM_LINE = 64 };

static const char *const key_names[] = {"primaryKey", "secondaryKey"};
static const char *const places[] = {"primary", "secondary"};

/* The key of one registration, decoded into @p out. */
static int device_key(const struct edge_json *attestation, bool group, const char *registration,
                      size_t which, struct edge_buf *out)
{
    const char *text = edge_json_str(
        edge_json_get(edge_json_get(attestation, "symmetricKey"), key_names[which]), "");
    uint8_t mac[EDGE_HMAC_SIZE];
    int rc = edge_base64_decode(text, strlen(text), out);

    if (rc < 0 || out->len == 0)
        return EDGE_EINVALID;
    if (!group)
        return 0;
    rc = edge_hmac_sha256((struct edge_bytes){(const uint8_t *) out->data, out->len}, registration,
                          strlen(registration), mac);
    edge_buf_consume(out, out->len);
    return rc == 0 ? edge_buf_append(out, mac, sizeof mac) : rc;
}

bool cloud_attest_token(const struct edge_json *attestation, bool group, const char *registration,
                        const struct edge_sas *sas)
{
    bool found = false;

    if (strcmp(edge_json_str(edge_json_get(attestation, "type"), ""), "symmetricKey") != 0)
        return false;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(key_names); i++) {
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf key = EDGE_BUF_INIT(KEY_MAX);

        if (device_key(attestation, group, registration, i, &key) == 0)
            found |=
                edge_sas_signed_by(sas, (struct edge_bytes){(const uint8_t *) key.data, key.len});
    }
    return found;
}

int cloud_attest_keys(const struct edge_json *attestation, bool group, const char *registration,
                      char *ret[2])
{
    ret[0] = ret[1] = NULL;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(key_names); i++) {
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf key = EDGE_BUF_INIT(KEY_MAX);
        int rc = device_key(attestation, group, registration, i, &key);

        if (rc == 0)
            ret[i] = edge_base64(key.data, key.len);
        if (!ret[i]) {
            ret[0] = edge_free(ret[0]);
            return rc < 0 ? rc : -ENOMEM;
        }
    }
    return 0;
}

/* PEM as it is, or the base64 of the DER alone. */
static int to_pem(const char *text, struct edge_buf *pem)
{
    size_t len = strlen(text);

    if (strstr(text, "-----BEGIN"))
        return edge_buf_puts(pem, text);
    edge_buf_puts(pem, "-----BEGIN CERTIFICATE-----\n");
    for (size_t i = 0; i < len; i += PEM_LINE)
        edge_buf_printf(pem, "%.*s\n", (int) (len - i < PEM_LINE ? len - i : PEM_LINE), text + i);
    edge_buf_puts(pem, "-----END CERTIFICATE-----\n");
    return edge_buf_error(pem);
}

static bool certificate_fits(const char *text, bool group, const struct edge_tls_peer *peer,
                             int64_t now_s)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf pem = EDGE_BUF_INIT(PEM_MAX);
    struct edge_cert_info info;

    if (!*text || to_pem(text, &pem) < 0)
        return false;
    if (group)
        return edge_cert_verify(peer->chain_pem, pem.data, EDGE_CERT_CLIENT, now_s, NULL) == 0;
    return edge_cert_read(pem.data, &info, NULL) == 0 && strcmp(info.sha256, peer->sha256) == 0 &&
           now_s >= info.not_before_s && now_s <= info.not_after_s;
}

bool cloud_attest_certificate(const struct edge_json *attestation, bool group,
                              const struct edge_tls_peer *peer, int64_t now_s)
{
    const struct edge_json *certificates = edge_json_get(
        edge_json_get(attestation, "x509"), group ? "signingCertificates" : "clientCertificates");

    for (size_t i = 0; i < EDGE_ARRAY_LEN(places); i++) {
        const struct edge_json *one = edge_json_get(certificates, places[i]);

        if (certificate_fits(edge_json_str(edge_json_get(one, "certificate"), ""), group, peer,
                             now_s))
            return true;
    }
    return false;
}
