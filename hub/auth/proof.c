#include "hub/auth/proof.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/encode.h"
#include "common/crypto/sha256.h"
#include "common/iothub/sas.h"
#include "common/tls/cert.h"

enum { CHAIN_MAX = 10, PARTS = 5 };

static enum hub_verdict doubt(struct edge_err *why, const char *text)
{
    edge_fail(why, EDGE_EAUTH, "%s", text);
    return HUB_DOUBTFUL;
}

static enum hub_verdict wrong(struct edge_err *why, const char *text)
{
    edge_fail(why, EDGE_EAUTH, "%s", text);
    return HUB_WRONG;
}

/* ---- tokens ---- */

static bool is_id(const char *part, size_t len, const char *id)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf once_more = EDGE_BUF_INIT(EDGE_SAS_MAX);

    if (strlen(id) == len && strncasecmp(part, id, len) == 0)
        return true;
    /* Some SDKs encode each id before the whole. */
    return memchr(part, '%', len) && edge_percent_decode(&once_more, part, len) == 0 &&
           once_more.len > 0 && strcasecmp(once_more.data, id) == 0;
}

static bool is_text(const char *part, size_t len, const char *text)
{
    return strlen(text) == len && memcmp(part, text, len) == 0;
}

static bool is_host(const char *part, size_t len, const struct hub_house *house)
{
    return (strlen(house->hub_name) == len && strncasecmp(part, house->hub_name, len) == 0) ||
           (strlen(house->hostname) == len && strncasecmp(part, house->hostname, len) == 0);
}

/* "host/devices/d" or "host/devices/d/modules/m"; a module may come with its device's. */
static bool is_audience(const char *resource, const struct hub_house *house,
                        const struct edge_identity *who)
{
    const char *part[PARTS];
    size_t len[PARTS];
    size_t count = 0;

    for (const char *at = resource; at && count <= PARTS;) {
        const char *slash = strchr(at, '/');

        if (count == PARTS)
            return false;
        part[count] = at;
        len[count++] = slash ? (size_t) (slash - at) : strlen(at);
        at = slash ? slash + 1 : NULL;
    }
    if ((count != 3 && count != PARTS) || !is_host(part[0], len[0], house) ||
        !is_text(part[1], len[1], "devices") || !is_id(part[2], len[2], who->device))
        return false;
    return count == 3 ||
           (is_text(part[3], len[3], "modules") && is_id(part[4], len[4], who->module));
}

static bool uses_keys(const struct hub_entry *entry)
{
    return entry && entry->enabled && entry->kind == HUB_BY_KEY;
}

static const struct hub_key *signer_of(const struct edge_sas *sas, const struct hub_entry *entry)
{
    const struct hub_key *found = NULL;

    for (size_t i = 0; uses_keys(entry) && i < EDGE_ARRAY_LEN(entry->key); i++) {
        const struct hub_key *key = &entry->key[i];

        if (key->len > 0 && edge_sas_signed_by(sas, (struct edge_bytes){key->bytes, key->len}))
            found = key;
    }
    return found;
}

static enum hub_verdict prove_signature(const struct edge_sas *sas, const struct hub_entry *entry,
                                        const struct hub_entry *device, struct hub_proof *ret,
                                        struct edge_err *why)
{
    const struct hub_key *key = signer_of(sas, entry);

    if (!key)
        key = signer_of(sas, device);
    if (!key && !uses_keys(entry) && !uses_keys(device))
        return doubt(why,
                     "the identity does not use tokens: IoT Hub has another authentication for it");
    if (!key)
        return doubt(why,
                     "the token's signature is wrong: IoT Hub has other keys for this identity");
    *ret = (struct hub_proof){.kind = HUB_PROOF_KEY, .until_s = sas->se + HUB_GRACE_S};
    edge_sha256_of(key->bytes, key->len, ret->sha256);
    return HUB_PROVEN;
}

static enum hub_verdict check_token(const struct hub_house *house, const struct edge_sas *sas,
                                    const struct edge_identity *who, int64_t now_s,
                                    struct edge_err *why)
{
    if (sas->se < now_s - HUB_GRACE_S)
        return wrong(why, "the token has expired: a new one is needed, or a clock is wrong");
    if (sas->se > INT64_MAX - HUB_GRACE_S)
        return wrong(why, "the token's end is no time");
    if (!is_audience(sas->resource, house, who))
        return wrong(why,
                     "the token is for another resource than {hub}/devices/{id}[/modules/{id}]");
    return HUB_PROVEN;
}

/* ---- certificates ---- */

static enum hub_verdict check_certificate(const struct hub_claim *claim, int64_t now_s,
                                          struct edge_cert_info *ret, struct edge_err *why)
{
    if (*claim->who.module)
        return wrong(why, "modules cannot use certificates");
    if (edge_cert_read(claim->certificate->chain_pem, ret, NULL) < 0 || ret->count > CHAIN_MAX)
        return wrong(why, "the certificate cannot be read");
    if (now_s < ret->not_before_s || now_s > ret->not_after_s)
        return wrong(why,
                     "the certificate is not valid now: a new one is needed, or a clock is wrong");
    return HUB_PROVEN;
}

static bool has_thumbprint(const struct hub_entry *entry, const char *sha1, const char *sha256)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(entry->thumbprint); i++) {
        const char *print = entry->thumbprint[i];

        if (*print && (strcasecmp(print, sha1) == 0 || strcasecmp(print, sha256) == 0))
            return true;
    }
    return false;
}

static enum hub_verdict prove_by_ca(const struct hub_house *house, const struct hub_claim *claim,
                                    const struct edge_cert_info *info, int64_t now_s,
                                    struct edge_err *why)
{
    struct edge_err detail = {0};

    if (strcmp(info->cn, claim->who.device) != 0)
        return doubt(
            why, "the certificate is for another name: its common name is to be the device's id");
    if (!house->trust_pem)
        return doubt(why, "no CA of device certificates is trusted: the trust bundle has none");
    if (edge_cert_verify(claim->certificate->chain_pem, house->trust_pem, EDGE_CERT_CLIENT, now_s,
                         &detail) < 0)
        return doubt(why, detail.text);
    return HUB_PROVEN;
}

static enum hub_verdict prove_certificate(const struct hub_house *house,
                                          const struct hub_entry *entry,
                                          const struct hub_claim *claim,
                                          const struct edge_cert_info *info, int64_t now_s,
                                          struct hub_proof *ret, struct edge_err *why)
{
    enum hub_verdict verdict = HUB_PROVEN;

    if (entry->kind == HUB_BY_THUMBPRINT) {
        if (!has_thumbprint(entry, info->sha1, info->sha256))
            verdict = doubt(
                why, "the certificate's thumbprint is another than IoT Hub has for the device");
    } else if (entry->kind == HUB_BY_CA) {
        verdict = prove_by_ca(house, claim, info, now_s, why);
    } else {
        verdict = doubt(
            why,
            "the identity does not use certificates: IoT Hub has another authentication for it");
    }
    if (verdict == HUB_PROVEN) {
        *ret = (struct hub_proof){.kind = HUB_PROOF_CERTIFICATE, .until_s = info->not_after_s};
        memcpy(ret->sha1, info->sha1, sizeof ret->sha1);
        memcpy(ret->sha256, info->sha256, sizeof ret->sha256);
    }
    return verdict;
}

/* ---- both ---- */

static bool is_disabled(const struct hub_entry *entry, const struct hub_entry *device)
{
    return !entry->enabled || (device && !device->enabled);
}

static enum hub_verdict check_entry(const struct hub_entry *entry, const struct hub_entry *device,
                                    struct edge_err *why)
{
    if (!entry)
        return doubt(why, "the identity is not in the scope of this device: IoT Hub has another "
                          "parent for it, or none");
    if (is_disabled(entry, device))
        return doubt(why, "the identity or its device is disabled in IoT Hub");
    return HUB_PROVEN;
}

static enum hub_verdict by_token(const struct hub_house *house, const struct hub_entry *entry,
                                 const struct hub_entry *device, const struct hub_claim *claim,
                                 int64_t now_s, struct hub_proof *ret, struct edge_err *why)
{
    struct edge_err detail = {0};
    enum hub_verdict verdict;
    struct edge_sas sas;

    if (edge_sas_parse(claim->token, strlen(claim->token), &sas, &detail) < 0)
        verdict = wrong(why, detail.text);
    else
        verdict = check_token(house, &sas, &claim->who, now_s, why);
    if (verdict == HUB_PROVEN)
        verdict = check_entry(entry, device, why);
    if (verdict == HUB_PROVEN)
        verdict = prove_signature(&sas, entry, device, ret, why);
    edge_sas_fini(&sas);
    return verdict;
}

enum hub_verdict hub_prove(const struct hub_house *house, const struct hub_entry *entry,
                           const struct hub_entry *device, const struct hub_claim *claim,
                           int64_t now_s, struct hub_proof *ret, struct edge_err *why)
{
    struct edge_cert_info info;
    enum hub_verdict verdict;

    if (claim->token && *claim->token)
        return by_token(house, entry, device, claim, now_s, ret, why);
    if (!claim->certificate)
        return wrong(why, "neither a token nor a certificate was shown");
    verdict = check_certificate(claim, now_s, &info, why);
    if (verdict == HUB_PROVEN)
        verdict = check_entry(entry, NULL, why);
    if (verdict == HUB_PROVEN)
        verdict = prove_certificate(house, entry, claim, &info, now_s, ret, why);
    return verdict;
}

static bool has_key(const struct hub_entry *entry, const char sha256[65])
{
    char print[EDGE_SHA256_HEX];

    for (size_t i = 0; uses_keys(entry) && i < EDGE_ARRAY_LEN(entry->key); i++) {
        edge_sha256_of(entry->key[i].bytes, entry->key[i].len, print);
        if (entry->key[i].len > 0 && strcmp(print, sha256) == 0)
            return true;
    }
    return false;
}

bool hub_proof_holds(const struct hub_proof *proof, const struct hub_entry *entry,
                     const struct hub_entry *device, int64_t now_s)
{
    if (!entry || is_disabled(entry, device) || now_s > proof->until_s)
        return false;
    if (proof->kind == HUB_PROOF_KEY)
        return has_key(entry, proof->sha256) || has_key(device, proof->sha256);
    return entry->kind == HUB_BY_CA ||
           (entry->kind == HUB_BY_THUMBPRINT && has_thumbprint(entry, proof->sha1, proof->sha256));
}
