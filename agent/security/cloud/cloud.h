/* agent/security/cloud/cloud.h - one request to IoT Hub or DPS in the device's name, and its answer
 * as JSON. Blocking: worker threads. An ops table, so that tests put a cloud of their own in.
 * Sources: agent.md 7.2 and 7.5, cloud.md 3. */
#ifndef AGENT_SECURITY_CLOUD_CLOUD_H
#define AGENT_SECURITY_CLOUD_CLOUD_H

#include <stdbool.h>

#include "agent/security/keys/secret.h"
#include "common/base/cancel.h"
#include "common/json/json.h"

/** How the device proves who it is; all borrowed. */
struct sec_credential {
    struct sec_secret *key; /* signs tokens; or NULL, then by certificate */
    const char *cert_file;  /* PEM */
    const char *pk;         /* path or "pkcs11:" URI */
};

struct sec_cloud_call {
    const char *method;
    const char *url;
    const char *body; /* JSON, or NULL */
    bool overwrite;   /* If-Match: * */
    const struct sec_credential *credential;
    const char *resource; /* of the token, not encoded */
    const char *key_name; /* skn of the token, or NULL */
};

struct sec_cloud_answer {
    int status;
    struct edge_json *body; /* NULL: none, or no JSON */
    int retry_after_s;      /* 0: nothing said */
};
void sec_cloud_answer_fini(struct sec_cloud_answer *answer);
static inline void sec_cloud_answer_finip(struct sec_cloud_answer *answer)
{
    sec_cloud_answer_fini(answer);
}

struct sec_cloud {
    /** @return 0 for any answer; otherwise as edge_http_request */
    int (*call)(struct sec_cloud *cloud, const struct sec_cloud_call *call,
                struct sec_cloud_answer *ret, struct edge_err *err);
    struct edge_cancel *cancel; /* or NULL */
};

/** The real one. @param ca_file  trusted besides the system's, NULL: the one that SSL_CERT_FILE in
 * the environment names, or none */
struct sec_cloud_https {
    struct sec_cloud base;
    const char *ca_file;
};
void sec_cloud_https_init(struct sec_cloud_https *https, const char *ca_file,
                          struct edge_cancel *cancel);

/** "what: the cloud's own words" for a status that is none of the expected, and how it is to be
 * taken: EDGE_EAUTH 401 and 403, -ENOENT 404, EDGE_EUNAVAILABLE 408, 429 and 5xx, else
 * EDGE_EREMOTE. err->status is the status. */
int sec_cloud_refused(const struct sec_cloud_answer *answer, const char *what,
                      struct edge_err *err);

#endif
