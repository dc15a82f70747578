/* SecurityOpt, and the paths of /proc and /sys that a container may not see or write. */
#include <string.h>
#include <strings.h>

#include "agent/spec/build.h"

static const char masked[] =
    "/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats "
    "/proc/sched_debug /proc/scsi /proc/timer_list /proc/timer_stats /sys/firmware "
    "/sys/devices/virtual/powercap";
static const char readonly[] = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger";

static int set_seccomp(struct spec_build *build, const char *value)
{
    if (strcmp(value, "unconfined") == 0) {
        build->security.seccomp_off = true;
        return 0;
    }
    if (strcmp(value, "builtin") == 0 || strcmp(value, "default") == 0)
        return 0;
    if (value[strspn(value, " \t\r\n")] != '{')
        return edge_fail(build->err, EDGE_EINVALID,
                         "HostConfig.SecurityOpt: seccomp=%.100s names a file; put the profile's "
                         "JSON text there instead",
                         value);
    build->security.seccomp_profile = value;
    return 0;
}

static int set_no_new_privileges(struct spec_build *build, const char *value)
{
    if (!*value || strcasecmp(value, "true") == 0)
        build->security.no_new_privileges = true;
    else if (strcasecmp(value, "false") == 0)
        build->security.no_new_privileges = false;
    else
        return edge_fail(build->err, EDGE_EINVALID,
                         "HostConfig.SecurityOpt: no-new-privileges=%.40s must be true or false",
                         value);
    return 0;
}

static int set_apparmor(struct spec_build *build, const char *value)
{
    build->security.apparmor = strcmp(value, "unconfined") == 0 ? NULL : value;
    return 0;
}

static int set_label(struct spec_build *build, const char *value)
{
    if (strcmp(value, "disable") != 0)
        spec_notice(build, "SecurityOpt label=%.60s has no effect: SELinux is not supported.",
                    value);
    return 0;
}

static int set_system_paths(struct spec_build *build, const char *value)
{
    build->security.open_paths = strcmp(value, "unconfined") == 0;
    return 0;
}

static int read_one(struct spec_build *build, const char *text)
{
    static const struct {
        const char *name;
        int (*set)(struct spec_build *build, const char *value);
    } known[] = {
        {"seccomp", set_seccomp},
        {"apparmor", set_apparmor},
        {"no-new-privileges", set_no_new_privileges},
        {"label", set_label},
        {"systempaths", set_system_paths},
    };
    size_t len = strcspn(text, "=:"); /* the colon is Docker's old form */
    const char *value = text[len] ? text + len + 1 : "";

    for (size_t i = 0; i < EDGE_ARRAY_LEN(known); i++) {
        if (strlen(known[i].name) == len && strncmp(text, known[i].name, len) == 0)
            return known[i].set(build, value);
    }
    return edge_fail(build->err, EDGE_EINVALID, "HostConfig.SecurityOpt: `%.60s` is not known",
                     text);
}

int spec_read_security(struct spec_build *build)
{
    char *const *list = build->options->security_opt;
    int rc = 0;

    for (; list && *list && rc == 0; list++)
        rc = read_one(build, *list);
    return rc;
}

static void put_paths(struct spec_build *build)
{
    const struct agent_options *options = build->options;

    if (options->privileged || build->security.open_paths)
        return;
    if (options->masked_paths)
        spec_texts(build, build->linux_, "maskedPaths", options->masked_paths);
    else
        spec_push_words(build, spec_array(build, build->linux_, "maskedPaths"), masked);
    if (options->readonly_paths)
        spec_texts(build, build->linux_, "readonlyPaths", options->readonly_paths);
    else
        spec_push_words(build, spec_array(build, build->linux_, "readonlyPaths"), readonly);
}

static void put_apparmor(struct spec_build *build)
{
    if (!build->security.apparmor)
        return;
    if (spec_can(build, AGENT_HOST_APPARMOR))
        spec_text(build, build->process, "apparmorProfile", build->security.apparmor);
    else
        spec_notice(build, "SecurityOpt apparmor=%.60s has no effect: this host has no AppArmor.",
                    build->security.apparmor);
}

int spec_put_security(struct spec_build *build)
{
    const struct spec_security *security = &build->security;

    spec_bool(build, build->process, "noNewPrivileges", security->no_new_privileges);
    put_apparmor(build);
    put_paths(build);
    if (security->seccomp_off || (build->options->privileged && !security->seccomp_profile))
        return 0;
    if (!spec_can(build, AGENT_HOST_SECCOMP)) {
        if (security->seccomp_profile)
            spec_notice(build, "SecurityOpt seccomp has no effect: this kernel has no seccomp.");
        return 0;
    }
    if (security->seccomp_profile)
        return spec_put_seccomp_profile(build, security->seccomp_profile);
    return spec_put_seccomp(build);
}
