#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/rest/call.h"

enum { LIST_MAX = 100, PAGE_MAX = 1000 };

/* "/twins/d…" or "/twins/d/modules/m…" */
static const char *module_of(const struct rest_call *call)
{
    bool module = call->part[2] && strcmp(call->part[2], "modules") == 0;

    return module && call->part[3] ? call->part[3] : "";
}

REST_HANDLER(rest_twin_get)
{
    struct edge_json *twin = NULL;
    int rc = cloud_twin_get(call->cloud, call->part[1], module_of(call), &twin, err);

    return rc == 0 ? rest_give(call, twin) : rc;
}

static int put_twin(struct rest_call *call, bool replace, struct edge_err *err)
{
    struct edge_json *twin = NULL;
    int rc = cloud_twin_put(call->cloud, call->part[1], module_of(call), call->body, replace,
                            rest_in_header(call, "if-match"), &twin, err);

    return rc == 0 ? rest_give(call, twin) : rc;
}

REST_HANDLER(rest_twin_patch)
{
    return put_twin(call, false, err);
}

REST_HANDLER(rest_twin_replace)
{
    return put_twin(call, true, err);
}

static void on_method(int rc, const struct edge_err *err, const char *json, size_t len, void *arg)
{
    struct rest_call *call = arg;

    call->method = NULL;
    if (rc == 0) {
        call->text = strndup(json, len);
        call->len = len;
        call->type = "application/json; charset=utf-8";
        rc = call->text ? 0 : -ENOMEM;
    }
    rest_finish(call, rc, err);
}

REST_HANDLER(rest_method)
{
    int rc = cloud_method_invoke(call->cloud, call->part[1], module_of(call), call->body, on_method,
                                 call, &call->method, err);

    return rc == 0 ? REST_LATER : rc;
}

/* Configurations */

REST_HANDLER(rest_apply)
{
    return cloud_apply(call->cloud, call->part[1], call->body, err);
}

REST_HANDLER(rest_configurations)
{
    struct edge_json *list = NULL;
    size_t top;
    int rc = rest_number(rest_query(call, "top"), LIST_MAX, LIST_MAX, &top, err);

    if (rc == 0)
        rc = cloud_configurations(call->cloud, top, &list);
    return rc == 0 ? rest_give(call, list) : rc;
}

REST_HANDLER(rest_configuration_get)
{
    struct edge_json *found = NULL;
    int rc = cloud_configuration_get(call->cloud, call->part[1], &found, err);

    return rc == 0 ? rest_give(call, found) : rc;
}

REST_HANDLER(rest_configuration_put)
{
    struct edge_json *made = NULL;
    int rc = cloud_configuration_put(call->cloud, call->part[1], call->body,
                                     rest_in_header(call, "if-match"), &made, err);

    return rc == 0 ? rest_give(call, made) : rc;
}

REST_HANDLER(rest_configuration_delete)
{
    return cloud_configuration_delete(call->cloud, call->part[1], rest_in_header(call, "if-match"),
                                      err);
}

REST_HANDLER(rest_configuration_test)
{
    struct edge_json *result = NULL;
    int rc = cloud_configuration_test(call->cloud, call->body, &result, err);

    return rc == 0 ? rest_give(call, result) : rc;
}

/* Queries */

static int give_page(struct rest_call *call, struct cloud_page *page)
{
    rest_header(call, "x-ms-item-type", page->type);
    if (page->next)
        rest_header(call, "x-ms-continuation", page->next);
    free(page->next);
    return rest_give(call, page->items);
}

static int read_page(const struct rest_call *call, struct cloud_page *page, struct edge_err *err)
{
    page->continuation = rest_in_header(call, "x-ms-continuation");
    return rest_number(rest_in_header(call, "x-ms-max-item-count"), PAGE_MAX, 0, &page->max, err);
}

REST_HANDLER(rest_query_run)
{
    struct cloud_page page = {0};
    int rc = read_page(call, &page, err);

    if (rc == 0)
        rc = cloud_query(call->cloud, edge_json_str(edge_json_get(call->body, "query"), ""), &page,
                         err);
    return rc == 0 ? give_page(call, &page) : rc;
}

/* Jobs */

REST_HANDLER(rest_job_put)
{
    struct edge_json *job = NULL;
    int rc = cloud_job_put(call->cloud, call->part[2], call->body, &job, err);

    return rc == 0 ? rest_give(call, job) : rc;
}

REST_HANDLER(rest_job_get)
{
    struct edge_json *job = NULL;
    int rc = cloud_job_get(call->cloud, call->part[2], &job, err);

    return rc == 0 ? rest_give(call, job) : rc;
}

REST_HANDLER(rest_job_cancel)
{
    struct edge_json *job = NULL;
    int rc = cloud_job_cancel(call->cloud, call->part[2], &job, err);

    return rc == 0 ? rest_give(call, job) : rc;
}

REST_HANDLER(rest_jobs)
{
    struct cloud_page page = {0};
    int rc = read_page(call, &page, err);

    if (rc == 0)
        rc = cloud_jobs(call->cloud, rest_query(call, "jobType"), rest_query(call, "jobStatus"),
                        &page, err);
    return rc == 0 ? give_page(call, &page) : rc;
}
