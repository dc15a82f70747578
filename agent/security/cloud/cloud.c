#include "agent/security/cloud/cloud.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/http/client.h"
#include "common/iothub/sas.h"
#include "common/tls/cert.h"

enum { TOKEN_LIFE_S = 300, ANSWER_MAX = 1 << 20, TOTAL_MS = 60000, STALL_S = 20 };

void sec_cloud_answer_fini(struct sec_cloud_answer *answer)
{
    edge_json_free(answer->body);
    *answer = (struct sec_cloud_answer){0};
}

static int make_token(const struct sec_cloud_call *call, char **ret, struct edge_err *err)
{
    int64_t se = edge_wall_ns() / 1000000000 + TOKEN_LIFE_S;
    EDGE_CLEANUP(edge_free) char *data = edge_sas_data(call->resource, se);
    uint8_t mac[EDGE_HMAC_SIZE];
    int rc = data ? 0 : -ENOMEM;

    if (rc == 0)
        rc = sec_secret_hmac(call->credential->key, data, strlen(data), mac, err);
    if (rc < 0)
        return rc;
    *ret = edge_sas_token(call->resource, se, mac, call->key_name);
    return *ret ? 0 : -ENOMEM;
}

static int parse_retry_after(const char *text)
{
    size_t digits = text ? strspn(text, "0123456789") : 0;

    return digits > 0 && digits < 7 && !text[digits] ? (int) strtol(text, NULL, 10) : 0;
}

static int send_request(const struct sec_cloud_https *https, const struct sec_cloud_call *call,
                        const char *token, struct edge_http_response *response,
                        struct edge_err *err)
{
    struct edge_http_header headers[4] = {{"Accept", "application/json"}};
    struct edge_http_request request = {
        .method = call->method,
        .url = call->url,
        .headers = headers,
        .nheaders = 1,
        .ca_file = https->ca_file,
        .cert_file = token ? NULL : call->credential->cert_file,
        .key = token ? NULL : call->credential->pk,
        .stall_s = STALL_S,
        .total_ms = TOTAL_MS,
        .max_body = ANSWER_MAX,
        .cancel = https->base.cancel,
    };

    if (token)
        headers[request.nheaders++] = (struct edge_http_header){"Authorization", token};
    if (call->overwrite)
        headers[request.nheaders++] = (struct edge_http_header){"If-Match", "*"};
    if (call->body) {
        headers[request.nheaders++] =
            (struct edge_http_header){"Content-Type", "application/json; charset=utf-8"};
        request.body = (struct edge_bytes){(const uint8_t *) call->body, strlen(call->body)};
    }
    return edge_http_request(&request, response, err);
}

/* The engine that reaches tokens learns of the URI's module here, and says what is wrong. */
static int try_token(const struct sec_credential *credential, struct edge_err *err)
{
    EDGE_CLEANUP(edge_key_free) struct edge_key *key = NULL;

    if (credential->key || !credential->pk || strncmp(credential->pk, "pkcs11:", 7) != 0)
        return 0;
    return edge_key_load(credential->pk, &key, err);
}

static int https_call(struct sec_cloud *cloud, const struct sec_cloud_call *call,
                      struct sec_cloud_answer *ret, struct edge_err *err)
{
    const struct sec_cloud_https *https = EDGE_CONTAINER_OF(cloud, struct sec_cloud_https, base);
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    EDGE_CLEANUP(edge_wipe) char *token = NULL;
    int rc = try_token(call->credential, err);

    if (rc == 0 && call->credential->key)
        rc = make_token(call, &token, err);
    if (rc == 0)
        rc = send_request(https, call, token, &response, err);
    if (rc < 0)
        return rc;
    ret->status = response.status;
    ret->retry_after_s = parse_retry_after(edge_http_response_header(&response, "Retry-After"));
    if (response.body.len > 0)
        edge_ignore(edge_json_parse(response.body.data, response.body.len, &ret->body, NULL));
    return 0;
}

void sec_cloud_https_init(struct sec_cloud_https *https, const char *ca_file,
                          struct edge_cancel *cancel)
{
    *https = (struct sec_cloud_https){
        .base = {.call = https_call, .cancel = cancel},
        .ca_file = ca_file ? ca_file : getenv("SSL_CERT_FILE"),
    };
}

static int code_of(int status)
{
    if (status == 401 || status == 403)
        return EDGE_EAUTH;
    if (status == 404)
        return -ENOENT;
    return status == 408 || status == 429 || status >= 500 ? EDGE_EUNAVAILABLE : EDGE_EREMOTE;
}

int sec_cloud_refused(const struct sec_cloud_answer *answer, const char *what, struct edge_err *err)
{
    static const char *const names[] = {"Message", "message", "ExceptionMessage", "errorMessage"};
    const char *said = "";
    int rc = code_of(answer->status);

    for (size_t i = 0; i < EDGE_ARRAY_LEN(names) && !*said; i++)
        said = edge_json_str(edge_json_get(answer->body, names[i]), "");
    rc = edge_fail(err, rc, "%s: the cloud answers %d%s%.300s", what, answer->status,
                   *said ? ": " : "", said);
    if (err)
        err->status = answer->status;
    return rc;
}
