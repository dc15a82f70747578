#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/security/provision/internal.h"
#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/base/file.h"
#include "common/tls/cert.h"

enum { LIMIT_MS = 10 * 60 * 1000, CERT_MAX = 256 * 1024 };

#define API "api-version=2021-06-01"

/* With X.509 the common name of the certificate will do. */
static int registration_id(const struct agent_provisioning *config, char **ret,
                           struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf pem = EDGE_BUF_INIT(CERT_MAX);
    struct edge_cert_info info = {0};
    int rc;

    if (config->attestation.registration_id) {
        *ret = edge_strdup(config->attestation.registration_id);
        return *ret ? 0 : -ENOMEM;
    }
    rc = edge_file_read(config->attestation.identity_cert, &pem, err);
    if (rc == 0)
        rc = edge_cert_read(pem.data ? pem.data : "", &info, err);
    if (rc < 0)
        return edge_wrap(err, rc, "the identity certificate %s", config->attestation.identity_cert);
    if (!*info.cn)
        return edge_fail(err, EDGE_EINVALID,
                         "%s has no common name: set provisioning.attestation.registration_id",
                         config->attestation.identity_cert);
    *ret = edge_strdup(info.cn);
    return *ret ? 0 : -ENOMEM;
}

/* "https://endpoint/scope/registrations/id", both parts encoded. */
static char *base_url(const struct agent_provisioning *config, const char *id)
{
    struct edge_buf url = EDGE_BUF_INIT(2048);
    size_t len = strlen(config->global_endpoint);

    while (len > 0 && config->global_endpoint[len - 1] == '/')
        len--;
    edge_ignore(edge_buf_append(&url, config->global_endpoint, len));
    edge_ignore(edge_buf_puts(&url, "/"));
    edge_ignore(edge_percent_encode(&url, config->scope_id, strlen(config->scope_id)));
    edge_ignore(edge_buf_puts(&url, "/registrations/"));
    edge_ignore(edge_percent_encode(&url, id, strlen(id)));
    return edge_buf_take(&url);
}

static char *register_body(const char *id)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = edge_json_new_object();

    if (!body || edge_json_set_str(body, "registrationId", id) < 0)
        return NULL;
    return edge_json_text(body);
}

static int ask(const struct sec_provision *p, const struct sec_cloud_call *call,
               struct sec_dps_result *ret, struct edge_err *err)
{
    EDGE_CLEANUP(sec_cloud_answer_fini) struct sec_cloud_answer answer = {0};
    int rc = p->cloud->call(p->cloud, call, &answer, err);

    return rc < 0 ? edge_wrap(err, rc, "DPS") : sec_dps_read(&answer, ret, err);
}

static int poll_until_decided(const struct sec_provision *p, struct sec_cloud_call *call,
                              const char *base, struct sec_dps_result *ret, struct edge_err *err)
{
    int64_t end = edge_now_ms() + LIMIT_MS;
    int rc = SEC_DPS_ASSIGNING;

    call->method = "GET";
    call->body = NULL;
    while (rc == SEC_DPS_ASSIGNING) {
        EDGE_CLEANUP(edge_free) char *url = NULL;

        if (edge_now_ms() > end)
            return edge_fail(err, EDGE_EUNAVAILABLE,
                             "DPS has not assigned this device in 10 minutes");
        if (edge_cancel_sleep(p->cloud->cancel, ret->wait_s * 1000))
            return -ECANCELED;
        url = edge_format("%s/operations/%s?" API, base, ret->operation);
        if (!url)
            return -ENOMEM;
        call->url = url;
        rc = ask(p, call, ret, err);
    }
    return rc;
}

int sec_provision_register(const struct sec_provision *p, const struct sec_credential *who,
                           struct sec_dps_result *ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *id = NULL;
    EDGE_CLEANUP(edge_free) char *base = NULL;
    EDGE_CLEANUP(edge_free) char *url = NULL;
    EDGE_CLEANUP(edge_free) char *body = NULL;
    EDGE_CLEANUP(edge_free) char *resource = NULL;
    struct sec_cloud_call call = {.method = "PUT", .credential = who, .key_name = "registration"};
    int rc = registration_id(p->config, &id, err);

    if (rc < 0 || !id)
        return rc;
    base = base_url(p->config, id);
    url = base ? edge_format("%s/register?" API, base) : NULL;
    body = register_body(id);
    resource = edge_format("%s/registrations/%s", p->config->scope_id, id);
    if (!url || !body || !resource)
        return -ENOMEM;
    call.url = url;
    call.body = body;
    call.resource = resource;
    rc = ask(p, &call, ret, err);
    return rc == SEC_DPS_ASSIGNING ? poll_until_decided(p, &call, base, ret, err) : rc;
}
