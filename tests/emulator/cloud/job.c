#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/emulator/cloud/internal.h"
#include "tests/emulator/cloud/search.h"

#define NS_PER_S INT64_C(1000000000)
enum {
    JOBS_MAX = 1000,
    METHODS_AT_ONCE = 10,
    TWINS_AT_ONCE = 100,
    WAIT_MAX_S = 86400,
    RUN_S = 3600
};

/* SCHEDULED → RUNNING → DONE. Its document says "queued" or "scheduled", "running", "completed",
 * "failed" or "cancelled". */
struct cloud_job {
    struct cloud *cloud;
    struct cloud_job *next, **link;
    struct edge_timer *timer; /* its start, its next turn, or its deadline */
    char *id;
    struct edge_json *doc;
    struct edge_json *devices; /* what the condition found at the start; NULL before */
    size_t next_device;
    struct job_call *calls;
    unsigned ncalls;
    int64_t deadline_ns;
};
struct job_call {
    struct cloud_job *job;
    struct job_call *next, **link;
    struct cloud_method *method;
    char device[EDGE_ID_MAX + 1];
};

static void on_timer(void *arg);

static void drop_call(struct job_call *call)
{
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    call->job->ncalls--;
    if (call->method)
        cloud_method_cancel(call->method);
    free(call);
}

static void drop(struct cloud_job *job)
{
    while (job->calls)
        drop_call(job->calls);
    *job->link = job->next;
    if (job->next)
        job->next->link = job->link;
    edge_timer_destroy(job->timer);
    edge_json_free(job->doc);
    edge_json_free(job->devices);
    free(job->id);
    free(job);
}

void cloud_jobs_end(struct cloud *cloud)
{
    while (cloud->jobs)
        drop(cloud->jobs);
}

static void set_time(struct cloud *cloud, struct edge_json *doc, const char *name)
{
    char now[EDGE_TIME_TEXT];

    cloud_time(cloud, now);
    edge_ignore(edge_json_set_str(doc, name, now));
}

static void save(struct cloud_job *job)
{
    edge_ignore(cloud_save(job->cloud, STORE_JOBS, job->id, "", job->doc));
}

static void count(struct cloud_job *job, const char *name, int64_t by)
{
    struct edge_json *statistics = edge_json_need_object(job->doc, "deviceJobStatistics");

    edge_ignore(edge_json_set_int(statistics, name,
                                  edge_json_int(edge_json_get(statistics, name), 0) + by));
}

/* One device's part, as FROM devices.jobs shows it. */
static void note(struct cloud_job *job, const char *device, int rc, const struct edge_err *err,
                 const char *answer)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *row = edge_json_new_object();
    struct edge_json *value = NULL;
    const char *name;

    count(job, rc == 0 ? "succeededCount" : "failedCount", 1);
    count(job, "pendingCount", -1);
    if (!row)
        return;
    edge_ignore(edge_json_set_str(row, "deviceId", device));
    edge_ignore(edge_json_set_str(row, "jobId", job->id));
    edge_ignore(
        edge_json_set_str(row, "jobType", edge_json_str(edge_json_get(job->doc, "type"), "")));
    edge_ignore(edge_json_set_str(row, "status", rc == 0 ? "completed" : "failed"));
    set_time(job->cloud, row, "startTimeUtc");
    set_time(job->cloud, row, "endTimeUtc");
    set_time(job->cloud, row, "createdDateTimeUtc");
    set_time(job->cloud, row, "lastUpdatedDateTimeUtc");
    if (answer && edge_json_parse(answer, strlen(answer), &value, NULL) == 0)
        edge_ignore(
            edge_json_set(edge_json_need_object(row, "outcome"), "deviceMethodResponse", value));
    if (rc != 0) {
        struct edge_json *error = edge_json_need_object(row, "error");

        cloud_status(rc, &name);
        edge_ignore(edge_json_set_str(error, "code", name));
        edge_ignore(edge_json_set_str(error, "description", err->text));
    }
    edge_ignore(cloud_save(job->cloud, STORE_JOBS, job->id, device, row));
}

static void finish(struct cloud_job *job, const char *status)
{
    edge_ignore(edge_json_set_str(job->doc, "status", status));
    set_time(job->cloud, job->doc, "endTime");
    save(job);
    drop(job);
}

static bool over(const struct cloud_job *job)
{
    return job->next_device == edge_json_len(job->devices) && job->ncalls == 0;
}

/* Carry on, or end when all is done. */
static void go_on(struct cloud_job *job)
{
    if (over(job))
        finish(job, "completed");
    else if (!edge_timer_armed(job->timer) || edge_timer_left(job->timer) > 0)
        edge_timer_arm(job->timer, 0);
}

static const char *take_device(struct cloud_job *job)
{
    return edge_json_str(edge_json_at(job->devices, job->next_device++), "");
}

static void update_twins(struct cloud_job *job)
{
    const struct edge_json *wanted = edge_json_get(job->doc, "updateTwin");
    const char *etag = edge_json_str(edge_json_get(wanted, "etag"), "*");

    for (int i = 0; i < TWINS_AT_ONCE && job->next_device < edge_json_len(job->devices); i++) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *twin = NULL;
        const char *device = take_device(job);
        struct edge_err err = {0};
        int rc = cloud_twin_put(job->cloud, device, "", wanted, false, etag, &twin, &err);

        note(job, device, rc, &err, NULL);
    }
}

static void on_method(int rc, const struct edge_err *err, const char *json, size_t len, void *arg)
{
    struct job_call *call = arg;
    struct cloud_job *job = call->job;

    (void) len;
    call->method = NULL;
    note(job, call->device, rc, err, json);
    drop_call(call);
    go_on(job);
}

static void call_method(struct cloud_job *job, const char *device)
{
    struct job_call *call = calloc(1, sizeof *call);
    struct edge_err err = {0};
    int rc = -ENOMEM;

    if (call) {
        call->job = job;
        snprintf(call->device, sizeof call->device, "%s", device);
        call->next = job->calls;
        call->link = &job->calls;
        if (call->next)
            call->next->link = &call->next;
        job->calls = call;
        job->ncalls++;
        rc = cloud_method_invoke(job->cloud, device, "",
                                 edge_json_get(job->doc, "cloudToDeviceMethod"), on_method, call,
                                 &call->method, &err);
    }
    if (rc == 0)
        return;
    note(job, device, rc, &err, NULL);
    if (call)
        drop_call(call);
}

static int add_device(struct edge_json *document, const char *a, const char *b, void *arg)
{
    (void) document;
    (void) b;
    return edge_json_append(arg, edge_json_new_str(a));
}

static int begin(struct cloud_job *job)
{
    EDGE_CLEANUP(query_free) struct query *query = NULL;
    const char *condition = edge_json_str(edge_json_get(job->doc, "queryCondition"), "*");
    int64_t n;
    int rc = query_parse_condition(condition, strlen(condition), &query, NULL);

    job->devices = edge_json_new_array();
    if (rc == 0)
        rc = job->devices ? cloud_search(job->cloud, query, add_device, job->devices) : -ENOMEM;
    n = (int64_t) edge_json_len(job->devices);
    count(job, "deviceCount", n);
    count(job, "pendingCount", n);
    edge_ignore(edge_json_set_str(job->doc, "status", "running"));
    job->deadline_ns =
        cloud_now_ns(job->cloud) +
        NS_PER_S * edge_json_int(edge_json_get(job->doc, "maxExecutionTimeInSeconds"), RUN_S);
    return rc;
}

static void expire(struct cloud_job *job)
{
    struct edge_err err = {.text = "the job's time is over"};

    while (job->calls) {
        note(job, job->calls->device, CLOUD_TIMEOUT, &err, NULL);
        drop_call(job->calls);
    }
    while (job->next_device < edge_json_len(job->devices))
        note(job, take_device(job), CLOUD_TIMEOUT, &err, NULL);
}

static void run(struct cloud_job *job)
{
    bool twins = edge_json_get(job->doc, "updateTwin") != NULL;

    if (cloud_now_ns(job->cloud) >= job->deadline_ns)
        expire(job);
    if (twins)
        update_twins(job);
    while (!twins && job->ncalls < METHODS_AT_ONCE &&
           job->next_device < edge_json_len(job->devices))
        call_method(job, take_device(job));
    save(job);
    if (over(job))
        finish(job, "completed");
    else if (twins)
        edge_timer_arm(job->timer, 0);
    else
        edge_timer_arm(
            job->timer,
            (uint64_t) ((job->deadline_ns - cloud_now_ns(job->cloud)) / (NS_PER_S / 1000)) + 1);
}

static void arm_start(struct cloud_job *job)
{
    int64_t start = 0;
    int64_t left_ms;

    edge_ignore(edge_time_parse(edge_json_str(edge_json_get(job->doc, "startTime"), ""), &start));
    left_ms = (start - cloud_now_ns(job->cloud)) / (NS_PER_S / 1000);
    if (left_ms > WAIT_MAX_S * INT64_C(1000))
        left_ms = WAIT_MAX_S * INT64_C(1000);
    edge_timer_arm(job->timer, left_ms > 0 ? (uint64_t) left_ms : 0);
}

static void on_timer(void *arg)
{
    struct cloud_job *job = arg;
    int64_t start = 0;

    if (!job->devices) {
        edge_ignore(
            edge_time_parse(edge_json_str(edge_json_get(job->doc, "startTime"), ""), &start));
        if (start > cloud_now_ns(job->cloud)) {
            arm_start(job);
            return;
        }
        if (begin(job) < 0) {
            finish(job, "failed");
            return;
        }
    }
    run(job);
}

/* @p doc becomes the job's */
static int schedule(struct cloud *cloud, const char *id, struct edge_json *doc)
{
    struct cloud_job *job = calloc(1, sizeof *job);

    if (!job) {
        edge_json_free(doc);
        return -ENOMEM;
    }
    job->cloud = cloud;
    job->doc = doc;
    job->next = cloud->jobs;
    job->link = &cloud->jobs;
    if (job->next)
        job->next->link = &job->next;
    cloud->jobs = job;
    job->id = edge_strdup(id);
    job->timer = edge_timer_create(cloud->loop, on_timer, job);
    if (!job->id || !job->timer) {
        drop(job);
        return -ENOMEM;
    }
    arm_start(job);
    return 0;
}

/* What ran when the emulator ended has failed; what had not begun yet is scheduled again. */
int cloud_jobs_resume(struct cloud *cloud)
{
    char a[STORE_NAME] = "", b[STORE_NAME] = "";
    int rc = 0;

    while (rc == 0) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *doc = NULL;
        const char *status;

        rc = cloud_next(cloud, STORE_JOBS, a, b, &doc);
        if (rc != 0 || *b)
            continue;
        status = edge_json_str(edge_json_get(doc, "status"), "");
        if (strcmp(status, "queued") == 0 || strcmp(status, "scheduled") == 0)
            rc = schedule(cloud, a, EDGE_TAKE(doc));
        else if (strcmp(status, "running") == 0 && edge_json_set_str(doc, "status", "failed") == 0)
            rc = cloud_save(cloud, STORE_JOBS, a, "", doc);
    }
    return rc < 0 ? rc : 0;
}

/* The API */

static int check(const char *id, const struct edge_json *wanted, struct edge_err *err)
{
    EDGE_CLEANUP(query_free) struct query *query = NULL;
    const char *type = edge_json_str(edge_json_get(wanted, "type"), "");
    const char *condition = edge_json_str(edge_json_get(wanted, "queryCondition"), "");
    const char *start = edge_json_str(edge_json_get(wanted, "startTime"), NULL);
    struct edge_err why = {0};
    int64_t ns;
    int rc;

    if (!edge_id_valid(id, strlen(id)))
        return cloud_refuse(err, CLOUD_INVALID, "the job id is not valid");
    if (strcmp(type, "scheduleUpdateTwin") == 0
            ? !edge_json_is(edge_json_get(wanted, "updateTwin"), EDGE_JSON_OBJECT)
            : strcmp(type, "scheduleDeviceMethod") != 0 ||
                  !edge_json_is(edge_json_get(wanted, "cloudToDeviceMethod"), EDGE_JSON_OBJECT))
        return cloud_refuse(err, CLOUD_INVALID,
                            "type is scheduleUpdateTwin with updateTwin, or scheduleDeviceMethod "
                            "with cloudToDeviceMethod");
    if (start && edge_time_parse(start, &ns) < 0)
        return cloud_refuse(err, CLOUD_INVALID, "startTime is no time");
    rc = query_parse_condition(condition, strlen(condition), &query, &why);
    return rc == EDGE_EINVALID || rc == EDGE_ELIMIT || rc == EDGE_EUNSUPPORTED
               ? cloud_refuse(err, CLOUD_INVALID, "queryCondition: %s", why.text)
               : rc;
}

static int check_room(struct cloud *cloud, const char *id, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(CLOUD_TEXT_MAX);
    unsigned active = 0;
    int rc = store_get(cloud->store, STORE_JOBS, id, "", &text);

    for (const struct cloud_job *job = cloud->jobs; job; job = job->next)
        active++;
    if (rc == 0)
        return cloud_refuse(err, CLOUD_EXISTS, "job %s exists already", id);
    if (active >= JOBS_MAX)
        return cloud_refuse(err, CLOUD_THROTTLED, "%d jobs are active already", JOBS_MAX);
    return rc < 0 ? rc : 0;
}

int cloud_job_put(struct cloud *cloud, const char *id, const struct edge_json *wanted,
                  struct edge_json **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *doc = NULL;
    int rc = check(id, wanted, err);

    if (rc == 0)
        rc = check_room(cloud, id, err);
    if (rc != 0)
        return rc;
    doc = edge_json_copy(wanted);
    if (!doc || edge_json_set_str(doc, "jobId", id) < 0 ||
        edge_json_set_str(doc, "status", "queued") < 0)
        return -ENOMEM;
    set_time(cloud, doc, "createdTime");
    if (!edge_json_get(doc, "startTime"))
        set_time(cloud, doc, "startTime");
    rc = cloud_save(cloud, STORE_JOBS, id, "", doc);
    if (rc < 0)
        return rc;
    *ret = edge_json_copy(doc);
    return *ret ? schedule(cloud, id, EDGE_TAKE(doc)) : -ENOMEM;
}

int cloud_job_get(struct cloud *cloud, const char *id, struct edge_json **ret, struct edge_err *err)
{
    int rc = cloud_load(cloud, STORE_JOBS, id, "", ret);

    return rc == STORE_ABSENT ? cloud_refuse(err, CLOUD_NO_JOB, "there is no job %s", id) : rc;
}

int cloud_job_cancel(struct cloud *cloud, const char *id, struct edge_json **ret,
                     struct edge_err *err)
{
    for (struct cloud_job *job = cloud->jobs; job; job = job->next) {
        if (strcmp(job->id, id) == 0) {
            finish(job, "cancelled");
            break;
        }
    }
    return cloud_job_get(cloud, id, ret, err);
}

static bool is(const struct edge_json *doc, const char *name, const char *wanted)
{
    return !wanted || !*wanted || strcmp(edge_json_str(edge_json_get(doc, name), ""), wanted) == 0;
}

/* Few enough for one page; a continuation is the job's id. */
int cloud_jobs(struct cloud *cloud, const char *type, const char *status, struct cloud_page *page,
               struct edge_err *err)
{
    char a[STORE_NAME] = "", b[STORE_NAME] = "";
    size_t max = page->max ? page->max : 100;
    int rc = 0;

    (void) err;
    if (page->continuation) {
        snprintf(a, sizeof a, "%s", page->continuation);
        snprintf(b, sizeof b, "\x7f");
    }
    page->type = "JobResponse";
    page->next = NULL;
    page->items = edge_json_new_array();
    while (rc == 0 && page->items) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *doc = NULL;

        if (edge_json_len(page->items) == max) {
            page->next = edge_strdup(a);
            break;
        }
        rc = cloud_next(cloud, STORE_JOBS, a, b, &doc);
        if (rc == 0 && !*b && is(doc, "type", type) && is(doc, "status", status))
            rc = edge_json_append(page->items, EDGE_TAKE(doc));
    }
    if (!page->items)
        rc = -ENOMEM;
    if (rc < 0)
        page->items = edge_json_free(page->items);
    return rc < 0 ? rc : 0;
}
