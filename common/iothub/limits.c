/* What IoT Hub takes into a section of a twin. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/iothub/twin.h"

#define ELEMENT     "[]"
#define INTEGER_MAX INT64_C(4503599627370495) /* 52 bits, and one more below zero */

enum { PATH_MAX_TEXT = 200, NUMBER_SIZE = 8, BOOL_SIZE = 4 };

/* Where in the section a value stands, for the error. */
struct place {
    const struct place *above;
    const char *name;
    unsigned depth;
};

static void print_place(const struct place *place, struct edge_buf *out)
{
    if (!place->name)
        return;
    print_place(place->above, out);
    edge_buf_printf(out, "%s%.40s", out->len ? "." : "", place->name);
}

/* As IoT Hub words it, and where it stands when that is not at the top. */
static int refuse(const struct place *place, int code, struct edge_err *err, const char *fmt, ...)
    EDGE_PRINTF(4, 5);
static int refuse(const struct place *place, int code, struct edge_err *err, const char *fmt, ...)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf path = EDGE_BUF_INIT(PATH_MAX_TEXT);
    char text[PATH_MAX_TEXT];
    va_list args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (place->above && place->above->name)
        print_place(place, &path);
    return edge_fail(err, code, "%s%s%s", text, path.data ? ": " : "", path.data ? path.data : "");
}

/* The member that a value belongs to: elements of arrays have no name of their own. */
static const char *member_of(const struct place *place)
{
    while (place->name && strcmp(place->name, ELEMENT) == 0)
        place = place->above;
    return place->name ? place->name : "";
}

/* C0, DEL, and C1 in its two bytes of UTF-8. */
static bool is_control(const char *c)
{
    const unsigned char *u = (const unsigned char *) c;

    return u[0] < 0x20 || u[0] == 0x7f || (u[0] == 0xc2 && u[1] >= 0x80 && u[1] < 0xa0);
}

static int check_name(const struct place *place, const struct edge_twin_limits *limits,
                      struct edge_err *err)
{
    const char *name = place->name;

    if (!*name)
        return refuse(place, EDGE_EINVALID, err, "Property name is empty");
    if (strlen(name) > limits->name)
        return refuse(place, EDGE_ELIMIT, err,
                      "Length of property name %.10s.. exceeds maximum length of %zu", name,
                      limits->name);
    for (const char *c = name; *c; c++) {
        if (is_control(c))
            return refuse(place, EDGE_EINVALID, err, "Property name contains a control character");
        if (strchr(".$# ", *c))
            return refuse(place, EDGE_EINVALID, err,
                          "Property name %.40s contains invalid character '%c'", name, *c);
    }
    return 0;
}

static int check_value(const struct edge_json *value, const struct place *place,
                       const struct edge_twin_limits *limits, struct edge_err *err);

static int check_depth(const struct place *place, const struct edge_twin_limits *limits,
                       struct edge_err *err)
{
    if (place->depth <= limits->depth)
        return 0;
    return refuse(place, EDGE_ELIMIT, err, "Nested depth of twin property exceeds %u",
                  limits->depth);
}

static int check_object(const struct edge_json *object, const struct place *place,
                        const struct edge_twin_limits *limits, struct edge_err *err)
{
    int rc = check_depth(place, limits, err);

    if (rc < 0)
        return rc;
    for (edge_json_foreach (it, object)) {
        struct place here = {place, it.name, place->depth + 1};

        rc = check_name(&here, limits, err);
        if (rc == 0)
            rc = check_value(it.value, &here, limits, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int check_array(const struct edge_json *array, const struct place *place,
                       const struct edge_twin_limits *limits, struct edge_err *err)
{
    struct place here = {place, ELEMENT, place->depth + 1};
    int rc = check_depth(place, limits, err);

    for (size_t i = 0; rc == 0 && i < edge_json_len(array); i++) {
        const struct edge_json *element = edge_json_at(array, i);

        rc = element ? check_value(element, &here, limits, err)
                     : refuse(place, EDGE_EINVALID, err, "Arrays cannot contain 'null' as value");
    }
    return rc;
}

static int check_value(const struct edge_json *value, const struct place *place,
                       const struct edge_twin_limits *limits, struct edge_err *err)
{
    int64_t number;
    size_t len;

    switch (edge_json_kind(value)) {
    case EDGE_JSON_OBJECT:
        return check_object(value, place, limits, err);
    case EDGE_JSON_ARRAY:
        return check_array(value, place, limits, err);
    case EDGE_JSON_STRING:
        len = strlen(edge_json_str(value, ""));
        if (len > limits->string)
            return refuse(place, EDGE_ELIMIT, err,
                          "Value associated with property name %.40s has length %zu that exceeds "
                          "maximum length of %zu",
                          member_of(place), len, limits->string);
        return 0;
    case EDGE_JSON_INT:
        number = edge_json_int(value, 0);
        if (number > INTEGER_MAX || number < -INTEGER_MAX - 1)
            return refuse(place, EDGE_EINVALID, err,
                          "Property %.40s has an out of bound value. Valid values are between "
                          "%" PRId64 " and %" PRId64,
                          member_of(place), -INTEGER_MAX - 1, INTEGER_MAX);
        return 0;
    case EDGE_JSON_NULL:
    case EDGE_JSON_BOOL:
    case EDGE_JSON_DOUBLE:
        break;
    }
    return 0;
}

int edge_twin_check(const struct edge_json *section, const struct edge_twin_limits *limits,
                    struct edge_err *err)
{
    struct place top = {NULL, NULL, 0};
    size_t size;
    int rc;

    if (!edge_json_is(section, EDGE_JSON_OBJECT))
        return edge_fail(err, EDGE_EINVALID, "the section is no object");
    rc = check_object(section, &top, limits, err);
    if (rc < 0)
        return rc;
    size = edge_twin_size(section);
    if (size > limits->section)
        return edge_fail(err, EDGE_ELIMIT, "the section has %zu characters, more than %zu", size,
                         limits->section);
    return 0;
}

/* All but control characters; a character counts once, however many bytes it has. */
static size_t text_size(const char *text)
{
    size_t size = 0;

    for (const char *c = text; *c; c++)
        size += !is_control(c) && ((unsigned char) *c & 0xc0) != 0x80;
    return size;
}

static size_t value_size(const struct edge_json *value)
{
    size_t size = 0;

    switch (edge_json_kind(value)) {
    case EDGE_JSON_OBJECT:
        return edge_twin_size(value);
    case EDGE_JSON_ARRAY:
        for (size_t i = 0; i < edge_json_len(value); i++)
            size += value_size(edge_json_at(value, i));
        return size;
    case EDGE_JSON_STRING:
        return text_size(edge_json_str(value, ""));
    case EDGE_JSON_INT:
    case EDGE_JSON_DOUBLE:
        return NUMBER_SIZE;
    case EDGE_JSON_BOOL:
        return BOOL_SIZE;
    case EDGE_JSON_NULL:
        break;
    }
    return 0;
}

size_t edge_twin_size(const struct edge_json *section)
{
    size_t size = 0;

    for (edge_json_foreach (it, section))
        size += text_size(it.name) + value_size(it.value);
    return size;
}
