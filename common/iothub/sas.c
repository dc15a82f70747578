#include "common/iothub/sas.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/encode.h"
#include "common/crypto/hmac.h"

static const char scheme[] = "SharedAccessSignature ";

/* The fields as they stand in the token, NULL until seen. */
struct fields {
    char *sr, *sig, *se, *skn;
};

static char **place_of(struct fields *f, const char *name, size_t len)
{
    const struct {
        const char *name;
        char **place;
    } all[] = {{"sr", &f->sr}, {"sig", &f->sig}, {"se", &f->se}, {"skn", &f->skn}};

    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++) {
        if (strlen(all[i].name) == len && strncasecmp(all[i].name, name, len) == 0)
            return all[i].place;
    }
    return NULL;
}

/* Cut the text at its '&' and '=' in place. */
static int split(char *text, struct fields *f, struct edge_err *err)
{
    for (char *rest = text, *field; (field = strsep(&rest, "&"));) {
        char *equals = strchr(field, '=');
        char **place = equals ? place_of(f, field, (size_t) (equals - field)) : NULL;

        if (!place)
            return edge_fail(err, EDGE_EINVALID, "the token has an unknown field");
        if (*place)
            return edge_fail(err, EDGE_EINVALID, "the token has a field twice");
        *equals = '\0';
        *place = equals + 1;
    }
    return 0;
}

static int parse_expiry(const char *text, int64_t *ret)
{
    int64_t value = 0;

    if (!*text || strlen(text) > 15)
        return EDGE_EINVALID;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return EDGE_EINVALID;
        value = value * 10 + (*text - '0');
    }
    *ret = value;
    return 0;
}

/* Decoding makes shorter: it fits where it came from. */
static int decode_in_place(char *text)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(EDGE_SAS_MAX);
    int rc = edge_percent_decode(&out, text, strlen(text));

    if (rc == 0 && out.len > 0)
        memcpy(text, out.data, out.len);
    if (rc == 0)
        text[out.len] = '\0';
    return rc;
}

static int parse_signature(char *text, uint8_t sig[32])
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(64);
    int rc = decode_in_place(text);

    if (rc == 0)
        rc = edge_base64_decode(text, strlen(text), &out);
    if (rc == 0 && out.len != 32)
        rc = EDGE_EINVALID;
    if (rc == 0)
        memcpy(sig, out.data, 32);
    return rc;
}

static int take(struct edge_sas *sas, const struct fields *f, char *resource, struct edge_err *err)
{
    int rc;

    if (!f->sr || !*f->sr || !f->sig || !f->se)
        return edge_fail(err, EDGE_EINVALID, "the token lacks sr, sig or se");
    rc = parse_expiry(f->se, &sas->se);
    if (rc < 0)
        return edge_fail(err, rc, "the token's se is no time");
    rc = parse_signature(f->sig, sas->sig);
    if (rc < 0)
        return edge_fail(err, EDGE_EINVALID, "the token's sig is no signature");
    rc = f->skn ? decode_in_place(f->skn) : 0;
    if (rc == 0) {
        memcpy(resource, f->sr, strlen(f->sr) + 1);
        rc = decode_in_place(resource);
    }
    if (rc < 0)
        return edge_fail(err, rc, "the token's sr or skn is not percent-encoded well");
    sas->sr = f->sr;
    sas->resource = resource;
    sas->skn = f->skn;
    return 0;
}

int edge_sas_parse(const char *text, size_t len, struct edge_sas *ret, struct edge_err *err)
{
    size_t skip = sizeof scheme - 1; /* the last of it is any one white space */
    struct fields f = {0};
    char *body;
    int rc;

    *ret = (struct edge_sas){0};
    if (len > EDGE_SAS_MAX)
        return edge_fail(err, EDGE_ELIMIT, "the token is longer than %d bytes", EDGE_SAS_MAX);
    if (len <= skip || strncasecmp(text, scheme, skip - 1) != 0 ||
        !isspace((unsigned char) text[skip - 1]) || memchr(text, '\0', len))
        return edge_fail(err, EDGE_EINVALID, "this is no SharedAccessSignature");
    len -= skip;
    ret->raw_ = calloc(2, len + 1); /* the token, and sr decoded behind it */
    if (!ret->raw_)
        return -ENOMEM;
    ret->size_ = 2 * (len + 1);
    body = ret->raw_;
    memcpy(body, text + skip, len);
    rc = split(body, &f, err);
    return rc < 0 ? rc : take(ret, &f, body + len + 1, err);
}

void edge_sas_fini(struct edge_sas *sas)
{
    if (sas->raw_)
        explicit_bzero(sas->raw_, sas->size_);
    free(sas->raw_);
    explicit_bzero(sas, sizeof *sas);
}

static int sign(const char *sr, int64_t se, struct edge_bytes key, uint8_t mac[EDGE_HMAC_SIZE])
{
    EDGE_CLEANUP(edge_free) char *data = edge_format("%s\n%" PRId64, sr, se);

    return data ? edge_hmac_sha256(key, data, strlen(data), mac) : -ENOMEM;
}

bool edge_sas_signed_by(const struct edge_sas *sas, struct edge_bytes key)
{
    uint8_t mac[EDGE_HMAC_SIZE];
    bool same =
        sign(sas->sr, sas->se, key, mac) == 0 && edge_same_secret(mac, sas->sig, sizeof mac);

    explicit_bzero(mac, sizeof mac);
    return same;
}

/* Is @p rest the path or something above it at a '/'? */
static bool is_above(const char *rest, const char *path)
{
    size_t len = strlen(rest);

    if (len > 0 && rest[len - 1] == '/')
        len--;
    return strncmp(rest, path, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

bool edge_sas_covers(const struct edge_sas *sas, const char *host, const char *path)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf once_more = EDGE_BUF_INIT(EDGE_SAS_MAX);
    size_t n = strlen(host);
    const char *rest;

    if (strncasecmp(sas->resource, host, n) != 0)
        return false;
    rest = sas->resource + n;
    if (*rest && *rest != '/')
        return false;
    if (is_above(rest, path))
        return true;
    /* Some SDKs encode each id before the whole. */
    return edge_percent_decode(&once_more, rest, strlen(rest)) == 0 && once_more.len > 0 &&
           is_above(once_more.data, path);
}

char *edge_sas_data(const char *resource, int64_t se)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(EDGE_SAS_MAX);

    edge_percent_encode(&out, resource, strlen(resource));
    edge_buf_printf(&out, "\n%" PRId64, se);
    return edge_buf_take(&out);
}

char *edge_sas_token(const char *resource, int64_t se, const uint8_t sig[32], const char *skn)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(EDGE_SAS_MAX);
    EDGE_CLEANUP(edge_free) char *text = edge_base64(sig, 32);

    if (!text)
        return NULL;
    edge_buf_printf(&out, "%ssr=", scheme);
    edge_percent_encode(&out, resource, strlen(resource));
    edge_buf_puts(&out, "&sig=");
    edge_percent_encode(&out, text, strlen(text));
    edge_buf_printf(&out, "&se=%" PRId64, se);
    if (skn) {
        edge_buf_puts(&out, "&skn=");
        edge_percent_encode(&out, skn, strlen(skn));
    }
    return edge_buf_take(&out);
}

char *edge_sas_make(const char *resource, int64_t se, struct edge_bytes key, const char *skn)
{
    EDGE_CLEANUP(edge_free) char *data = edge_sas_data(resource, se);
    uint8_t mac[EDGE_HMAC_SIZE];
    char *token = NULL;

    if (data && edge_hmac_sha256(key, data, strlen(data), mac) == 0)
        token = edge_sas_token(resource, se, mac, skn);
    explicit_bzero(mac, sizeof mac);
    return token;
}
