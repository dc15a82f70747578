/* agent/image/grammar.h - the parts of an image reference (distribution/reference). Pure. */
#ifndef AGENT_IMAGE_GRAMMAR_H
#define AGENT_IMAGE_GRAMMAR_H

#include <stdbool.h>

/** "host", "host.domain:5000", "[::1]:5000" */
bool agent_grammar_registry(const char *text);
/** "a", "a/b_c/d--e" */
bool agent_grammar_repository(const char *text);
bool agent_grammar_tag(const char *text);
bool agent_grammar_has_upper(const char *text);

#endif
