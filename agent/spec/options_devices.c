/* Devices [{PathOnHost, PathInContainer, CgroupPermissions}] and DeviceCgroupRules. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/spec/options_read.h"

struct device {
    char *host;
    char *container;
    char *access;
};

static void device_fini(struct device *device)
{
    free(device->host);
    free(device->container);
    free(device->access);
}

static bool access_ok(const char *text)
{
    return strlen(text) <= 3 && strspn(text, "rwm") == strlen(text);
}

static int add_device(struct opt_reader *reader, const struct device *read)
{
    struct agent_options *out = reader->out;
    struct agent_device_option *more;
    const char *access = read->access && *read->access ? read->access : "rwm";
    const char *container = read->container && *read->container ? read->container : read->host;
    struct agent_device_option device = {0};
    int rc;

    if (!read->host || !*read->host)
        return opt_fail(reader, EDGE_EINVALID, "PathOnHost is missing");
    if (!access_ok(access))
        return opt_fail(reader, EDGE_EINVALID, "CgroupPermissions must be letters of `rwm`");
    (void) snprintf(device.access, sizeof device.access, "%s", access);
    rc = opt_clean_path(reader, read->host, &device.host);
    if (rc == 0)
        rc = opt_clean_path(reader, container, &device.container);
    more = rc == 0 ? opt_extend(out->devices, out->ndevices, sizeof *more) : NULL;
    if (!more) {
        free(device.host);
        free(device.container);
        return rc < 0 ? rc : -ENOMEM;
    }
    out->devices = more;
    more[out->ndevices++] = device;
    return 0;
}

static int read_device(struct opt_reader *reader, const struct edge_json *value)
{
    static const struct opt_member members[] = {
        {"PathOnHost", opt_text, offsetof(struct device, host)},
        {"PathInContainer", opt_text, offsetof(struct device, container)},
        {"CgroupPermissions", opt_word, offsetof(struct device, access)},
    };
    struct device device = {0};
    int rc = opt_read_members(reader, value, members, EDGE_ARRAY_LEN(members), &device);

    if (rc == 0)
        rc = add_device(reader, &device);
    device_fini(&device);
    return rc;
}

int opt_devices(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    (void) field;
    return opt_each(reader, value, read_device);
}

/* "*" or digits; @return what follows, or NULL */
static const char *skip_number(const char *at)
{
    size_t len = *at == '*' ? 1 : strspn(at, "0123456789");

    return len > 0 && len < 10 ? at + len : NULL;
}

/* "c 10:200 rwm" */
static bool rule_ok(const char *rule)
{
    const char *at = rule;

    if (!*at || !strchr("abc", *at) || at[1] != ' ')
        return false;
    at = skip_number(at + 2);
    if (!at || *at != ':')
        return false;
    at = skip_number(at + 1);
    return at && *at == ' ' && at[1] && access_ok(at + 1);
}

int opt_device_rules(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    char ***list = field;
    int rc = opt_texts(reader, value, field);

    for (size_t i = 0; rc == 0 && (*list)[i]; i++) {
        if (rule_ok((*list)[i]))
            continue;
        (void) opt_enter_index(reader, i);
        return opt_fail(reader, EDGE_EINVALID, "`%.60s` is not a rule such as `c 10:200 rwm`",
                        (*list)[i]);
    }
    return rc;
}
