#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/crypto/hmac.h"
#include "tests/emulator/cloud/internal.h"

enum { KEY_MIN = 16, KEY_MAX = 64, KEY_MADE = 32 };

static int make_key(struct edge_json *object, const char *name)
{
    uint8_t key[KEY_MADE];
    EDGE_CLEANUP(edge_free) char *text = NULL;
    int rc = edge_random(key, sizeof key);

    if (rc < 0)
        return rc;
    text = edge_base64(key, sizeof key);
    return text ? edge_json_set_str(object, name, text) : -ENOMEM;
}

static bool key_valid(const char *text)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf key = EDGE_BUF_INIT(KEY_MAX);

    return edge_base64_decode(text, strlen(text), &key) == 0 && key.len >= KEY_MIN;
}

/* The given key, else the one there was, else a new one. */
static int one_key(const struct edge_json *wanted, const struct edge_json *old, const char *name,
                   struct edge_json *keys, struct edge_err *err)
{
    const char *text = edge_json_str(edge_json_get_nocase(wanted, name), "");

    if (!*text)
        text = edge_json_str(edge_json_get(old, name), "");
    if (!*text)
        return make_key(keys, name);
    if (!key_valid(text))
        return cloud_refuse(err, CLOUD_INVALID, "%s is not base64 of 16 to 64 bytes", name);
    return edge_json_set_str(keys, name, text);
}

static int read_keys(const struct edge_json *wanted, const struct edge_json *old,
                     struct edge_json *made, struct edge_err *err)
{
    const struct edge_json *given = edge_json_get_nocase(wanted, "symmetricKey");
    const struct edge_json *had = edge_json_get(old, "symmetricKey");
    struct edge_json *keys = edge_json_need_object(made, "symmetricKey");
    int rc = one_key(given, had, "primaryKey", keys, err);

    return rc == 0 ? one_key(given, had, "secondaryKey", keys, err) : rc;
}

static bool thumbprint_valid(const char *text)
{
    size_t len = strlen(text);

    return (len == 40 || len == 64) && strspn(text, "0123456789abcdefABCDEF") == len;
}

static int read_thumbprints(const struct edge_json *wanted, const struct edge_json *old,
                            struct edge_json *made, struct edge_err *err)
{
    static const char *const names[] = {"primaryThumbprint", "secondaryThumbprint"};
    const struct edge_json *given = edge_json_get_nocase(wanted, "x509Thumbprint");
    struct edge_json *prints = edge_json_need_object(made, "x509Thumbprint");
    bool any = false;
    int rc = 0;

    if (!given)
        given = edge_json_get(old, "x509Thumbprint");
    for (size_t i = 0; i < EDGE_ARRAY_LEN(names) && rc == 0; i++) {
        const char *text = edge_json_str(edge_json_get_nocase(given, names[i]), "");

        if (*text && !thumbprint_valid(text))
            return cloud_refuse(err, CLOUD_INVALID, "%s is no SHA-1 or SHA-256 thumbprint",
                                names[i]);
        any = any || *text;
        rc = edge_json_set_str(prints, names[i], *text ? text : NULL);
    }
    if (rc == 0 && !any)
        return cloud_refuse(err, CLOUD_INVALID, "a self-signed identity needs a thumbprint");
    return rc;
}

static int no_keys(struct edge_json *made)
{
    struct edge_json *keys = edge_json_need_object(made, "symmetricKey");
    int rc = edge_json_set(keys, "primaryKey", NULL);

    return rc == 0 ? edge_json_set(keys, "secondaryKey", NULL) : rc;
}

static int no_thumbprints(struct edge_json *made)
{
    struct edge_json *prints = edge_json_need_object(made, "x509Thumbprint");
    int rc = edge_json_set(prints, "primaryThumbprint", NULL);

    return rc == 0 ? edge_json_set(prints, "secondaryThumbprint", NULL) : rc;
}

static const char *kind_of(const struct edge_json *wanted)
{
    const struct edge_json *thumbprints = edge_json_get_nocase(wanted, "x509Thumbprint");
    const char *kind = edge_json_str(edge_json_get_nocase(wanted, "type"), NULL);

    if (kind)
        return kind;
    if (*edge_json_str(edge_json_get_nocase(thumbprints, "primaryThumbprint"), ""))
        return "selfSigned";
    return "sas";
}

int cloud_authentication_read(const struct edge_json *wanted, const struct edge_json *old,
                              struct edge_json **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *made = edge_json_new_object();
    const char *kind = wanted ? kind_of(wanted) : edge_json_str(edge_json_get(old, "type"), "sas");
    int rc;

    if (!made)
        return -ENOMEM;
    if (strcmp(kind, "sas") == 0) {
        rc = read_keys(wanted, old, made, err);
        if (rc == 0)
            rc = no_thumbprints(made);
    } else if (strcmp(kind, "selfSigned") == 0) {
        rc = no_keys(made);
        if (rc == 0)
            rc = read_thumbprints(wanted, old, made, err);
    } else if (strcmp(kind, "certificateAuthority") == 0 || strcmp(kind, "none") == 0) {
        rc = no_keys(made);
        if (rc == 0)
            rc = no_thumbprints(made);
    } else {
        return cloud_refuse(err, CLOUD_INVALID, "authentication.type is none that is known");
    }
    if (rc == 0)
        rc = edge_json_set_str(made, "type", kind);
    if (rc == 0)
        *ret = EDGE_TAKE(made);
    return rc;
}
