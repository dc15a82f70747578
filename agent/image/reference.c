#include "agent/image/reference.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/image/digest.h"
#include "agent/image/grammar.h"
#include "common/base/bytes.h"

enum { MAX_TEXT = 1024, MAX_NAME = 255 };

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

static int no_reference(const char *text, const char *why, struct edge_err *err)
{
    return edge_fail(err, EDGE_EINVALID, "image reference \"%.200s\": %s", text, why);
}

/* "$upstream:port/…" with the parent's name in place. */
static int expand(const char *text, const char *upstream, char **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *plain = edge_trimmed(text);
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
    if (!agent_grammar_registry(ref->registry))
        return "the registry is not a host name with an optional port";
    if (agent_grammar_has_upper(ref->repository))
        return "a repository name is written in lower case";
    if (!agent_grammar_repository(ref->repository))
        return "the repository name may hold lower-case letters and digits, with single . _ - or / "
               "between them";
    if (strlen(ref->registry) + 1 + strlen(ref->repository) > MAX_NAME)
        return "registry and repository are longer than 255 characters together";
    if (ref->tag && !agent_grammar_tag(ref->tag))
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
    if (rc == 0) {
        assert(expanded);
        rc = parse(text, expanded, &ref, err);
    }
    if (rc < 0) {
        agent_reference_fini(&ref);
        return rc;
    }
    *ret = ref;
    return 0;
}
