/* The functions of the language. Arguments have the types the table says; a body's value may still
 * be of any kind. Texts are unescaped before they come here. */
#include <math.h>
#include <string.h>

#include "common/routing/program.h"
#include "common/routing/text.h"

static const struct route_value undefined = {.kind = ROUTE_UNDEFINED};

struct route_value route_number_value(double number)
{
    return isnan(number) ? undefined : (struct route_value){.kind = ROUTE_NUMBER, .number = number};
}

static struct route_value bool_value(bool truth)
{
    return (struct route_value){.kind = ROUTE_BOOL, .truth = truth};
}

static struct route_value string_value(const char *data, size_t len)
{
    return data ? (struct route_value){.kind = ROUTE_STRING, .text = {data, len}} : undefined;
}

static bool is_text(const struct route_value *value)
{
    return value->kind == ROUTE_STRING && value->text.data;
}

/* name(number) that is libm's */
#define NUMERIC(name, expression)                                                                  \
    static struct route_value do_##name(const struct route_value *args, size_t count,              \
                                        enum route_kind type, struct route_scratch *scratch)       \
    {                                                                                              \
        double x = args[0].number;                                                                 \
                                                                                                   \
        (void) count;                                                                              \
        (void) type;                                                                               \
        (void) scratch;                                                                            \
        return args[0].kind == ROUTE_NUMBER ? route_number_value(expression) : undefined;          \
    }
NUMERIC(abs, fabs(x))
NUMERIC(exp, exp(x))
NUMERIC(square, x *x)
NUMERIC(ceiling, ceil(x))
NUMERIC(floor, floor(x))
NUMERIC(sign, x > 0 ? 1 : x < 0 ? -1 : 0)
NUMERIC(sqrt, sqrt(x))

static struct route_value do_power(const struct route_value *args, size_t count,
                                   enum route_kind type, struct route_scratch *scratch)
{
    (void) count;
    (void) type;
    (void) scratch;
    if (args[0].kind != ROUTE_NUMBER || args[1].kind != ROUTE_NUMBER)
        return undefined;
    return route_number_value(pow(args[0].number, args[1].number));
}

static struct route_value do_as_number(const struct route_value *args, size_t count,
                                       enum route_kind type, struct route_scratch *scratch)
{
    double number;

    (void) count;
    (void) type;
    (void) scratch;
    if (args[0].kind == ROUTE_NUMBER)
        return args[0];
    if (!is_text(&args[0]) || !route_parse_number(args[0].text, &number))
        return undefined;
    return route_number_value(number);
}

static struct route_value do_is_bool(const struct route_value *args, size_t count,
                                     enum route_kind type, struct route_scratch *scratch)
{
    (void) count;
    (void) scratch;
    if (type != ROUTE_BOOL && type != ROUTE_BODY)
        return bool_value(false);
    return args[0].kind == ROUTE_UNDEFINED ? undefined : bool_value(args[0].kind == ROUTE_BOOL);
}

static struct route_value do_is_defined(const struct route_value *args, size_t count,
                                        enum route_kind type, struct route_scratch *scratch)
{
    (void) count;
    (void) type;
    (void) scratch;
    return bool_value(args[0].kind != ROUTE_UNDEFINED);
}

static struct route_value do_is_null(const struct route_value *args, size_t count,
                                     enum route_kind type, struct route_scratch *scratch)
{
    (void) count;
    (void) scratch;
    if (args[0].kind == ROUTE_UNDEFINED)
        return type == ROUTE_BODY ? undefined : bool_value(false);
    return bool_value((args[0].kind == ROUTE_NULL && !args[0].missing) ||
                      (args[0].kind == ROUTE_STRING && !args[0].text.data));
}

static struct route_value do_is_number(const struct route_value *args, size_t count,
                                       enum route_kind type, struct route_scratch *scratch)
{
    (void) count;
    (void) type;
    (void) scratch;
    return bool_value(args[0].kind == ROUTE_NUMBER && isfinite(args[0].number));
}

static struct route_value do_is_string(const struct route_value *args, size_t count,
                                       enum route_kind type, struct route_scratch *scratch)
{
    (void) count;
    (void) type;
    (void) scratch;
    return bool_value(is_text(&args[0]));
}

/* A null property counts as ''. */
static struct route_value do_concat(const struct route_value *args, size_t count,
                                    enum route_kind type, struct route_scratch *scratch)
{
    size_t len = 0;
    char *out;

    (void) type;
    for (size_t i = 0; i < count; i++) {
        if (args[i].kind != ROUTE_STRING)
            return undefined;
        len += args[i].text.len;
    }
    out = route_scratch_get(scratch, len);
    for (size_t i = 0, at = 0; out && i < count; i++) {
        if (args[i].text.len > 0)
            memcpy(out + at, args[i].text.data, args[i].text.len);
        at += args[i].text.len;
    }
    return string_value(out, len);
}

static struct route_value do_length(const struct route_value *args, size_t count,
                                    enum route_kind type, struct route_scratch *scratch)
{
    (void) count;
    (void) type;
    (void) scratch;
    return is_text(&args[0]) ? route_number_value((double) route_units(args[0].text)) : undefined;
}

static struct route_value change_case(const struct route_value *arg, bool upper,
                                      struct route_scratch *scratch)
{
    char *out = is_text(arg) ? route_scratch_get(scratch, arg->text.len) : NULL;

    if (!out)
        return undefined;
    route_change_case(arg->text, upper, out);
    return string_value(out, arg->text.len);
}

static struct route_value do_lower(const struct route_value *args, size_t count,
                                   enum route_kind type, struct route_scratch *scratch)
{
    (void) count;
    (void) type;
    return change_case(&args[0], false, scratch);
}

static struct route_value do_upper(const struct route_value *args, size_t count,
                                   enum route_kind type, struct route_scratch *scratch)
{
    (void) count;
    (void) type;
    return change_case(&args[0], true, scratch);
}

/* Without a length the start may be the end, with one it may not. */
static struct route_value do_substring(const struct route_value *args, size_t count,
                                       enum route_kind type, struct route_scratch *scratch)
{
    double units;
    double start = args[1].number;
    double len;
    size_t from;
    size_t to;

    (void) type;
    (void) scratch;
    if (!is_text(&args[0]) || args[1].kind != ROUTE_NUMBER ||
        (count > 2 && args[2].kind != ROUTE_NUMBER))
        return undefined;
    units = (double) route_units(args[0].text);
    len = count > 2 ? args[2].number : units - start;
    if (start < 0 || start > units || (count > 2 && start >= units) || len < 0 ||
        len > units - start)
        return undefined;
    to = count > 2 ? (size_t) start + (size_t) len : (size_t) units;
    if (!route_unit_offset(args[0].text, (size_t) start, &from) ||
        !route_unit_offset(args[0].text, to, &to))
        return undefined;
    return string_value(args[0].text.data + from, to - from);
}

static const char *find(struct route_span text, struct route_span what)
{
    return what.len == 0 ? text.data : memmem(text.data, text.len, what.data, what.len);
}

static struct route_value do_index_of(const struct route_value *args, size_t count,
                                      enum route_kind type, struct route_scratch *scratch)
{
    const char *at;

    (void) count;
    (void) type;
    (void) scratch;
    if (!is_text(&args[0]) || !is_text(&args[1]))
        return undefined;
    at = find(args[0].text, args[1].text);
    if (!at)
        return route_number_value(-1);
    return route_number_value((double) route_units(
        (struct route_span){args[0].text.data, (size_t) (at - args[0].text.data)}));
}

static struct route_value do_starts_with(const struct route_value *args, size_t count,
                                         enum route_kind type, struct route_scratch *scratch)
{
    struct route_span text = args[0].text;
    struct route_span what = args[1].text;

    (void) count;
    (void) type;
    (void) scratch;
    if (!is_text(&args[0]) || !is_text(&args[1]))
        return undefined;
    return bool_value(what.len <= text.len && memcmp(text.data, what.data, what.len) == 0);
}

static struct route_value do_ends_with(const struct route_value *args, size_t count,
                                       enum route_kind type, struct route_scratch *scratch)
{
    struct route_span text = args[0].text;
    struct route_span what = args[1].text;

    (void) count;
    (void) type;
    (void) scratch;
    if (!is_text(&args[0]) || !is_text(&args[1]))
        return undefined;
    return bool_value(what.len <= text.len &&
                      memcmp(text.data + text.len - what.len, what.data, what.len) == 0);
}

static struct route_value do_contains(const struct route_value *args, size_t count,
                                      enum route_kind type, struct route_scratch *scratch)
{
    (void) count;
    (void) type;
    (void) scratch;
    if (!is_text(&args[0]) || !is_text(&args[1]))
        return undefined;
    return bool_value(find(args[0].text, args[1].text) != NULL);
}

static const struct route_function functions[] = {
    {"abs", "n", 1, false, ROUTE_NUMBER, do_abs},
    {"exp", "n", 1, false, ROUTE_NUMBER, do_exp},
    {"power", "nn", 2, false, ROUTE_NUMBER, do_power},
    {"square", "n", 1, false, ROUTE_NUMBER, do_square},
    {"ceiling", "n", 1, false, ROUTE_NUMBER, do_ceiling},
    {"floor", "n", 1, false, ROUTE_NUMBER, do_floor},
    {"sign", "n", 1, false, ROUTE_NUMBER, do_sign},
    {"sqrt", "n", 1, false, ROUTE_NUMBER, do_sqrt},
    {"as_number", "x", 1, false, ROUTE_NUMBER, do_as_number},
    {"is_bool", "?", 1, false, ROUTE_BOOL, do_is_bool},
    {"is_defined", "?", 1, false, ROUTE_BOOL, do_is_defined},
    {"is_null", "?", 1, false, ROUTE_BOOL, do_is_null},
    {"is_number", "?", 1, false, ROUTE_BOOL, do_is_number},
    {"is_string", "?", 1, false, ROUTE_BOOL, do_is_string},
    {"concat", "ss", 2, true, ROUTE_STRING, do_concat},
    {"length", "s", 1, false, ROUTE_NUMBER, do_length},
    {"lower", "s", 1, false, ROUTE_STRING, do_lower},
    {"upper", "s", 1, false, ROUTE_STRING, do_upper},
    {"substring", "snn", 2, false, ROUTE_STRING, do_substring},
    {"index_of", "ss", 2, false, ROUTE_NUMBER, do_index_of},
    {"starts_with", "ss", 2, false, ROUTE_BOOL, do_starts_with},
    {"ends_with", "ss", 2, false, ROUTE_BOOL, do_ends_with},
    {"contains", "ss", 2, false, ROUTE_BOOL, do_contains},
};

const struct route_function *route_function_find(struct route_span name)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (route_span_is(name, functions[i].name))
            return &functions[i];
    }
    return NULL;
}
