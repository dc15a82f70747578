/* agent/desired/reader.h - taking members out of a document, with errors that say where.
 * For this room only. Pure; any thread. Names of members are matched without case; an exact match
 * wins. */
#ifndef AGENT_DESIRED_READER_H
#define AGENT_DESIRED_READER_H

#include "agent/desired/desired.h"
#include "common/base/bytes.h"

struct desired_reader {
    const char *module;   /* whose members are being read, or NULL */
    const char *upstream; /* the parent's host, or NULL */
    const char *reserved; /* as in agent_desired_rules */
    struct edge_err *err;
};

enum {
    DESIRED_MAX_BYTES = 1 << 20,
    DESIRED_MAX_MODULES = 200,
    DESIRED_MAX_ENV = 1000,
    DESIRED_MAX_CREDENTIALS = 64,
    DESIRED_MAX_NAME = 128,
    DESIRED_MAX_VALUE = 128 << 10, /* longer a variable cannot be (Linux, MAX_ARG_STRLEN) */
};

/** EDGE_EINVALID with `module "cam": path: …`. */
int desired_bad(const struct desired_reader *r, const char *path, const char *fmt, ...)
    EDGE_PRINTF(3, 4);
/** The same with another code. */
int desired_wrap(const struct desired_reader *r, int code, const char *path);

/** True also for a member whose value is null. */
bool desired_has(const struct edge_json *object, const char *name);

/** A text, or a number or boolean as text. Absent or null: @p fallback, an error when that is NULL.
 * @param ret  owned by the caller; replaced only on success, what it held is not freed */
EDGE_MUST_CHECK int desired_take_text(const struct desired_reader *r,
                                      const struct edge_json *object, const char *name,
                                      const char *path, const char *fallback, char **ret);
/** An object. @p ret is borrowed; NULL when absent or null and not @p required. */
EDGE_MUST_CHECK int desired_take_object(const struct desired_reader *r,
                                        const struct edge_json *object, const char *name,
                                        const char *path, bool required, struct edge_json **ret);

/** Words of the documents, any case. @p what lists them in errors.
 * @param ordinals  a number stands for the word at that place */
struct desired_words {
    const char *const *words;
    int len;
    const char *what; /* "\"running\" or \"stopped\"" */
    bool ordinals;
};
/** @param fallback  for an absent member; -1: it must be there. null is an error. */
EDGE_MUST_CHECK int desired_take_word(const struct desired_reader *r,
                                      const struct edge_json *object, const char *name,
                                      const struct desired_words *words, int fallback, int *ret);

/** The document without what tools wrap around it, layers merged. @p ret is owned. */
EDGE_MUST_CHECK int desired_unwrap(const struct desired_reader *r, struct edge_json *document,
                                   struct edge_json **ret);

/** schemaVersion, runtime. */
EDGE_MUST_CHECK int desired_take_schema(const struct desired_reader *r,
                                        const struct edge_json *document, char **ret);
EDGE_MUST_CHECK int desired_take_runtime(const struct desired_reader *r,
                                         const struct edge_json *document,
                                         struct agent_desired *desired);

/** All of a module but its text and hash. @p spec is zero but for the name. */
EDGE_MUST_CHECK int desired_take_module(const struct desired_reader *r,
                                        const struct edge_json *module,
                                        struct agent_module_spec *spec);
EDGE_MUST_CHECK int desired_check_module_name(const struct desired_reader *r, const char *name);
EDGE_MUST_CHECK int desired_take_env(const struct desired_reader *r, const struct edge_json *module,
                                     bool flat, struct agent_module_spec *spec);
EDGE_MUST_CHECK int desired_take_image(const struct desired_reader *r,
                                       const struct edge_json *settings, const char *path,
                                       char **ret);
/** createOptions and its continuations as one object. */
EDGE_MUST_CHECK int desired_take_options(const struct desired_reader *r,
                                         const struct edge_json *settings, struct edge_json **ret);

/** Words, shared by the document and the spec's text. */
extern const struct desired_words desired_wants;
extern const struct desired_words desired_policies;
extern const struct desired_words desired_pull_policies;
EDGE_MUST_CHECK int desired_take_order(const struct desired_reader *r,
                                       const struct edge_json *module, uint32_t *ret);

/** Set text and hash of a spec whose other members are complete. @return 0 or -ENOMEM */
EDGE_MUST_CHECK int desired_spec_finish(struct agent_module_spec *spec);
void desired_spec_fini(struct agent_module_spec *spec);

#endif
