/* createOptions' top level, and what is settled when every member has been read. */
#include "agent/spec/options.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/spec/options_read.h"

static const struct opt_member members[] = {
    {"Hostname", opt_hostname, OPT_AT(hostname)},
    {"Domainname", opt_hostname, OPT_AT(domainname)},
    {"User", opt_word, OPT_AT(user)},
    {"Tty", opt_bool, OPT_AT(tty)},
    {"Env", opt_env, OPT_AT(env)},
    {"Cmd", opt_texts, OPT_AT(cmd)},
    {"Entrypoint", opt_texts, OPT_AT(entrypoint)},
    {"WorkingDir", opt_workdir, OPT_AT(workdir)},
    {"Labels", opt_labels, 0},
    {"Volumes", opt_volumes, 0},
    {"ExposedPorts", opt_exposed_ports, 0},
    {"Healthcheck", opt_health, 0},
    {"MacAddress", opt_mac, OPT_AT(mac_address)},
    {"NetworkDisabled", opt_network_disabled, 0},
    {"StopSignal", opt_stop_signal, OPT_AT(stop_signal)},
    {"StopTimeout", opt_stop_timeout, OPT_AT(stop_timeout_s)},
    {"HostConfig", opt_host_config, 0},
    {"NetworkingConfig", opt_networking, 0},
    /* Of no consequence here: nobody attaches, and the deployment names image and module. */
    {"AttachStdin", opt_accept, 0},
    {"AttachStdout", opt_accept, 0},
    {"AttachStderr", opt_accept, 0},
    {"OpenStdin", opt_accept, 0},
    {"StdinOnce", opt_accept, 0},
    {"ArgsEscaped", opt_accept, 0},
    {"Image", opt_accept, 0},
    {"Name", opt_accept, 0},
    {"OnBuild", opt_accept, 0},
    {"Shell", opt_accept, 0},
};

static int settle(struct opt_reader *reader)
{
    int rc = opt_settle_network(reader);

    if (rc == 0 && reader->out->publish_all)
        rc = opt_publish_exposed(reader);
    if (rc == 0)
        rc = opt_check_ports(reader);
    if (rc == 0)
        rc = opt_check_mounts(reader);
    if (rc == 0)
        rc = opt_check_resources(reader);
    return rc;
}

static void reader_init(struct opt_reader *reader, struct agent_options *out, struct edge_err *err)
{
    *reader = (struct opt_reader){.out = out, .err = err};
    edge_buf_init(&reader->ignored, (size_t) OPT_MAX_IGNORED * 2);
}

static void reader_fini(struct opt_reader *reader)
{
    for (size_t i = 0; i < reader->nexposed; i++)
        free(reader->exposed[i].host_ip);
    free(reader->exposed);
    free(reader->network.mode);
    edge_buf_fini(&reader->ignored);
}

static int keep_ignored(struct opt_reader *reader)
{
    char *text = reader->ignored.len > 0 ? edge_buf_take(&reader->ignored) : edge_strdup("");

    return opt_keep(&reader->out->ignored, text);
}

static struct agent_options *new_options(void)
{
    struct agent_options *options = calloc(1, sizeof *options);

    if (!options)
        return NULL;
    options->stop_timeout_s = -1;
    options->memory_swappiness = -1;
    options->pid_mode = edge_strdup("");
    options->ipc_mode = edge_strdup("");
    options->uts_mode = edge_strdup("");
    options->cgroupns_mode = edge_strdup("");
    if (!options->pid_mode || !options->ipc_mode || !options->uts_mode || !options->cgroupns_mode)
        return agent_options_free(options);
    return options;
}

int agent_options_parse(const struct edge_json *json, struct agent_options **ret,
                        struct edge_err *err)
{
    EDGE_CLEANUP(agent_options_free) struct agent_options *options = new_options();
    struct opt_reader reader;
    int rc = 0;

    if (!options)
        return -ENOMEM;
    if (json && !edge_json_is(json, EDGE_JSON_OBJECT))
        return edge_fail(err, EDGE_EINVALID, "createOptions must be an object, not %s",
                         edge_json_kind_name(edge_json_kind(json)));
    reader_init(&reader, options, err);
    if (json)
        rc = opt_read_members(&reader, json, members, EDGE_ARRAY_LEN(members), options);
    if (rc == 0) {
        opt_leave(&reader, 0);
        rc = settle(&reader);
    }
    if (rc == 0)
        rc = keep_ignored(&reader);
    reader_fini(&reader);
    if (rc < 0)
        return rc;
    *ret = EDGE_TAKE(options);
    return 0;
}

/* What an image may supply, read as if it were createOptions. */
static int read_image(struct opt_reader *reader, const struct edge_json *config, bool publish)
{
    const struct opt_member image_members[] = {
        {"Volumes", opt_volumes, 0},
        {"ExposedPorts", publish ? opt_exposed_ports : opt_accept, 0},
        {"Healthcheck", opt_health, 0},
        {"StopSignal", opt_stop_signal, OPT_AT(stop_signal)},
    };

    opt_leave(reader, 0);
    (void) opt_enter(reader, "image");
    return opt_read_members(reader, config, image_members, EDGE_ARRAY_LEN(image_members),
                            reader->out);
}

static void inherit_health(struct agent_healthcheck *ours, struct agent_healthcheck *image)
{
    if (!ours->test || !ours->test[0]) {
        opt_strv_free(ours->test);
        ours->test = EDGE_TAKE(image->test);
    }
    if (ours->interval_ms == 0)
        ours->interval_ms = image->interval_ms;
    if (ours->timeout_ms == 0)
        ours->timeout_ms = image->timeout_ms;
    if (ours->start_ms == 0)
        ours->start_ms = image->start_ms;
    if (ours->retries == 0)
        ours->retries = image->retries;
}

static int inherit_volumes(struct agent_options *options, char *const *targets)
{
    int rc = 0;

    for (; targets && *targets && rc == 0; targets++) {
        if (!opt_strv_has(options->volumes, *targets))
            rc = opt_strv_add(&options->volumes, edge_strdup(*targets));
    }
    return rc;
}

/* @p from lends what it has; @p reader has read it. */
static int inherit(struct agent_options *options, struct opt_reader *reader)
{
    struct agent_options *from = reader->out;
    int rc = inherit_volumes(options, from->volumes);

    if (rc < 0)
        return rc;
    inherit_health(&options->health, &from->health);
    if (!options->stop_signal)
        options->stop_signal = EDGE_TAKE(from->stop_signal);
    reader->out = options;
    if (options->publish_all)
        rc = opt_publish_exposed(reader);
    if (rc == 0)
        rc = opt_check_ports(reader);
    return rc < 0 ? rc : opt_check_mounts(reader);
}

int agent_options_inherit(struct agent_options *options, const struct edge_json *image_config,
                          struct edge_err *err)
{
    EDGE_CLEANUP(agent_options_free) struct agent_options *from = new_options();
    struct opt_reader reader;
    int rc;

    if (!from)
        return -ENOMEM;
    if (!image_config)
        return 0;
    reader_init(&reader, from, err);
    rc = read_image(&reader, image_config, options->publish_all);
    if (rc == 0)
        rc = inherit(options, &reader);
    reader_fini(&reader);
    return rc;
}
