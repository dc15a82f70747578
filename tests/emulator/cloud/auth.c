#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/encode.h"
#include "common/iothub/sas.h"
#include "common/tls/cert.h"
#include "tests/emulator/cloud/internal.h"

enum { KEY_MAX = 64 };

/* Some clients encode the ids of their resource, some write them as they are. */
static bool covers(const struct edge_sas *sas, const char *host, const struct edge_identity *who)
{
    EDGE_CLEANUP(edge_free) char *encoded = edge_identity_resource(who, "");
    EDGE_CLEANUP(edge_free)
    char *plain = edge_format(*who->module ? "/devices/%s/modules/%s" : "/devices/%s", who->device,
                              who->module);

    return (encoded && edge_sas_covers(sas, host, encoded)) ||
           (plain && edge_sas_covers(sas, host, plain));
}

static bool signed_by(const struct edge_sas *sas, const struct edge_json *identity)
{
    static const char *const names[] = {"primaryKey", "secondaryKey"};
    const struct edge_json *keys =
        edge_json_get(edge_json_get(identity, "authentication"), "symmetricKey");
    bool found = false;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++) {
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf key = EDGE_BUF_INIT(KEY_MAX);
        const char *text = edge_json_str(edge_json_get(keys, names[i]), "");

        if (edge_base64_decode(text, strlen(text), &key) == 0 && key.len > 0)
            found |=
                edge_sas_signed_by(sas, (struct edge_bytes){(const uint8_t *) key.data, key.len});
        if (key.data)
            explicit_bzero(key.data, key.len);
    }
    return found;
}

static int prove_token(struct cloud *cloud, const char *token, const struct edge_identity *who,
                       const struct edge_json *identity, int64_t *ret_until_s, struct edge_err *err)
{
    const char *kind =
        edge_json_str(edge_json_get(edge_json_get(identity, "authentication"), "type"), "");
    struct edge_sas sas;
    struct edge_err why = {0};
    int rc = edge_sas_parse(token, strlen(token), &sas, &why);

    if (rc < 0)
        rc = cloud_refuse(err, CLOUD_UNAUTHORIZED, "the token cannot be read: %s", why.text);
    else if (sas.skn)
        rc = cloud_authorize(cloud, token, CLOUD_DEVICE, NULL, "", false, NULL, ret_until_s, err);
    else if (strcmp(kind, "sas") != 0)
        rc = cloud_refuse(err, CLOUD_UNAUTHORIZED, "the identity does not use tokens");
    else if (!covers(&sas, cloud->hostname, who))
        rc = cloud_refuse(err, CLOUD_UNAUTHORIZED, "the token is for another resource");
    else if (!signed_by(&sas, identity))
        rc = cloud_refuse(err, CLOUD_UNAUTHORIZED, "the token's signature is wrong");
    else if (sas.se <= cloud_now_s(cloud))
        rc = cloud_refuse(err, CLOUD_UNAUTHORIZED, "the token has expired");
    else
        *ret_until_s = sas.se;
    edge_sas_fini(&sas);
    return rc;
}

static bool thumbprint_is(const struct edge_json *authentication, const char *name,
                          const struct edge_tls_peer *peer)
{
    const char *wanted =
        edge_json_str(edge_json_get(edge_json_get(authentication, "x509Thumbprint"), name), "");

    return *wanted &&
           (strcasecmp(wanted, peer->sha1) == 0 || strcasecmp(wanted, peer->sha256) == 0);
}

static int prove_certificate(struct cloud *cloud, const struct edge_tls_peer *peer,
                             const struct edge_identity *who, const struct edge_json *identity,
                             struct edge_err *err)
{
    const struct edge_json *authentication = edge_json_get(identity, "authentication");
    const char *kind = edge_json_str(edge_json_get(authentication, "type"), "");
    struct edge_cert_info info;
    struct edge_err why = {0};
    char cn[CLOUD_KEY];
    int64_t now = cloud_now_s(cloud);

    if (edge_cert_read(peer->chain_pem, &info, &why) < 0)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the certificate cannot be read");
    if (now < info.not_before_s || now > info.not_after_s)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the certificate is not valid now");
    if (strcmp(kind, "selfSigned") == 0) {
        if (thumbprint_is(authentication, "primaryThumbprint", peer) ||
            thumbprint_is(authentication, "secondaryThumbprint", peer))
            return 0;
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the certificate's thumbprint is another");
    }
    if (strcmp(kind, "certificateAuthority") != 0)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the identity does not use certificates");
    cloud_key(who->device, who->module, cn);
    if (strcmp(peer->cn, cn) != 0)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the certificate is for another name");
    if (!cloud->device_ca ||
        edge_cert_verify(peer->chain_pem, cloud->device_ca, EDGE_CERT_CLIENT, now, &why) < 0)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED,
                            "the certificate does not lead to a registered CA");
    return 0;
}

static int check_enabled(struct cloud *cloud, const struct edge_identity *who,
                         struct edge_json **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *device = NULL;
    int rc = cloud_identity_load(cloud, who->device, "", &device, err);

    if (rc != 0)
        return rc;
    if (strcmp(edge_json_str(edge_json_get(device, "status"), ""), "enabled") != 0)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "device %s is disabled", who->device);
    if (*who->module)
        return cloud_identity_load(cloud, who->device, who->module, ret, err);
    *ret = EDGE_TAKE(device);
    return 0;
}

int cloud_prove(struct cloud *cloud, const char *token, const struct edge_tls_peer *certificate,
                const struct edge_identity *who, int64_t *ret_until_s, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;
    int rc = check_enabled(cloud, who, &identity, err);

    if (rc != 0)
        return rc;
    if (token && *token)
        return prove_token(cloud, token, who, identity, ret_until_s, err);
    if (!certificate)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "neither a token nor a certificate was shown");
    *ret_until_s = INT64_MAX;
    return prove_certificate(cloud, certificate, who, identity, err);
}

int cloud_authorize_device(struct cloud *cloud, const char *token,
                           const struct edge_tls_peer *certificate, const struct edge_identity *who,
                           struct edge_err *err)
{
    struct edge_identity device = *who;
    int64_t until_s;
    int rc = cloud_prove(cloud, token, certificate, who, &until_s, err);

    if (rc == 0 || rc < 0 || !*who->module)
        return rc;
    *device.module = '\0';
    return cloud_prove(cloud, token, certificate, &device, &until_s, err);
}

static int judge(struct cloud *cloud, const struct hub_claim *claim, int64_t *ret_until_s,
                 struct edge_err *err)
{
    if (cloud->faults.throttle)
        return cloud_refuse(err, CLOUD_THROTTLED, "throttled");
    if (claim->host && strcasecmp(claim->host, cloud->hostname) != 0)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "this is %s, not %.128s", cloud->hostname,
                            claim->host);
    if (claim->auth_chain && *claim->auth_chain)
        return cloud_prove_chain(cloud, claim, ret_until_s, err);
    return cloud_prove(cloud, claim->token, claim->certificate, &claim->who, ret_until_s, err);
}

/* A question waits for the cloud's latency like everything else. */
struct asked {
    struct cloud_wait wait;
    struct hub_grant grant;
    hub_grant_done *done;
    void *arg;
};

static void answer(int rc, struct cloud_wait *wait)
{
    struct asked *asked = EDGE_CONTAINER_OF(wait, struct asked, wait);

    (void) rc; /* nothing was written */
    asked->done(&asked->grant, asked->arg);
    free(asked);
}

void cloud_authenticate(void *backend, const struct hub_claim *claim, hub_grant_done *done,
                        void *arg)
{
    struct cloud *cloud = backend;
    struct hub_grant grant = {.until_s = 0};
    struct edge_err err = {0};
    int rc = 0;

    if (cloud->faults.refuse) {
        grant.result = HUB_UNAVAILABLE;
        snprintf(grant.reason, sizeof grant.reason, "new connections are refused");
    } else {
        rc = judge(cloud, claim, &grant.until_s, &err);
        grant.result = cloud_hub_result(rc);
        snprintf(grant.reason, sizeof grant.reason, "%.*s", (int) sizeof grant.reason - 1,
                 err.text);
    }
    if (cloud->faults.latency_ms == 0 && !cloud->faults.freeze) {
        done(&grant, arg);
        return;
    }
    struct asked *asked = calloc(1, sizeof *asked);

    if (!asked) {
        grant.result = HUB_FAILED;
        done(&grant, arg);
        return;
    }
    *asked = (struct asked){.grant = grant, .done = done, .arg = arg};
    cloud_wait(cloud, &asked->wait, answer);
}
