/* agent/spec/build.h - inside the room: the spec while it is being built, part by part.
 * The setters remember a lack of memory: print much, check once (spec_check). */
#ifndef AGENT_SPEC_BUILD_H
#define AGENT_SPEC_BUILD_H

#include "agent/spec/spec.h"

/** What HostConfig.SecurityOpt says. Texts are borrowed from the options. */
struct spec_security {
    bool seccomp_off;
    const char *seccomp_profile; /* a Docker profile's JSON text, or NULL */
    const char *apparmor;        /* a profile's name, or NULL */
    bool no_new_privileges;
    bool open_paths; /* systempaths=unconfined: nothing masked */
};

struct spec_build {
    const struct agent_options *options;
    const struct agent_spec_facts *facts;
    struct edge_json *root;
    struct edge_json *process;
    struct edge_json *linux_;
    struct edge_buf *notices; /* or NULL */
    struct edge_err *err;
    struct spec_security security;
    uint64_t capabilities; /* what the process gets */
    int oom;               /* sticky: 0 or -ENOMEM */
};

/* Setting members; a NULL object stands for one there was no memory for. */
struct edge_json *spec_object(struct spec_build *build, struct edge_json *parent, const char *name);
struct edge_json *spec_array(struct spec_build *build, struct edge_json *parent, const char *name);
/** A new object at the end of @p array. Borrowed. */
struct edge_json *spec_item(struct spec_build *build, struct edge_json *array);
void spec_text(struct spec_build *build, struct edge_json *object, const char *name,
               const char *text);
void spec_int(struct spec_build *build, struct edge_json *object, const char *name, int64_t number);
/** Also what int64_t cannot hold. */
void spec_uint(struct spec_build *build, struct edge_json *object, const char *name,
               uint64_t number);
void spec_bool(struct spec_build *build, struct edge_json *object, const char *name, bool truth);
void spec_push(struct spec_build *build, struct edge_json *array, const char *text);
/** Every blank-separated word of @p words. */
void spec_push_words(struct spec_build *build, struct edge_json *array, const char *words);
void spec_texts(struct spec_build *build, struct edge_json *object, const char *name,
                char *const *list);

bool spec_can(const struct spec_build *build, enum agent_host_ability ability);
/** An init program runs as pid 1, the command is its child. */
bool spec_with_init(const struct spec_build *build);
/** A sentence for the module's status. */
void spec_notice(struct spec_build *build, const char *fmt, ...) EDGE_PRINTF(2, 3);

/* Capabilities. */
/** "CHOWN", "cap_chown" to its bit. @return 0 or EDGE_EINVALID */
int spec_cap_parse(const char *text, unsigned *ret);
/** Docker's default set, CapAdd and CapDrop, Privileged, cut to what the host can give. */
int spec_choose_caps(const struct agent_options *options, uint64_t available, uint64_t *ret,
                     struct edge_err *err);
/** Add members bounding, effective and permitted. */
void spec_put_caps(struct spec_build *build);

/* The parts. Each returns 0 or what agent_spec_build documents. */
int spec_read_security(struct spec_build *build);
int spec_put_security(struct spec_build *build);
int spec_put_seccomp(struct spec_build *build);
/** A profile as Docker writes it, its conditions settled. */
int spec_put_seccomp_profile(struct spec_build *build, const char *text);
/** OCI names of the machine's architectures, the native one first, separated by blanks; NULL for an
 * unknown machine. @param ret_go  Go's name of it */
const char *spec_seccomp_arches(const char *machine, const char **ret_go);
int spec_put_process(struct spec_build *build);
int spec_put_mounts(struct spec_build *build);
int spec_put_namespaces(struct spec_build *build);
int spec_put_sysctls(struct spec_build *build);
int spec_put_devices(struct spec_build *build);
int spec_put_resources(struct spec_build *build);

#endif
