#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/crypto/hmac.h"
#include "tests/emulator/cloud/internal.h"

enum { UPLOADS_MAX = 10, BLOB_NAME_MAX = 1024 };

static unsigned count_uploads(struct cloud *cloud, const char *device)
{
    char a[STORE_NAME], b[STORE_NAME] = "";
    unsigned count = 0;

    snprintf(a, sizeof a, "%s", device);
    for (;;) {
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(CLOUD_TEXT_MAX);

        if (store_next(cloud->store, STORE_UPLOADS, a, b, &text) != 0 || strcmp(a, device) != 0)
            return count;
        count++;
    }
}

static int check(struct cloud *cloud, const char *device, const char *name, struct edge_err *err)
{
    if (!cloud->blob_host || !cloud->blob_container)
        return cloud_refuse(err, CLOUD_INVALID, "no storage is configured for file uploads");
    if (!*name || strlen(name) > BLOB_NAME_MAX)
        return cloud_refuse(err, CLOUD_INVALID, "blobName has 1 to %d characters", BLOB_NAME_MAX);
    if (count_uploads(cloud, device) >= UPLOADS_MAX)
        return cloud_refuse(err, CLOUD_QUOTA, "%d uploads of device %s are open already",
                            UPLOADS_MAX, device);
    return 0;
}

int cloud_upload_begin(struct cloud *cloud, const char *device, const struct edge_json *request,
                       struct edge_json **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *blob = NULL;
    EDGE_CLEANUP(edge_free) char *query = NULL;
    const char *name = edge_json_str(edge_json_get(request, "blobName"), "");
    char correlation[EDGE_UUID_SIZE];
    int rc = check(cloud, device, name, err);

    if (rc == 0)
        rc = edge_uuid(correlation);
    if (rc != 0)
        return rc;
    blob = edge_format("%s/%s", device, name);
    query = edge_format("?%s", cloud->blob_sas ? cloud->blob_sas : "");
    if (!answer || !blob || !query || edge_json_set_str(answer, "correlationId", correlation) < 0 ||
        edge_json_set_str(answer, "hostName", cloud->blob_host) < 0 ||
        edge_json_set_str(answer, "containerName", cloud->blob_container) < 0 ||
        edge_json_set_str(answer, "blobName", blob) < 0)
        return -ENOMEM;
    rc = cloud_save(cloud, STORE_UPLOADS, device, correlation, answer);
    if (rc == 0)
        rc = edge_json_set_str(answer, "sasToken", query);
    if (rc == 0)
        *ret = EDGE_TAKE(answer);
    return rc;
}

static int tell(struct cloud *cloud, const char *device, const struct edge_json *upload)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *record = edge_json_new_object();
    const char *blob = edge_json_str(edge_json_get(upload, "blobName"), "");
    EDGE_CLEANUP(edge_free)
    char *uri = edge_format("https://%s/%s/%s", cloud->blob_host ? cloud->blob_host : "",
                            cloud->blob_container ? cloud->blob_container : "", blob);
    char now[EDGE_TIME_TEXT];

    cloud_time(cloud, now);
    if (!record || !uri || edge_json_set_str(record, "deviceId", device) < 0 ||
        edge_json_set_str(record, "blobUri", uri) < 0 ||
        edge_json_set_str(record, "blobName", blob) < 0 ||
        edge_json_set_str(record, "lastUpdatedTime", now) < 0 ||
        edge_json_set_str(record, "enqueuedTimeUtc", now) < 0)
        return -ENOMEM;
    return cloud_upload_add(cloud, record);
}

int cloud_upload_end(struct cloud *cloud, const char *device, const char *correlation,
                     const struct edge_json *request, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *upload = NULL;
    int rc = cloud_load(cloud, STORE_UPLOADS, device, correlation, &upload);

    if (rc == STORE_ABSENT)
        return cloud_refuse(err, CLOUD_INVALID, "the correlation id is not known");
    if (rc == 0)
        rc = store_del(cloud->store, STORE_UPLOADS, device, correlation);
    if (rc == 0 && edge_json_bool(edge_json_get(request, "isSuccess"), false))
        rc = tell(cloud, device, upload);
    return rc;
}
