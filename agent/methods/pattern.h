/* agent/methods/pattern.h - regular expressions of strangers, with limits on what a match may cost.
 * The only file that knows PCRE2. Any thread, an object belongs to one. */
#ifndef AGENT_METHODS_PATTERN_H
#define AGENT_METHODS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

enum { METHODS_PATTERN_MAX = 1024 };

struct methods_pattern;

/** @return 0, EDGE_EINVALID (err says where), EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int methods_pattern_create(const char *text, bool nocase,
                                           struct methods_pattern **ret, struct edge_err *err);
struct methods_pattern *methods_pattern_destroy(struct methods_pattern *pattern);
EDGE_DEFINE_CLEANUP(struct methods_pattern *, methods_pattern_destroy)

/** Anywhere in the text. @return 1 it matches, 0 it does not, EDGE_ELIMIT: too costly to say */
EDGE_MUST_CHECK int methods_pattern_match(struct methods_pattern *pattern, const char *text,
                                          size_t len, struct edge_err *err);

#endif
