#include "agent/containerd/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/json/utf8.h"

int64_t wire_time(const Google__Timestamp *ts)
{
    static const int64_t most = INT64_MAX / 1000000000 - 1;

    if (!ts || ts->seconds < -most || ts->seconds > most)
        return EDGE_TIME_NEVER;
    if (ts->nanos < 0 || ts->nanos > 999999999)
        return EDGE_TIME_NEVER;
    return ts->seconds * 1000000000 + ts->nanos;
}

int wire_json(const char *type_url, const char *json, const char *what, Google__Any *ret,
              struct edge_err *err)
{
    size_t len = strlen(json);

    if (!edge_utf8_valid(json, len))
        return edge_fail(err, EDGE_EINVALID, "%s is not UTF-8", what);
    *ret = (Google__Any) GOOGLE__ANY__INIT;
    ret->type_url = type_url;
    ret->value = (ProtobufCBinaryData){.data = (uint8_t *) (uintptr_t) json, .len = len};
    return 0;
}

bool wire_any_is(const Google__Any *any, const char *name)
{
    const char *slash = any ? strrchr(any->type_url, '/') : NULL;

    return any && strcmp(slash ? slash + 1 : any->type_url, name) == 0;
}

void *wire_any_unpack(const Google__Any *any, const ProtobufCMessageDescriptor *type)
{
    if (!wire_any_is(any, type->name))
        return NULL;
    return protobuf_c_message_unpack(type, NULL, any->value.len, any->value.data);
}

int wire_stdio_check(const struct agent_ctrd_stdio *stdio, struct edge_err *err)
{
    if (!stdio)
        return 0;
    if (strncmp(stdio->out, "file:", 5) == 0 && !stdio->err[0])
        return edge_fail(err, EDGE_EINVALID, "output to %s needs a place for errors too",
                         stdio->out);
    return 0;
}

struct wire_label {
    ProtobufCMessage base;
    const char *key;
    const char *value;
};

int wire_labels_init(struct wire_labels *ret, const ProtobufCMessageDescriptor *entry,
                     const struct agent_ctrd_label *labels, size_t nlabels, struct edge_err *err)
{
    assert(entry->sizeof_message == sizeof(struct wire_label));
    *ret = (struct wire_labels){0};
    ret->items = calloc(nlabels + 1, sizeof *ret->items);
    ret->list = calloc(nlabels + 1, sizeof *ret->list);
    if (!ret->items || !ret->list) {
        wire_labels_fini(ret);
        return edge_fail(err, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < nlabels; i++) {
        protobuf_c_message_init(entry, &ret->items[i]);
        ret->items[i].key = labels[i].key;
        ret->items[i].value = labels[i].value;
        ret->list[i] = &ret->items[i];
    }
    ret->len = nlabels;
    return 0;
}

void wire_labels_fini(struct wire_labels *labels)
{
    free(labels->items);
    free(labels->list);
    *labels = (struct wire_labels){0};
}

char **wire_labels_copy(const void *entries, size_t len)
{
    struct wire_label *const *list = entries;
    char **copy = calloc(2 * len + 1, sizeof *copy);

    for (size_t i = 0; copy && i < len; i++) {
        copy[2 * i] = edge_strdup(list[i]->key);
        copy[2 * i + 1] = edge_strdup(list[i]->value);
        if (!copy[2 * i] || !copy[2 * i + 1]) {
            free(copy[2 * i + 1]); /* out of reach of the list's end */
            copy[2 * i + 1] = NULL;
            return agent_ctrd_strv_free(copy);
        }
    }
    return copy;
}

const char *wire_labels_find(char *const *labels, const char *key)
{
    for (size_t i = 0; labels && labels[i]; i += 2) {
        if (strcmp(labels[i], key) == 0)
            return labels[i + 1];
    }
    return NULL;
}

static int add_path(struct wire_mask *mask, char *path, struct edge_err *err)
{
    if (!path)
        return edge_fail(err, -ENOMEM, "out of memory");
    mask->paths[mask->mask.n_paths++] = path;
    return 0;
}

int wire_mask_init(struct wire_mask *ret, const char *first, const struct agent_ctrd_label *labels,
                   size_t nlabels, struct edge_err *err)
{
    int rc = 0;

    *ret = (struct wire_mask){.mask = GOOGLE__FIELD_MASK__INIT};
    ret->paths = calloc(nlabels + 2, sizeof *ret->paths);
    if (!ret->paths)
        return edge_fail(err, -ENOMEM, "out of memory");
    ret->mask.paths = (const char **) (void *) ret->paths;
    if (first)
        rc = add_path(ret, edge_strdup(first), err);
    for (size_t i = 0; rc == 0 && i < nlabels; i++)
        rc = add_path(ret, edge_format("labels.%s", labels[i].key), err);
    return rc;
}

void wire_mask_fini(struct wire_mask *mask)
{
    mask->paths = agent_ctrd_strv_free(mask->paths);
}

/* The room's structs and protobuf's agree on what an option list is: char pointers in a row. */
int wire_mounts_init(struct wire_mounts *ret, const struct agent_ctrd_mounts *mounts,
                     struct edge_err *err)
{
    *ret = (struct wire_mounts){0};
    ret->items = calloc(mounts->len + 1, sizeof *ret->items);
    ret->list = calloc(mounts->len + 1, sizeof(Types__Mount *));
    if (!ret->items || !ret->list) {
        wire_mounts_fini(ret);
        return edge_fail(err, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < mounts->len; i++) {
        const struct agent_ctrd_mount *from = &mounts->items[i];
        Types__Mount *to = &ret->items[i];

        types__mount__init(to);
        to->type = from->type;
        to->source = from->source;
        while (from->options && from->options[to->n_options])
            to->n_options++;
        to->options = (const char **) (void *) from->options;
        ret->list[i] = to;
    }
    ret->len = mounts->len;
    return 0;
}

void wire_mounts_fini(struct wire_mounts *mounts)
{
    free(mounts->items);
    free(mounts->list);
    *mounts = (struct wire_mounts){0};
}

static int copy_mount(const Types__Mount *from, struct agent_ctrd_mount *to)
{
    to->type = edge_strdup(from->type);
    to->source = edge_strdup(from->source);
    to->options = calloc(from->n_options + 1, sizeof *to->options);
    if (!to->type || !to->source || !to->options)
        return -ENOMEM;
    for (size_t i = 0; i < from->n_options; i++) {
        to->options[i] = edge_strdup(from->options[i]);
        if (!to->options[i])
            return -ENOMEM;
    }
    return 0;
}

int wire_mounts_copy(Types__Mount *const *list, size_t len, struct agent_ctrd_mounts *ret,
                     struct edge_err *err)
{
    struct agent_ctrd_mounts copy = {.items = calloc(len + 1, sizeof *copy.items), .len = len};

    if (!copy.items)
        return edge_fail(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < len; i++) {
        if (copy_mount(list[i], &copy.items[i]) < 0) {
            agent_ctrd_mounts_fini(&copy);
            return edge_fail(err, -ENOMEM, "out of memory");
        }
    }
    *ret = copy;
    return 0;
}

int wire_quote(struct edge_buf *buf, const char *text)
{
    (void) edge_buf_puts(buf, "\"");
    for (const unsigned char *c = (const unsigned char *) text; *c; c++) {
        if (*c == '"' || *c == '\\')
            (void) edge_buf_printf(buf, "\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
            (void) edge_buf_printf(buf, "\\x%02x", *c);
        else
            (void) edge_buf_append(buf, c, 1);
    }
    return edge_buf_puts(buf, "\"");
}

enum { FILTER_MAX = 64 * 1024 };

char *wire_label_filter(const char *key, const char *value)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf buf = EDGE_BUF_INIT(FILTER_MAX);

    (void) edge_buf_puts(&buf, "labels.");
    (void) wire_quote(&buf, key);
    (void) edge_buf_puts(&buf, "==");
    (void) wire_quote(&buf, value);
    return edge_buf_take(&buf);
}

char *wire_field_filter(const char *field, const char *value)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf buf = EDGE_BUF_INIT(FILTER_MAX);

    (void) edge_buf_puts(&buf, field);
    (void) edge_buf_puts(&buf, "==");
    (void) wire_quote(&buf, value);
    return edge_buf_take(&buf);
}
