#include "agent/methods/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum {
    MATCH_STEPS = 50000, /* about a millisecond */
    MATCH_DEPTH = 1000,
    MATCH_HEAP_KIB = 1024,
    NESTING = 50,
};

struct methods_pattern {
    pcre2_code *code;
    pcre2_match_context *limits;
    pcre2_match_data *found;
};

static int compile(struct methods_pattern *p, const char *text, bool nocase, struct edge_err *err)
{
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C |
                       (nocase ? PCRE2_CASELESS : 0);
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    PCRE2_UCHAR why[128] = {0};
    PCRE2_SIZE at = 0;
    int code = 0;

    if (!context)
        return -ENOMEM;
    pcre2_set_parens_nest_limit(context, NESTING);
    p->code = pcre2_compile((PCRE2_SPTR) text, strlen(text), options, &code, &at, context);
    pcre2_compile_context_free(context);
    if (p->code)
        return 0;
    pcre2_get_error_message(code, why, sizeof why);
    return edge_fail(err, EDGE_EINVALID, "regular expression: %s at position %zu",
                     (const char *) why, at);
}

int methods_pattern_create(const char *text, bool nocase, struct methods_pattern **ret,
                           struct edge_err *err)
{
    EDGE_CLEANUP(methods_pattern_destroy) struct methods_pattern *p = NULL;
    int rc;

    if (strlen(text) > METHODS_PATTERN_MAX)
        return edge_fail(err, EDGE_ELIMIT, "the regular expression is longer than %d bytes",
                         METHODS_PATTERN_MAX);
    p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    rc = compile(p, text, nocase, err);
    if (rc < 0)
        return rc;
    p->limits = pcre2_match_context_create(NULL);
    p->found = pcre2_match_data_create(1, NULL);
    if (!p->limits || !p->found)
        return -ENOMEM;
    pcre2_set_match_limit(p->limits, MATCH_STEPS);
    pcre2_set_depth_limit(p->limits, MATCH_DEPTH);
    pcre2_set_heap_limit(p->limits, MATCH_HEAP_KIB);
    *ret = EDGE_TAKE(p);
    return 0;
}

struct methods_pattern *methods_pattern_destroy(struct methods_pattern *pattern)
{
    if (!pattern)
        return NULL;
    pcre2_match_data_free(pattern->found);
    pcre2_match_context_free(pattern->limits);
    pcre2_code_free(pattern->code);
    free(pattern);
    return NULL;
}

int methods_pattern_match(struct methods_pattern *pattern, const char *text, size_t len,
                          struct edge_err *err)
{
    int rc =
        pcre2_match(pattern->code, (PCRE2_SPTR) text, len, 0, 0, pattern->found, pattern->limits);

    if (rc >= 0)
        return 1;
    if (rc == PCRE2_ERROR_NOMATCH)
        return 0;
    return edge_fail(err, EDGE_ELIMIT, "the regular expression costs too much to match");
}
