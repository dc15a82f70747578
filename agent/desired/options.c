/* createOptions: Docker's JSON as text, cut into pieces where a twin's texts are too short for it:
 * createOptions, createOptions01, createOptions02, … */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/desired/reader.h"
#include "agent/spec/options.h"

#define BASE "createOptions"
#define PATH "settings.createOptions"

enum { MAX_PIECES = 99 };

/* Digits that make a number from 1 to @p pieces - 1? */
static bool is_within(const char *digits, int pieces)
{
    long number = strtol(digits, NULL, 10);

    return number >= 1 && number < pieces;
}

/* Is this member's name createOptions with nothing but digits behind? */
static bool is_piece(const char *name)
{
    size_t len = strlen(BASE);

    return strncasecmp(name, BASE, len) == 0 &&
           name[len + strspn(name + len, "0123456789")] == '\0';
}

/* Pieces that are there under names that do not follow on: a gap, 00, 001, or no base. */
static int check_names(const struct desired_reader *r, const struct edge_json *settings, int pieces)
{
    size_t len = strlen(BASE);

    for (edge_json_foreach (it, settings)) {
        const char *number = it.name + len;

        if (!is_piece(it.name) || !*number)
            continue;
        if (pieces == 0)
            return desired_bad(r, PATH, "there is %.40s, but no " BASE, it.name);
        if (strlen(number) != 2 || !is_within(number, pieces))
            return desired_bad(r, PATH,
                               "%.40s does not follow on: after " BASE " come 01, 02, … without "
                               "a gap",
                               it.name);
    }
    return 0;
}

static int append_piece(const struct desired_reader *r, const struct edge_json *piece,
                        struct edge_buf *text)
{
    EDGE_CLEANUP(edge_free) char *part = NULL;
    int rc;

    if (!piece)
        return 0; /* null: nothing */
    rc = edge_json_loose_str(piece, &part);
    if (rc == EDGE_EINVALID)
        return desired_bad(r, PATH, "its pieces must be texts, not %s",
                           edge_json_kind_name(edge_json_kind(piece)));
    return rc < 0 ? rc : edge_buf_puts(text, part);
}

/* All pieces in order; stops at the first number that is not there. */
static int join(const struct desired_reader *r, const struct edge_json *settings,
                struct edge_buf *text, int *ret_pieces)
{
    char name[32] = BASE;

    for (int i = 0; i <= MAX_PIECES; i++) {
        int rc;

        if (i > 0)
            (void) snprintf(name, sizeof name, BASE "%02d", i);
        if (!desired_has(settings, name))
            break;
        rc = append_piece(r, edge_json_get_nocase(settings, name), text);
        if (rc < 0)
            return rc;
        *ret_pieces = i + 1;
    }
    return 0;
}

static int parse(const struct desired_reader *r, const struct edge_buf *text,
                 struct edge_json **ret)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *options = NULL;
    const char *start = text->data ? text->data : "";
    int rc;

    while (isspace((unsigned char) *start))
        start++;
    if (*start) {
        rc = edge_json_parse(start, strlen(start), &options, r->err);
        if (rc < 0)
            return rc == -ENOMEM ? rc : desired_wrap(r, rc, PATH);
    }
    if (options && !edge_json_is(options, EDGE_JSON_OBJECT))
        return desired_bad(r, PATH, "must hold an object, not %s",
                           edge_json_kind_name(edge_json_kind(options)));
    *ret = options ? EDGE_TAKE(options) : edge_json_new_object();
    return *ret ? 0 : -ENOMEM;
}

static bool is_reserved(const struct desired_reader *r, const char *target)
{
    size_t len = r->reserved ? strlen(r->reserved) : 0;

    return len > 0 && strncmp(target, r->reserved, len) == 0 &&
           (target[len] == '\0' || target[len] == '/');
}

static int check_target(const struct desired_reader *r, const char *target)
{
    if (!is_reserved(r, target))
        return 0;
    return desired_bad(r, PATH,
                       "HostConfig: a mount on %.120s would hide the workload socket: remove it, "
                       "the runtime mounts it",
                       target);
}

static int check_targets(const struct desired_reader *r, const struct agent_options *options)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < options->nmounts; i++)
        rc = check_target(r, options->mounts[i].target);
    for (char *const *at = options->volumes; rc == 0 && at && *at; at++)
        rc = check_target(r, *at);
    return rc;
}

/* What cannot become a container is refused with the document, not found out when the old container
 * is gone. */
static int check_members(const struct desired_reader *r, const struct edge_json *options)
{
    EDGE_CLEANUP(agent_options_free) struct agent_options *read = NULL;
    int rc = agent_options_parse(options, &read, r->err);

    if (rc == 0)
        return check_targets(r, read);
    if (rc == -ENOMEM)
        return rc;
    return desired_wrap(r, rc == EDGE_ELIMIT ? rc : EDGE_EINVALID, PATH);
}

int desired_take_options(const struct desired_reader *r, const struct edge_json *settings,
                         struct edge_json **ret)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(DESIRED_MAX_BYTES);
    const struct edge_json *whole = edge_json_get_nocase(settings, BASE);
    int pieces = 0;
    int rc;

    if (edge_json_is(whole, EDGE_JSON_OBJECT)) {
        rc = check_names(r, settings, 1);
        if (rc < 0)
            return rc;
        *ret = edge_json_copy(whole);
        return *ret ? check_members(r, *ret) : -ENOMEM;
    }
    rc = join(r, settings, &text, &pieces);
    if (rc == 0)
        rc = check_names(r, settings, pieces);
    if (rc == 0)
        rc = parse(r, &text, ret);
    return rc < 0 ? rc : check_members(r, *ret);
}
