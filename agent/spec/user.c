/* "user[:group]" against an image's own passwd and group files, which are hostile text: a line that
 * is not whole and well-formed counts as absent. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/spec/spec.h"
#include "common/json/utf8.h"

enum {
    ID_MAX = INT32_MAX, /* Docker's limit */
    GROUPS_MAX = 1024,
    WHO_MAX = 256,
    FIELDS = 7,
};

struct span {
    const char *at;
    size_t len;
};

static bool same(const struct span *a, const struct span *b)
{
    return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

static int number(const struct span *span, uint32_t *ret)
{
    uint64_t value = 0;

    if (span->len == 0 || span->len > 10)
        return EDGE_EINVALID;
    for (size_t i = 0; i < span->len; i++) {
        if (span->at[i] < '0' || span->at[i] > '9')
            return EDGE_EINVALID;
        value = value * 10 + (uint64_t) (span->at[i] - '0');
    }
    if (value > ID_MAX)
        return EDGE_EINVALID;
    *ret = (uint32_t) value;
    return 0;
}

static struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

/* The next line cut at colons, the last field takes the rest. @return fields found, 0 at the end */
static size_t next_line(const char **text, struct span fields[FIELDS])
{
    const char *at = *text;
    const char *end;
    size_t n = 0;

    if (!at || !*at)
        return 0;
    end = at + strcspn(at, "\n");
    *text = *end ? end + 1 : end;
    for (;;) {
        const char *colon = memchr(at, ':', (size_t) (end - at));

        if (!colon || n == FIELDS - 1)
            colon = end;
        fields[n++] = (struct span){at, (size_t) (colon - at)};
        if (colon == end)
            return n;
        at = colon + 1;
    }
}

struct passwd_line {
    struct span name;
    struct span home;
    uint32_t uid;
    uint32_t gid;
};

static bool parse_passwd(const struct span fields[FIELDS], size_t n, struct passwd_line *ret)
{
    if (n < 6 || fields[0].len == 0 || number(&fields[2], &ret->uid) < 0 ||
        number(&fields[3], &ret->gid) < 0)
        return false;
    ret->name = fields[0];
    ret->home = fields[5];
    return true;
}

/* The first line of that name, or of that number when @p who is one. */
static bool find_user(const char *passwd, const struct span *who, struct passwd_line *ret)
{
    struct span fields[FIELDS];
    uint32_t uid = 0;
    bool numeric = number(who, &uid) == 0;
    size_t n;

    while ((n = next_line(&passwd, fields)) > 0) {
        struct passwd_line line;

        if (!parse_passwd(fields, n, &line))
            continue;
        if (numeric ? line.uid == uid : same(&line.name, who)) {
            *ret = line;
            return true;
        }
    }
    return false;
}

/* The group of that name, or of that number when @p who is one. */
static bool find_group(const char *group, const struct span *who, uint32_t *ret)
{
    struct span fields[FIELDS];
    uint32_t wanted;
    bool numeric = number(who, &wanted) == 0;
    size_t n;

    while (!numeric && (n = next_line(&group, fields)) > 0) {
        uint32_t gid;

        if (n < 3 || number(&fields[2], &gid) < 0)
            continue;
        if (same(&fields[0], who)) {
            *ret = gid;
            return true;
        }
    }
    if (numeric)
        *ret = wanted;
    return numeric;
}

static int add_group(struct agent_user *user, uint32_t gid)
{
    uint32_t *more;

    for (size_t i = 0; i < user->ngroups; i++) {
        if (user->groups[i] == gid)
            return 0;
    }
    if (user->ngroups >= GROUPS_MAX)
        return EDGE_ELIMIT;
    more = realloc(user->groups, (user->ngroups + 1) * sizeof *more);
    if (!more)
        return -ENOMEM;
    user->groups = more;
    more[user->ngroups++] = gid;
    return 0;
}

/* @p members is "a,b,c" */
static bool lists(const struct span *members, const struct span *name)
{
    const char *at = members->at;
    const char *end = at + members->len;

    while (at < end) {
        const char *comma = memchr(at, ',', (size_t) (end - at));
        size_t len = (size_t) ((comma ? comma : end) - at);

        if (same(&(struct span){at, len}, name))
            return true;
        at += len + 1;
    }
    return false;
}

/* Every group that lists @p name. */
static int add_memberships(struct agent_user *user, const char *group, const struct span *name)
{
    struct span fields[FIELDS];
    size_t n;
    int rc = 0;

    while (rc == 0 && (n = next_line(&group, fields)) > 0) {
        uint32_t gid;

        if (n >= 4 && number(&fields[2], &gid) == 0 && lists(&fields[3], name))
            rc = add_group(user, gid);
    }
    return rc;
}

static int add_extra(struct agent_user *user, const char *group, char *const *add,
                     struct edge_err *err)
{
    int rc = 0;

    for (; add && *add && rc == 0; add++) {
        struct span who = span_of(*add);
        uint32_t gid;

        if (!find_group(group, &who, &gid))
            return edge_fail(err, EDGE_EINVALID,
                             "HostConfig.GroupAdd: the image has no group `%.80s`", *add);
        rc = add_group(user, gid);
    }
    return rc;
}

static int set_home(struct agent_user *user, const struct span *home)
{
    bool usable = home->len > 0 && *home->at == '/' && edge_utf8_valid(home->at, home->len);

    user->home = usable ? strndup(home->at, home->len) : strdup("/");
    return user->home ? 0 : -ENOMEM;
}

/* uid, primary group and home; @p ret_name is empty when the user has no line. */
static int resolve_user(const char *passwd, const struct span *who, struct agent_user *user,
                        struct span *ret_name, struct edge_err *err)
{
    static const struct span root = {"0", 1};
    struct passwd_line line = {.home = {"/", 1}};

    if (find_user(passwd, who->len > 0 ? who : &root, &line))
        *ret_name = line.name;
    else if (who->len > 0 && number(who, &line.uid) < 0)
        return edge_fail(err, EDGE_EINVALID, "User: the image has no user `%.*s`", (int) who->len,
                         who->at);
    user->uid = line.uid;
    user->gid = line.gid;
    return set_home(user, &line.home);
}

static int resolve(const char *who, const char *passwd, const char *group, char *const *add,
                   struct agent_user *user, struct edge_err *err)
{
    size_t colon = strcspn(who, ":");
    struct span name = {who, colon};
    struct span wanted = span_of(who[colon] ? who + colon + 1 : "");
    struct span found = {"", 0};
    int rc = resolve_user(passwd, &name, user, &found, err);

    if (rc == 0 && wanted.len > 0 && !find_group(group, &wanted, &user->gid))
        return edge_fail(err, EDGE_EINVALID, "User: the image has no group `%s`", wanted.at);
    if (rc == 0)
        rc = add_group(user, user->gid);
    if (rc == 0 && wanted.len == 0 && found.len > 0)
        rc = add_memberships(user, group, &found);
    if (rc == 0)
        rc = add_extra(user, group, add, err);
    if (rc == EDGE_ELIMIT)
        return edge_fail(err, rc, "User: more than %d groups", GROUPS_MAX);
    return rc;
}

int agent_user_resolve(const char *who, const char *passwd, const char *group, char *const *add,
                       struct agent_user *ret, struct edge_err *err)
{
    struct agent_user user = {0};
    int rc;

    if (strlen(who) > WHO_MAX)
        return edge_fail(err, EDGE_ELIMIT, "User: is longer than %d bytes", WHO_MAX);
    rc = resolve(who, passwd, group, add, &user, err);
    if (rc < 0) {
        agent_user_fini(&user);
        return rc;
    }
    *ret = user;
    return 0;
}

void agent_user_fini(struct agent_user *user)
{
    free(user->groups);
    free(user->home);
    *user = (struct agent_user){0};
}
