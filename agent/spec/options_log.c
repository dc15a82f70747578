/* HostConfig.LogConfig {Type, Config} and Healthcheck. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "agent/spec/options_read.h"
#include "common/base/clock.h"

/* "-1" means without end to Docker; an end there must be, so it is the default one. */
static int max_size(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    int rc = opt_text(reader, value, &text);

    if (rc < 0 || !*text || strcmp(text, "-1") == 0)
        return rc;
    if (opt_parse_size(text, field) < 0)
        return opt_fail(reader, EDGE_EINVALID, "`%.40s` is not a size such as `4m`", text);
    return 0;
}

static int max_file(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    int64_t number;
    int rc = opt_number(reader, value, &number);

    if (rc < 0)
        return rc;
    if (number < 1)
        return opt_fail(reader, EDGE_EINVALID, "must be 1 or more");
    *(int *) field = number > 1000 ? 1000 : (int) number;
    return 0;
}

static int log_options(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    static const struct opt_member members[] = {
        {"max-size", max_size, OPT_AT(log_max_size)}, {"max-file", max_file, OPT_AT(log_max_file)},
        {"compress", opt_bool, OPT_AT(log_compress)}, {"mode", opt_accept, 0},
        {"max-buffer-size", opt_accept, 0},
    };

    (void) field;
    return opt_read_members(reader, value, members, EDGE_ARRAY_LEN(members), reader->out);
}

/* A driver we do not have: its logs are kept as those of json-file are. */
static int log_type(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    static const char *const ours[] = {"", "json-file", "local", "none", "default"};
    char **type = field;
    int rc = opt_word(reader, value, field);

    for (size_t i = 0; rc == 0 && i < EDGE_ARRAY_LEN(ours); i++) {
        if (strcmp(*type, ours[i]) == 0)
            return 0;
    }
    if (rc == 0)
        opt_ignore(reader);
    return rc;
}

int opt_log_config(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    static const struct opt_member members[] = {
        {"Type", log_type, OPT_AT(log_type)},
        {"Config", log_options, 0},
    };
    struct agent_options *out = reader->out;
    int rc = opt_read_members(reader, value, members, EDGE_ARRAY_LEN(members), reader->out);

    (void) field;
    if (rc == 0 && out->log_type && !*out->log_type) {
        free(out->log_type);
        out->log_type = NULL;
    }
    return rc;
}

/* Nanoseconds, or a text such as "30s"; kept in milliseconds, at least one when there is any. */
static int duration(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    const char *text = edge_json_str(value, NULL);
    int64_t ns;

    if (edge_json_loose_int(value, &ns) < 0 && (!text || edge_span_parse(text, &ns) < 0))
        return opt_fail(reader, EDGE_EINVALID, "must be a number of nanoseconds");
    if (ns < 0)
        return opt_fail(reader, EDGE_EINVALID, "may not be negative");
    if (ns > 0 && ns < 1000000)
        return opt_fail(reader, EDGE_EINVALID,
                        "is less than a millisecond: the number counts nanoseconds");
    *(int64_t *) field = ns / 1000000;
    return 0;
}

static int retries(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    int64_t number;
    int rc = opt_count(reader, value, &number);

    if (rc == 0)
        *(int *) field = number > 1000000 ? 1000000 : (int) number;
    return rc;
}

static int check_test(struct opt_reader *reader, char *const *test)
{
    if (!test[0] || strcmp(test[0], "NONE") == 0)
        return 0;
    if (strcmp(test[0], "CMD") != 0 && strcmp(test[0], "CMD-SHELL") != 0)
        return opt_fail(reader, EDGE_EINVALID, "must begin with NONE, CMD or CMD-SHELL");
    if (!test[1])
        return opt_fail(reader, EDGE_EINVALID, "holds no command");
    return 0;
}

/* A text alone is a shell command, as in a Dockerfile. */
static int test(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    char ***list = field;
    int rc = 0;

    if (!edge_json_is(value, EDGE_JSON_STRING)) {
        rc = opt_texts(reader, value, field);
        return rc < 0 ? rc : check_test(reader, *list);
    }
    opt_strv_free(*list);
    *list = NULL;
    if (*edge_json_str(value, ""))
        rc = opt_strv_add(list, strdup("CMD-SHELL"));
    if (rc == 0 && *list)
        rc = opt_strv_add(list, strdup(edge_json_str(value, "")));
    return rc;
}

#define HEALTH_AT(field) OPT_AT(health.field)

int opt_health(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    static const struct opt_member members[] = {
        {"Test", test, HEALTH_AT(test)},
        {"Interval", duration, HEALTH_AT(interval_ms)},
        {"Timeout", duration, HEALTH_AT(timeout_ms)},
        {"StartPeriod", duration, HEALTH_AT(start_ms)},
        {"StartInterval", opt_accept, 0},
        {"Retries", retries, HEALTH_AT(retries)},
    };

    (void) field;
    return opt_read_members(reader, value, members, EDGE_ARRAY_LEN(members), reader->out);
}
