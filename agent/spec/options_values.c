/* Readers of single values and plain lists. */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/spec/options_read.h"

int opt_accept(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    (void) reader;
    (void) value;
    (void) field;
    return 0;
}

int opt_unsupported(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    const char *text = edge_json_str(value, NULL);

    (void) field;
    /* Docker's own names for "as usual". */
    if (text && (strcasecmp(text, "default") == 0 || strcasecmp(text, "local") == 0))
        return 0;
    if (!opt_trivial(value) && !(text && strcmp(text, "0") == 0))
        opt_ignore(reader);
    return 0;
}

/* A scalar as text the caller frees. */
static int scalar(struct opt_reader *reader, const struct edge_json *value, char **ret)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    int rc = edge_json_loose_str(value, &text);

    if (rc == EDGE_EINVALID)
        return opt_wrong_kind(reader, "a text", value);
    if (rc < 0)
        return rc;
    if (strlen(text) > OPT_MAX_TEXT)
        return opt_fail(reader, EDGE_ELIMIT, "is longer than %d bytes", OPT_MAX_TEXT);
    *ret = EDGE_TAKE(text);
    return 0;
}

int opt_text(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    char *text = NULL;
    int rc = scalar(reader, value, &text);

    return rc < 0 ? rc : opt_keep(field, text);
}

/* Only printable characters and no blanks: goes into a line of some file. */
static bool is_word(const char *text)
{
    for (const unsigned char *c = (const unsigned char *) text; *c; c++) {
        if (*c <= ' ' || *c == 0x7f)
            return false;
    }
    return true;
}

int opt_word(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    char **text = field;
    int rc = opt_text(reader, value, field);

    if (rc == 0 && !is_word(*text))
        return opt_fail(reader, EDGE_EINVALID, "may not hold blanks or control characters");
    return rc;
}

int opt_bool(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    if (edge_json_loose_bool(value, field) < 0)
        return opt_wrong_kind(reader, "true or false", value);
    return 0;
}

int opt_number(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    if (edge_json_loose_int(value, field) < 0)
        return opt_fail(reader, EDGE_EINVALID, "must be a whole number");
    return 0;
}

int opt_count(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    int64_t number;
    int rc = opt_number(reader, value, &number);

    if (rc < 0)
        return rc;
    if (number < 0)
        return opt_fail(reader, EDGE_EINVALID, "may not be negative");
    *(int64_t *) field = number;
    return 0;
}

int opt_parse_size(const char *text, int64_t *ret)
{
    static const char units[] = "bkmgtp";
    const char *unit;
    double number;
    char *end;

    if (strspn(text, "0123456789.") == 0)
        return EDGE_EINVALID;
    number = strtod(text, &end);
    if (strncasecmp(text, "0x", 2) == 0 || end == text)
        return EDGE_EINVALID;
    while (*end == ' ')
        end++;
    unit = *end ? strchr(units, *end | 0x20) : units;
    if (!unit || !*unit)
        return EDGE_EINVALID;
    if (*end)
        end++;
    if (unit != units && strcasecmp(end, "ib") == 0)
        end += 2;
    else if (unit != units && strcasecmp(end, "b") == 0)
        end += 1;
    if (*end)
        return EDGE_EINVALID;
    for (; unit > units; unit--)
        number *= 1024;
    if (!(number >= 0 && number < 4e18))
        return EDGE_EINVALID;
    *ret = (int64_t) number;
    return 0;
}

int opt_bytes(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    const char *text = edge_json_str(value, NULL);

    if (text && opt_parse_size(text, field) == 0)
        return 0;
    return opt_count(reader, value, field);
}

/* A list of scalars; a single one stands for a list of one, as Docker reads Cmd and Entrypoint. */
static int texts(struct opt_reader *reader, const struct edge_json *value, char ***ret)
{
    size_t total = 0;
    int rc = 0;

    if (edge_json_is(value, EDGE_JSON_ARRAY))
        rc = opt_need(reader, value, EDGE_JSON_ARRAY);
    else if (!edge_json_is(value, EDGE_JSON_STRING))
        return opt_wrong_kind(reader, "a list of texts", value);
    *ret = calloc(1, sizeof **ret);
    if (!*ret)
        return -ENOMEM;
    if (edge_json_is(value, EDGE_JSON_STRING))
        return opt_strv_add(ret, edge_strdup(edge_json_str(value, "")));
    for (size_t i = 0; i < edge_json_len(value) && rc == 0; i++) {
        const struct edge_json *item = edge_json_at(value, i);
        size_t before = opt_enter_index(reader, i);
        char *text = NULL;

        if (item)
            rc = edge_json_loose_str(item, &text);
        if (rc == EDGE_EINVALID)
            return opt_wrong_kind(reader, "a text", item);
        total += text ? strlen(text) + 1 : 0;
        if (text && rc == 0)
            rc = opt_strv_add(ret, text);
        opt_leave(reader, before);
        if (total > OPT_MAX_LIST)
            return opt_fail(reader, EDGE_ELIMIT, "holds more than %d bytes", OPT_MAX_LIST);
    }
    return rc;
}

int opt_texts(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    char ***list = field;
    char **read = NULL;
    int rc = texts(reader, value, &read);

    if (rc < 0) {
        opt_strv_free(read);
        return rc;
    }
    opt_strv_free(*list);
    *list = read;
    return 0;
}

int opt_words(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    char ***list = field;
    int rc = opt_texts(reader, value, field);

    for (size_t i = 0; rc == 0 && *list && (*list)[i]; i++) {
        if (*(*list)[i] == '\0' || !is_word((*list)[i]) || strlen((*list)[i]) > OPT_MAX_TEXT) {
            (void) opt_enter_index(reader, i);
            return opt_fail(reader, EDGE_EINVALID,
                            "may not be empty or hold blanks or control characters");
        }
    }
    return rc;
}

int opt_clean_path(struct opt_reader *reader, const char *text, char **ret)
{
    EDGE_CLEANUP(edge_free) char *clean = malloc(strlen(text) + 2);
    size_t len = 0;

    if (!clean)
        return -ENOMEM;
    if (*text != '/')
        return opt_fail(reader, EDGE_EINVALID, "`%.200s` is not an absolute path", text);
    if (strlen(text) > OPT_MAX_TEXT - 1)
        return opt_fail(reader, EDGE_ELIMIT, "the path is longer than %d bytes", OPT_MAX_TEXT - 1);
    for (const char *at = text; *at;) {
        size_t part;

        at += strspn(at, "/");
        part = strcspn(at, "/");
        if (part == 2 && strncmp(at, "..", 2) == 0)
            return opt_fail(reader, EDGE_EINVALID, "`%.200s` may not hold `..`", text);
        if (part > 0 && !(part == 1 && *at == '.')) {
            clean[len++] = '/';
            memcpy(clean + len, at, part);
            len += part;
        }
        at += part;
    }
    if (len == 0)
        clean[len++] = '/';
    clean[len] = '\0';
    *ret = EDGE_TAKE(clean);
    return 0;
}
