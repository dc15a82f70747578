#include "agent/image/reference.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/image/digest.h"
#include "common/base/bytes.h"

enum { MAX_TEXT = 1024, MAX_NAME = 255, MAX_TAG = 128 };

static const char upstream_mark[] = "$upstream:";

void agent_reference_fini(struct agent_reference *ref)
{
    free(ref->registry);
    free(ref->repository);
    free(ref->tag);
    free(ref->digest);
    free(ref->name);
    *ref = (struct agent_reference){0};
}

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
    return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* [A-Za-z0-9] with - inside, up to @p len. */
static bool is_label(const char *text, size_t len)
{
    if (len == 0 || text[0] == '-' || text[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_alnum(text[i]) && text[i] != '-')
            return false;
    }
    return true;
}

static bool is_dotted_name(const char *text, size_t len)
{
    while (len > 0) {
        const char *dot = memchr(text, '.', len);
        size_t part = dot ? (size_t) (dot - text) : len;

        if (!is_label(text, part))
            return false;
        if (!dot)
            return true;
        text += part + 1;
        len -= part + 1;
    }
    return false;
}

static bool is_bracketed(const char *text, size_t len)
{
    if (len < 4 || text[0] != '[' || text[len - 1] != ']')
        return false;
    for (size_t i = 1; i < len - 1; i++) {
        if (!isxdigit((unsigned char) text[i]) && text[i] != ':')
            return false;
    }
    return true;
}

static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    long port = digits > 0 && digits <= 5 ? strtol(text, NULL, 10) : 0;

    return text[digits] == '\0' && port > 0 && port < 65536;
}

static bool is_registry(const char *text)
{
    const char *close = strchr(text, ']');
    const char *colon = strchr(close ? close : text, ':');
    size_t host = colon ? (size_t) (colon - text) : strlen(text);

    if (colon && !is_port(colon + 1))
        return false;
    return is_dotted_name(text, host) || is_bracketed(text, host);
}

/* Lower-case letters and digits, with ".", "_", "__" or any number of "-" between them. */
static bool is_path_component(const char *text, size_t len)
{
    size_t i = 0;

    while (i < len) {
        size_t run = 0;

        if (!is_lower_alnum(text[i]))
            return false;
        while (i < len && is_lower_alnum(text[i]))
            i++;
        if (i == len)
            return true;
        while (i + run < len && text[i + run] == text[i])
            run++;
        if (!strchr("._-", text[i]) || (text[i] == '.' && run > 1) || (text[i] == '_' && run > 2))
            return false;
        i += run;
    }
    return false;
}

static bool is_repository(const char *text)
{
    for (;;) {
        size_t len = strcspn(text, "/");

        if (!is_path_component(text, len))
            return false;
        if (text[len] == '\0')
            return true;
        text += len + 1;
    }
}

static bool is_tag(const char *text)
{
    size_t len = strlen(text);

    if (len == 0 || len > MAX_TAG || (!is_alnum(text[0]) && text[0] != '_'))
        return false;
    for (size_t i = 1; i < len; i++) {
        if (!is_alnum(text[i]) && !strchr("_.-", text[i]))
            return false;
    }
    return true;
}

static bool has_upper(const char *text)
{
    for (; *text; text++) {
        if (isupper((unsigned char) *text))
            return true;
    }
    return false;
}

static int no_reference(const char *text, const char *why, struct edge_err *err)
{
    return edge_fail(err, EDGE_EINVALID, "image reference \"%.200s\": %s", text, why);
}

static char *trimmed(const char *text)
{
    size_t len;

    while (isspace((unsigned char) *text))
        text++;
    len = strlen(text);
    while (len > 0 && isspace((unsigned char) text[len - 1]))
        len--;
    return strndup(text, len);
}

/* "$upstream:port/…" with the parent's name in place. */
static int expand(const char *text, const char *upstream, char **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *plain = trimmed(text);
    const char *rest;

    if (plain && plain[0] == '$') {
        if (strncmp(plain, upstream_mark, strlen(upstream_mark)) != 0)
            return no_reference(text, "only $upstream:port may stand for a registry", err);
        rest = plain + strlen(upstream_mark);
        if (rest[0] < '1' || rest[0] > '9')
            return no_reference(text, "$upstream needs a port, as in $upstream:443/name", err);
        if (!upstream || !*upstream)
            return no_reference(text, "$upstream is the parent device, and none is configured",
                                err);
        *ret = edge_format("%s:%s", upstream, rest);
    } else {
        *ret = EDGE_TAKE(plain);
    }
    return *ret ? 0 : edge_fail(err, -ENOMEM, "no memory");
}

/* Is the part before the first slash a host? What neither looks like one nor is "localhost" belongs
 * to the repository, as with Docker. */
static bool looks_like_registry(const char *first)
{
    return strpbrk(first, ".:[") || strcmp(first, "localhost") == 0;
}

static int set_registry(struct agent_reference *ref, const char *registry)
{
    if (strcasecmp(registry, "index.docker.io") == 0)
        registry = "docker.io";
    ref->registry = edge_strdup(registry);
    for (char *c = ref->registry; c && *c; c++)
        *c = (char) tolower((unsigned char) *c);
    return ref->registry ? 0 : -ENOMEM;
}

/* Splits @p name, which has no tag or digest any more. */
static int split_name(struct agent_reference *ref, char *name)
{
    char *slash = strchr(name, '/');
    const char *registry = "docker.io";
    const char *path = name;

    if (slash) {
        *slash = '\0';
        if (looks_like_registry(name)) {
            registry = name;
            path = slash + 1;
        } else {
            *slash = '/';
        }
    }
    if (set_registry(ref, registry) < 0)
        return -ENOMEM;
    if (strcmp(ref->registry, "docker.io") == 0 && !strchr(path, '/'))
        ref->repository = edge_format("library/%s", path);
    else
        ref->repository = edge_strdup(path);
    return ref->repository ? 0 : -ENOMEM;
}

/* Cuts the tag and the digest off @p text. */
static int split_tail(struct agent_reference *ref, char *text)
{
    char *at = strchr(text, '@');
    char *slash;
    char *colon;

    if (at) {
        *at = '\0';
        ref->digest = edge_strdup(at + 1);
    }
    slash = strrchr(text, '/');
    colon = strchr(slash ? slash : text, ':');
    if (colon) {
        *colon = '\0';
        ref->tag = edge_strdup(colon + 1);
    } else if (!at) {
        ref->tag = edge_strdup("latest");
    }
    return (at && !ref->digest) || ((colon || !at) && !ref->tag) ? -ENOMEM : 0;
}

static bool is_bare_id(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static const char *what_is_wrong(const struct agent_reference *ref)
{
    if (!is_registry(ref->registry))
        return "the registry is not a host name with an optional port";
    if (has_upper(ref->repository))
        return "a repository name is written in lower case";
    if (!is_repository(ref->repository))
        return "the repository name may hold lower-case letters and digits, with single . _ - or / "
               "between them";
    if (strlen(ref->registry) + 1 + strlen(ref->repository) > MAX_NAME)
        return "registry and repository are longer than 255 characters together";
    if (ref->tag && !is_tag(ref->tag))
        return "a tag has 1 to 128 letters, digits, _ . or -, the first not . or -";
    if (ref->digest && !agent_digest_valid(ref->digest))
        return "a digest is sha256: and 64, or sha512: and 128, lower-case hex digits";
    return NULL;
}

static char *whole(const struct agent_reference *ref)
{
    return edge_format("%s/%s%s%s%s%s", ref->registry, ref->repository, ref->tag ? ":" : "",
                       ref->tag ? ref->tag : "", ref->digest ? "@" : "",
                       ref->digest ? ref->digest : "");
}

static int parse(const char *text, char *expanded, struct agent_reference *ret,
                 struct edge_err *err)
{
    const char *wrong;

    if (!*expanded)
        return no_reference(text, "it is empty", err);
    if (is_bare_id(expanded))
        return no_reference(text, "an image id alone does not say where the image is", err);
    if (split_tail(ret, expanded) < 0 || split_name(ret, expanded) < 0)
        return edge_fail(err, -ENOMEM, "no memory");
    wrong = what_is_wrong(ret);
    if (wrong)
        return no_reference(text, wrong, err);
    ret->name = whole(ret);
    return ret->name ? 0 : edge_fail(err, -ENOMEM, "no memory");
}

int agent_reference_parse(const char *text, const char *upstream, struct agent_reference *ret,
                          struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *expanded = NULL;
    struct agent_reference ref = {0};
    int rc;

    if (strnlen(text, MAX_TEXT + 1) > MAX_TEXT)
        return no_reference(text, "it is longer than any reference can be", err);
    rc = expand(text, upstream, &expanded, err);
    if (rc == 0)
        rc = parse(text, expanded, &ref, err);
    if (rc < 0) {
        agent_reference_fini(&ref);
        return rc;
    }
    *ret = ref;
    return 0;
}
