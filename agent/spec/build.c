#include "agent/spec/build.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void note(struct spec_build *build, int rc)
{
    if (rc < 0)
        build->oom = -ENOMEM;
}

struct edge_json *spec_object(struct spec_build *build, struct edge_json *parent, const char *name)
{
    struct edge_json *object = parent ? edge_json_need_object(parent, name) : NULL;

    note(build, object ? 0 : -ENOMEM);
    return object;
}

struct edge_json *spec_array(struct spec_build *build, struct edge_json *parent, const char *name)
{
    struct edge_json *array = parent ? edge_json_need_array(parent, name) : NULL;

    note(build, array ? 0 : -ENOMEM);
    return array;
}

struct edge_json *spec_item(struct spec_build *build, struct edge_json *array)
{
    struct edge_json *object = edge_json_new_object();
    int rc = object ? edge_json_append(array, object) : -ENOMEM;

    note(build, rc);
    return rc == 0 ? object : NULL;
}

void spec_text(struct spec_build *build, struct edge_json *object, const char *name,
               const char *text)
{
    note(build, edge_json_set_str(object, name, text));
}

void spec_int(struct spec_build *build, struct edge_json *object, const char *name, int64_t number)
{
    note(build, edge_json_set_int(object, name, number));
}

void spec_uint(struct spec_build *build, struct edge_json *object, const char *name,
               uint64_t number)
{
    struct edge_json *value = NULL;
    char text[32];
    int n = snprintf(text, sizeof text, "%" PRIu64, number);
    int rc = edge_json_parse(text, (size_t) n, &value, NULL);

    note(build, rc < 0 ? rc : edge_json_set(object, name, value));
}

void spec_bool(struct spec_build *build, struct edge_json *object, const char *name, bool truth)
{
    note(build, edge_json_set_bool(object, name, truth));
}

static void push_len(struct spec_build *build, struct edge_json *array, const char *text,
                     size_t len)
{
    struct edge_json *value = edge_json_new_str_len(text, len);

    note(build, value ? edge_json_append(array, value) : -ENOMEM);
}

void spec_push(struct spec_build *build, struct edge_json *array, const char *text)
{
    push_len(build, array, text, strlen(text));
}

void spec_push_words(struct spec_build *build, struct edge_json *array, const char *words)
{
    for (const char *at = words + strspn(words, " "); *at; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");

        push_len(build, array, at, len);
        at += len;
    }
}

void spec_texts(struct spec_build *build, struct edge_json *object, const char *name,
                char *const *list)
{
    struct edge_json *array = spec_array(build, object, name);

    for (; list && *list; list++)
        spec_push(build, array, *list);
}

bool spec_can(const struct spec_build *build, enum agent_host_ability ability)
{
    return (build->facts->host->abilities & (unsigned) ability) != 0;
}

bool spec_with_init(const struct spec_build *build)
{
    return build->options->init && build->facts->init_path &&
           strcmp(build->options->pid_mode, "host") != 0;
}

void spec_notice(struct spec_build *build, const char *fmt, ...)
{
    char text[300];
    va_list args;

    if (!build->notices)
        return;
    va_start(args, fmt);
    (void) vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void) edge_buf_printf(build->notices, "%s%s", build->notices->len > 0 ? " " : "", text);
}
