#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "tests/emulator/cloud/internal.h"
#include "tests/emulator/cloud/search.h"

enum { PAGE = 100, PAGE_MAX = 1000, ALL_MAX = 200000 };

/* A continuation is where the page ended: names for a walk, a number for a finished result. */
struct place {
    char a[STORE_NAME], b[STORE_NAME];
    size_t number;
};

static int read_place(const char *text, struct place *ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf plain = EDGE_BUF_INIT(4 * STORE_NAME);
    EDGE_CLEANUP(edge_json_free) struct edge_json *value = NULL;

    memset(ret, 0, sizeof *ret);
    if (!text || !*text)
        return 0;
    if (edge_base64_decode(text, strlen(text), &plain) < 0 ||
        edge_json_parse(plain.data ? plain.data : "", plain.len, &value, NULL) < 0 ||
        edge_json_int(edge_json_get(value, "n"), 0) < 0)
        return cloud_refuse(err, CLOUD_INVALID, "the continuation token is not one of ours");
    snprintf(ret->a, sizeof ret->a, "%s", edge_json_str(edge_json_get(value, "a"), ""));
    snprintf(ret->b, sizeof ret->b, "%s", edge_json_str(edge_json_get(value, "b"), ""));
    ret->number = (size_t) edge_json_int(edge_json_get(value, "n"), 0);
    return 0;
}

static char *write_place(const struct place *place)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *value = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *text = NULL;

    if (!value || edge_json_set_str(value, "a", place->a) < 0 ||
        edge_json_set_str(value, "b", place->b) < 0 ||
        edge_json_set_int(value, "n", (int64_t) place->number) < 0)
        return NULL;
    text = edge_json_text(value);
    return text ? edge_base64(text, strlen(text)) : NULL;
}

static int twin_at(struct cloud *cloud, const char *a, const char *b,
                   const struct edge_json *identity, struct edge_json **ret)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *twin = NULL;
    int rc = cloud_twin_load(cloud, a, b, &twin, NULL);

    if (rc != 0)
        return rc < 0 ? rc : EDGE_ESTORE;
    *ret = cloud_twin_show(cloud, identity, twin);
    return *ret ? 0 : -ENOMEM;
}

static enum store_table table_of(enum query_source source)
{
    return source == QUERY_JOBS ? STORE_JOBS : STORE_IDENTITIES;
}

/* The next document that matches. @return 0, STORE_ABSENT at the end, negative */
static int next_match(struct cloud *cloud, const struct query *query, struct place *place,
                      struct edge_json **ret)
{
    enum query_source source = query_source(query);

    for (;;) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *stored = NULL;
        EDGE_CLEANUP(edge_json_free) struct edge_json *document = NULL;
        int rc = cloud_next(cloud, table_of(source), place->a, place->b, &stored);

        if (rc != 0)
            return rc;
        if ((source == QUERY_DEVICES) != (*place->b == '\0'))
            continue; /* modules and the parts of jobs have a second name */
        if (source == QUERY_JOBS)
            document = EDGE_TAKE(stored);
        else
            rc = twin_at(cloud, place->a, place->b, stored, &document);
        if (rc < 0)
            return rc;
        if (query_matches(query, document)) {
            *ret = EDGE_TAKE(document);
            return 0;
        }
    }
}

int cloud_search(struct cloud *cloud, const struct query *query,
                 int (*each)(struct edge_json *document, const char *a, const char *b, void *arg),
                 void *arg)
{
    struct place place = {0};
    int rc = 0;

    while (rc == 0) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *document = NULL;

        rc = next_match(cloud, query, &place, &document);
        if (rc == 0)
            rc = each(document, place.a, place.b, arg);
    }
    return rc < 0 ? rc : 0;
}

/* Document by document, as far as the page goes. */
static int walk(struct cloud *cloud, const struct query *query, struct place *place,
                struct cloud_page *page, bool *ret_more)
{
    int64_t top = query_top(query);
    int rc = 0;

    *ret_more = false;
    while (rc == 0) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *document = NULL;
        struct place before = *place;

        if (top >= 0 && place->number >= (size_t) top)
            break;
        rc = next_match(cloud, query, place, &document);
        if (rc != 0)
            break;
        if (edge_json_len(page->items) == page->max) {
            *place = before;
            *ret_more = true;
            break;
        }
        rc = edge_json_append(page->items, query_project(query, document));
        place->number++;
    }
    return rc < 0 ? rc : 0;
}

static int collect(struct edge_json *document, const char *a, const char *b, void *arg)
{
    struct edge_json *all = arg;

    (void) a;
    (void) b;
    if (edge_json_len(all) >= ALL_MAX)
        return EDGE_ELIMIT;
    return edge_json_append(all, edge_json_copy(document));
}

/* Groups and orders need everything first; the page is cut from the result. */
static int finish(struct cloud *cloud, const struct query *query, struct place *place,
                  struct cloud_page *page, bool *ret_more)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *all = edge_json_new_array();
    EDGE_CLEANUP(edge_json_free) struct edge_json *rows = NULL;
    int64_t top = query_top(query);
    size_t n;
    int rc = all ? cloud_search(cloud, query, collect, all) : -ENOMEM;

    if (rc == 0)
        rc = query_finish(query, all, &rows);
    if (rc < 0)
        return rc;
    n = edge_json_len(rows);
    if (top >= 0 && (size_t) top < n)
        n = (size_t) top;
    for (; place->number < n && edge_json_len(page->items) < page->max && rc == 0; place->number++)
        rc = edge_json_append(page->items, edge_json_copy(edge_json_at(rows, place->number)));
    *ret_more = place->number < n;
    return rc;
}

static const char *type_of(const struct query *query)
{
    if (!query_is_star(query))
        return "Raw";
    return query_source(query) == QUERY_JOBS ? "DeviceJob" : "Twin";
}

int cloud_query(struct cloud *cloud, const char *sql, struct cloud_page *page, struct edge_err *err)
{
    EDGE_CLEANUP(query_free) struct query *query = NULL;
    struct edge_err why = {0};
    struct place place;
    bool more = false;
    int rc = query_parse(sql, strlen(sql), &query, &why);

    if (rc == -ENOMEM)
        return rc;
    if (rc < 0 || query_source(query) == QUERY_ENROLLMENTS)
        return cloud_refuse(err, CLOUD_BAD_QUERY, "%s",
                            rc < 0 ? why.text : "enrollments are asked for elsewhere");
    rc = read_place(page->continuation, &place, err);
    if (rc != 0)
        return rc;
    if (page->max == 0)
        page->max = PAGE;
    if (page->max > PAGE_MAX)
        page->max = PAGE_MAX;
    page->type = type_of(query);
    page->next = NULL;
    page->items = edge_json_new_array();
    if (!page->items)
        return -ENOMEM;
    rc = query_needs_all(query) ? finish(cloud, query, &place, page, &more)
                                : walk(cloud, query, &place, page, &more);
    if (rc == 0 && more) {
        page->next = write_place(&place);
        rc = page->next ? 0 : -ENOMEM;
    }
    if (rc < 0)
        page->items = edge_json_free(page->items);
    return rc;
}
