#include "agent/config/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <yaml.h>

struct anchor {
    char *name;
    const struct config_node *node; /* NULL while the node it names is still being read */
};

enum { MAX_ANCHORS = 64 };

struct reader {
    yaml_parser_t parser;
    const char *file;
    struct edge_err *err;
    size_t nodes;
    struct anchor anchors[MAX_ANCHORS];
    size_t nanchors;
};

static int fail_at(struct reader *r, int code, const yaml_mark_t *mark, const char *what)
{
    return edge_fail(r->err, code, "%s:%zu:%zu: %s", r->file, mark->line + 1, mark->column + 1,
                     what);
}

static int parser_error(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "not YAML";

    if (p->error == YAML_MEMORY_ERROR)
        return -ENOMEM;
    if (p->error == YAML_READER_ERROR)
        return edge_fail(r->err, EDGE_EINVALID, "%s: byte %zu: %s", r->file, p->problem_offset,
                         problem);
    return fail_at(r, EDGE_EINVALID, &p->problem_mark, problem);
}

static int next_event(struct reader *r, yaml_event_t *event)
{
    return yaml_parser_parse(&r->parser, event) ? 0 : parser_error(r);
}

static int new_node(struct reader *r, enum config_kind kind, const yaml_mark_t *mark,
                    struct config_node **ret)
{
    struct config_node *node;

    if (++r->nodes > CONFIG_MAX_NODES)
        return fail_at(r, EDGE_ELIMIT, mark, "the file holds too many values");
    node = calloc(1, sizeof *node);
    if (!node)
        return -ENOMEM;
    node->kind = kind;
    node->line = mark->line + 1;
    node->column = mark->column + 1;
    *ret = node;
    return 0;
}

static int copy_node(struct reader *r, const struct config_node *from, const yaml_mark_t *mark,
                     struct config_node **ret)
{
    EDGE_CLEANUP(config_tree_free) struct config_node *node = NULL;
    int rc = new_node(r, from->kind, mark, &node);

    if (rc < 0)
        return rc;
    node->text = edge_strdup(from->text);
    if (from->text && !node->text)
        return -ENOMEM;
    for (size_t i = 0; i < from->nmembers; i++) {
        const struct config_member *old = &from->members[i];
        struct config_member *member = config_node_grow(node);

        if (!member)
            return -ENOMEM;
        member->line = mark->line + 1;
        member->column = mark->column + 1;
        member->key = edge_strdup(old->key);
        if (old->key && !member->key)
            return -ENOMEM;
        rc = copy_node(r, old->value, mark, &member->value);
        if (rc < 0)
            return rc;
    }
    *ret = EDGE_TAKE(node);
    return 0;
}

static int read_alias(struct reader *r, const yaml_event_t *event, struct config_node **ret)
{
    const char *name = (const char *) event->data.alias.anchor;

    for (size_t i = r->nanchors; i-- > 0;) { /* the latest of that name counts */
        if (strcmp(r->anchors[i].name, name) != 0)
            continue;
        if (!r->anchors[i].node)
            return fail_at(r, EDGE_EINVALID, &event->start_mark, "an alias within its own anchor");
        return copy_node(r, r->anchors[i].node, &event->start_mark, ret);
    }
    return fail_at(r, EDGE_EINVALID, &event->start_mark, "an alias without an anchor");
}

/* @param ret_slot  where to note the node once it is read; MAX_ANCHORS for none */
static int add_anchor(struct reader *r, const yaml_char_t *name, const yaml_mark_t *mark,
                      size_t *ret_slot)
{
    *ret_slot = MAX_ANCHORS;
    if (!name)
        return 0;
    if (r->nanchors == MAX_ANCHORS)
        return fail_at(r, EDGE_ELIMIT, mark, "too many anchors");
    r->anchors[r->nanchors] = (struct anchor){edge_strdup((const char *) name), NULL};
    if (!r->anchors[r->nanchors].name)
        return -ENOMEM;
    *ret_slot = r->nanchors++;
    return 0;
}

static bool is_null(const yaml_event_t *event)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};

    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(words); i++) {
        if (strcmp((const char *) event->data.scalar.value, words[i]) == 0)
            return true;
    }
    return false;
}

static int take_text(struct reader *r, const yaml_event_t *event, char **ret)
{
    const char *text = (const char *) event->data.scalar.value;
    size_t len = event->data.scalar.length;

    if (len > CONFIG_MAX_TEXT)
        return fail_at(r, EDGE_ELIMIT, &event->start_mark, "this text is too long");
    if (strlen(text) != len)
        return fail_at(r, EDGE_EINVALID, &event->start_mark, "this text holds a NUL byte");
    *ret = strdup(text);
    return *ret ? 0 : -ENOMEM;
}

static int read_scalar(struct reader *r, const yaml_event_t *event, struct config_node **ret)
{
    EDGE_CLEANUP(config_tree_free) struct config_node *node = NULL;
    int rc = new_node(r, is_null(event) ? CONFIG_NULL : CONFIG_SCALAR, &event->start_mark, &node);

    if (rc == 0 && node->kind == CONFIG_SCALAR)
        rc = take_text(r, event, &node->text);
    if (rc < 0)
        return rc;
    *ret = EDGE_TAKE(node);
    return 0;
}

static int read_node(struct reader *r, const yaml_event_t *event, unsigned depth,
                     struct config_node **ret);

static int read_key(struct reader *r, const yaml_event_t *event, const struct config_node *map,
                    struct config_member *member)
{
    int rc;

    if (event->type != YAML_SCALAR_EVENT)
        return fail_at(r, EDGE_EINVALID, &event->start_mark, "a key must be a simple text");
    member->line = event->start_mark.line + 1;
    member->column = event->start_mark.column + 1;
    rc = take_text(r, event, &member->key);
    if (rc < 0)
        return rc;
    for (const struct config_member *m = map->members; m < member; m++) {
        if (strcmp(m->key, member->key) == 0)
            return edge_fail(r->err, EDGE_EINVALID,
                             "%s:%zu:%zu: the key `%.64s` is here a second time, first in line %zu",
                             r->file, member->line, member->column, m->key, m->line);
    }
    return 0;
}

/* One member, whose first event has come: key and value, or an element. */
static int read_member(struct reader *r, const yaml_event_t *first, struct config_node *node,
                       unsigned depth)
{
    struct config_member *member = config_node_grow(node);
    yaml_event_t event;
    int rc;

    if (!member)
        return -ENOMEM;
    if (node->kind == CONFIG_LIST)
        return read_node(r, first, depth + 1, &member->value);
    rc = read_key(r, first, node, member);
    if (rc < 0)
        return rc;
    rc = next_event(r, &event);
    if (rc < 0)
        return rc;
    rc = read_node(r, &event, depth + 1, &member->value);
    yaml_event_delete(&event);
    return rc;
}

/* The members of a map or list, up to its end event. */
static int read_members(struct reader *r, struct config_node *node, unsigned depth)
{
    yaml_event_type_t end =
        node->kind == CONFIG_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;

    for (;;) {
        yaml_event_t event;
        int rc = next_event(r, &event);

        if (rc < 0)
            return rc;
        if (event.type == end) {
            yaml_event_delete(&event);
            return 0;
        }
        rc = read_member(r, &event, node, depth);
        yaml_event_delete(&event);
        if (rc < 0)
            return rc;
    }
}

static int read_group(struct reader *r, const yaml_event_t *event, enum config_kind kind,
                      unsigned depth, struct config_node **ret)
{
    EDGE_CLEANUP(config_tree_free) struct config_node *node = NULL;
    int rc;

    if (depth > CONFIG_MAX_DEPTH)
        return fail_at(r, EDGE_ELIMIT, &event->start_mark, "nested too deeply");
    rc = new_node(r, kind, &event->start_mark, &node);
    if (rc == 0)
        rc = read_members(r, node, depth);
    if (rc < 0)
        return rc;
    *ret = EDGE_TAKE(node);
    return 0;
}

static int read_anchored(struct reader *r, const yaml_event_t *event, unsigned depth,
                         const yaml_char_t *anchor, struct config_node **ret)
{
    size_t slot;
    int rc = add_anchor(r, anchor, &event->start_mark, &slot);

    if (rc < 0)
        return rc;
    if (event->type == YAML_SCALAR_EVENT)
        rc = read_scalar(r, event, ret);
    else
        rc =
            read_group(r, event, event->type == YAML_MAPPING_START_EVENT ? CONFIG_MAP : CONFIG_LIST,
                       depth, ret);
    if (rc == 0 && slot < MAX_ANCHORS)
        r->anchors[slot].node = *ret;
    return rc;
}

static int read_node(struct reader *r, const yaml_event_t *event, unsigned depth,
                     struct config_node **ret)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return read_alias(r, event, ret);
    case YAML_SCALAR_EVENT:
        return read_anchored(r, event, depth, event->data.scalar.anchor, ret);
    case YAML_SEQUENCE_START_EVENT:
        return read_anchored(r, event, depth, event->data.sequence_start.anchor, ret);
    case YAML_MAPPING_START_EVENT:
        return read_anchored(r, event, depth, event->data.mapping_start.anchor, ret);
    default:
        return fail_at(r, EDGE_EINVALID, &event->start_mark, "a value was expected");
    }
}

/* The next event that is not a stream's or document's frame. */
static int skip_frame(struct reader *r, yaml_event_t *event)
{
    for (;;) {
        int rc = next_event(r, event);

        if (rc < 0)
            return rc;
        if (event->type != YAML_STREAM_START_EVENT && event->type != YAML_DOCUMENT_START_EVENT &&
            event->type != YAML_DOCUMENT_END_EVENT)
            return 0;
        yaml_event_delete(event);
    }
}

static int expect_end(struct reader *r)
{
    yaml_event_t event;
    int rc = skip_frame(r, &event);

    if (rc < 0)
        return rc;
    if (event.type != YAML_STREAM_END_EVENT)
        rc = fail_at(r, EDGE_EINVALID, &event.start_mark, "a second document begins here");
    yaml_event_delete(&event);
    return rc;
}

static int read_document(struct reader *r, struct config_node **ret)
{
    EDGE_CLEANUP(config_tree_free) struct config_node *root = NULL;
    yaml_event_t event;
    int rc = skip_frame(r, &event);

    if (rc < 0)
        return rc;
    if (event.type == YAML_STREAM_END_EVENT) {
        rc = new_node(r, CONFIG_NULL, &event.start_mark, ret);
        yaml_event_delete(&event);
        return rc;
    }
    rc = read_node(r, &event, 0, &root);
    yaml_event_delete(&event);
    if (rc == 0)
        rc = expect_end(r);
    if (rc < 0)
        return rc;
    *ret = EDGE_TAKE(root);
    return 0;
}

int config_tree_parse(const char *name, struct edge_bytes text, struct config_node **ret,
                      struct edge_err *err)
{
    struct reader r = {.file = name, .err = err};
    int rc;

    if (!yaml_parser_initialize(&r.parser))
        return -ENOMEM;
    yaml_parser_set_input_string(&r.parser, text.data, text.len);
    rc = read_document(&r, ret);
    yaml_parser_delete(&r.parser);
    for (size_t i = 0; i < r.nanchors; i++)
        free(r.anchors[i].name);
    return rc;
}
