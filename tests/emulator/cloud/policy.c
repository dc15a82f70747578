#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/encode.h"
#include "common/crypto/hmac.h"
#include "common/iothub/sas.h"
#include "tests/emulator/cloud/internal.h"

enum { KEY_MADE = 32, KEY_MAX = 64, ALL_RIGHTS = 255, NAME_MAX_LEN = 64 };

static unsigned rights_of(const char *name)
{
    static const struct {
        const char *name;
        unsigned rights;
    } known[] = {
        {"service", CLOUD_SERVICE},
        {"device", CLOUD_DEVICE},
        {"registryRead", CLOUD_REGISTRY_READ},
        {"registryReadWrite", CLOUD_REGISTRY_READ | CLOUD_REGISTRY_WRITE},
        {"provisioningserviceowner", CLOUD_ENROLLMENT_READ | CLOUD_ENROLLMENT_WRITE |
                                         CLOUD_REGISTRATION_READ | CLOUD_REGISTRATION_WRITE},
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(known); i++) {
        if (strcmp(known[i].name, name) == 0)
            return known[i].rights;
    }
    return ALL_RIGHTS;
}

int cloud_policy_key(struct cloud *cloud, const char *name, char **ret)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(256);
    int rc = store_get(cloud->store, STORE_POLICIES, name, "", &text);

    if (rc == STORE_ABSENT)
        return CLOUD_NOT_FOUND;
    if (rc < 0)
        return rc;
    *ret = edge_buf_take(&text);
    return *ret ? 0 : -ENOMEM;
}

int cloud_policy_put(struct cloud *cloud, const char *name, const char *key, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf plain = EDGE_BUF_INIT(KEY_MAX);
    EDGE_CLEANUP(edge_free) char *made = NULL;
    uint8_t random[KEY_MADE];
    int rc;

    if (!*name || strlen(name) > NAME_MAX_LEN)
        return edge_fail(err, EDGE_EINVALID, "a policy's name has 1 to %d characters",
                         NAME_MAX_LEN);
    if (key && (edge_base64_decode(key, strlen(key), &plain) < 0 || plain.len == 0))
        return edge_fail(err, EDGE_EINVALID, "the key of policy %s is not base64 of 1 to %d bytes",
                         name, KEY_MAX);
    if (key)
        return store_put(cloud->store, STORE_POLICIES, name, "", key);
    rc = cloud_policy_key(cloud, name, &made);
    if (rc != CLOUD_NOT_FOUND)
        return rc;
    rc = edge_random(random, sizeof random);
    if (rc < 0)
        return rc;
    made = edge_base64(random, sizeof random);
    return made ? store_put(cloud->store, STORE_POLICIES, name, "", made) : -ENOMEM;
}

static bool signed_by(const struct edge_sas *sas, const char *key, bool raw_too)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf plain = EDGE_BUF_INIT(KEY_MAX);
    struct edge_bytes raw = {(const uint8_t *) key, strlen(key)};

    if (edge_base64_decode(key, strlen(key), &plain) == 0 &&
        edge_sas_signed_by(sas, (struct edge_bytes){(const uint8_t *) plain.data, plain.len}))
        return true;
    return raw_too && edge_sas_signed_by(sas, raw);
}

/* Whose token is it, is it genuine, alive, and strong enough? Its audience is the caller's matter.
 */
static int check(struct cloud *cloud, const struct edge_sas *sas, unsigned rights, bool raw_key,
                 struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *key = NULL;
    int rc;

    if (!sas->skn)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the token names no policy (skn)");
    rc = cloud_policy_key(cloud, sas->skn, &key);
    if (rc == CLOUD_NOT_FOUND)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "there is no policy of the token's name");
    if (rc < 0)
        return rc;
    if (!signed_by(sas, key, raw_key))
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the token's signature is wrong");
    if (sas->se <= cloud_now_s(cloud))
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the token has expired");
    if ((rights_of(sas->skn) & rights) != rights)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "policy %s does not allow this", sas->skn);
    return 0;
}

int cloud_authorize(struct cloud *cloud, const char *token, unsigned rights, const char *host,
                    const char *path, bool raw_key, const char *policy, int64_t *ret_until_s,
                    struct edge_err *err)
{
    struct edge_sas sas;
    struct edge_err why = {0};
    int rc = edge_sas_parse(token, strlen(token), &sas, &why);

    if (rc < 0)
        rc = cloud_refuse(err, CLOUD_UNAUTHORIZED, "the token cannot be read: %s", why.text);
    else if (policy && sas.skn && strcmp(policy, sas.skn) != 0)
        rc = cloud_refuse(err, CLOUD_UNAUTHORIZED, "the token is of another policy");
    else
        rc = check(cloud, &sas, rights, raw_key, err);
    if (rc == 0 && !edge_sas_covers(&sas, host ? host : cloud->hostname, path))
        rc = cloud_refuse(err, CLOUD_UNAUTHORIZED, "the token is for another resource");
    if (rc == 0)
        *ret_until_s = sas.se;
    edge_sas_fini(&sas);
    return rc;
}

/* "sb://host/entity/…" in the token's resource; everything above the entity is fine, too. */
static bool covers_entity(const struct edge_sas *sas, const char *host, const char *entity)
{
    EDGE_CLEANUP(edge_free) char *want = edge_format("sb://%s/%s/", host, entity);
    size_t len = strlen(sas->resource);

    while (len > 0 && sas->resource[len - 1] == '/')
        len--;
    return want && len >= strlen("sb://") + strlen(host) && len < strlen(want) &&
           strncasecmp(want, sas->resource, len) == 0 && want[len] == '/';
}

int cloud_authorize_events(struct cloud *cloud, const char *token, const char *entity,
                           int64_t *ret_until_s, struct edge_err *err)
{
    struct edge_sas sas;
    struct edge_err why = {0};
    int rc = edge_sas_parse(token, strlen(token), &sas, &why);

    if (rc < 0)
        rc = cloud_refuse(err, CLOUD_UNAUTHORIZED, "the token cannot be read: %s", why.text);
    else
        rc = check(cloud, &sas, CLOUD_SERVICE, true, err);
    if (rc == 0 && !covers_entity(&sas, cloud->hostname, entity) &&
        !edge_sas_covers(&sas, cloud->hostname, "/messages/events"))
        rc = cloud_refuse(err, CLOUD_UNAUTHORIZED, "the token is for another resource");
    if (rc == 0)
        *ret_until_s = sas.se;
    edge_sas_fini(&sas);
    return rc;
}
