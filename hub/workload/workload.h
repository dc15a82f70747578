/* hub/workload/workload.h - who this hub is, and what it may ask of edge-securityd: tokens, its
 * server certificate, what it trusts, and a key for what it keeps on disk. Behind the workload API
 * of its socket; or, for people who debug, behind a connection string and files.
 * Source: hub.md 0.3, 4.1.6, 10; workload API of agent/security. */
#ifndef HUB_WORKLOAD_WORKLOAD_H
#define HUB_WORKLOAD_WORKLOAD_H

#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/iothub/identity.h"
#include "common/loop/loop.h"

/** From the environment. All owned by the struct. */
struct hub_self {
    char *hub_name; /* IOTEDGE_IOTHUBHOSTNAME: the resource of tokens, the name in user names */
    char *upstream; /* host to connect to: IOTEDGE_GATEWAYHOSTNAME of a parent, else hub_name */
    char *hostname; /* EdgeDeviceHostName: what clients call this hub */
    char *generation_id;
    char *workload_uri; /* NULL: connection string */
    char *api_version;
    struct edge_identity who;                       /* <device>/$edgeHub */
    char *key;                                      /* of the connection string; base64 */
    char *certificate_file, *key_file, *trust_file; /* EdgeHubDev…File */
};
/** @param get  getenv, or a test's. @return 0, EDGE_EINVALID (names the variable that is missing or
 * wrong), -ENOMEM */
EDGE_MUST_CHECK int hub_self_read(const char *(*get)(const char *name), struct hub_self *ret,
                                  struct edge_err *err);
void hub_self_fini(struct hub_self *self);

struct hub_workload;
/** Nothing is asked yet. @p self is borrowed and outlives it. */
EDGE_MUST_CHECK int hub_workload_open(struct edge_loop *loop, const struct hub_self *self,
                                      struct hub_workload **ret, struct edge_err *err);
struct hub_workload *hub_workload_close(struct hub_workload *workload);

/* Blocking: at boot, on any thread. */

struct hub_certificate {
    char *chain_pem; /* leaf first */
    char *key_pem;   /* wiped by fini */
    int64_t expires_s;
};
EDGE_MUST_CHECK int hub_workload_certificate(struct hub_workload *workload,
                                             struct hub_certificate *ret, struct edge_err *err);
void hub_certificate_fini(struct hub_certificate *certificate);
/** The caller frees it. */
EDGE_MUST_CHECK int hub_workload_trust(struct hub_workload *workload, char **ret_pem,
                                       struct edge_err *err);

/* On the loop thread; done comes later, once, but not after close. */

/** A token of the hub's own, for an hour; the same one until half of that is over.
 * @p done: rc 0 and the token (borrowed) with its end, or negative */
void hub_workload_token(struct hub_workload *workload,
                        void (*done)(int rc, const char *token, int64_t until_s,
                                     const struct edge_err *err, void *arg),
                        void *arg);
/** hub_workload_certificate, without blocking. The callee may take what is in it. */
void hub_workload_renew(struct hub_workload *workload,
                        void (*done)(int rc, struct hub_certificate *certificate,
                                     const struct edge_err *err, void *arg),
                        void *arg);
/** Who asked with @p arg goes: its done is not called any more. */
void hub_workload_forget(struct hub_workload *workload, const void *arg);

/* hub_vault: bytes at rest. One random key, itself sealed by the workload API, so that sealing asks
 * nobody; bound to this module identity. Any thread once open. */

struct hub_vault;
/** Blocks. @param wrapped  what an earlier hub_vault_open gave back, or no bytes: a new key
 * @param ret_wrapped  to be kept on disk when it differs from @p wrapped
 * @return 0, EDGE_EAUTH (wrapped for another identity: what it has sealed is lost; begin anew),
 * EDGE_EUNAVAILABLE */
EDGE_MUST_CHECK int hub_vault_open(struct hub_workload *workload, struct edge_bytes wrapped,
                                   struct edge_buf *ret_wrapped, struct hub_vault **ret,
                                   struct edge_err *err);
struct hub_vault *hub_vault_close(struct hub_vault *vault);
/** @param context  authenticated with it: kind and name of the document. @return 0, -ENOMEM */
EDGE_MUST_CHECK int hub_vault_seal(const struct hub_vault *vault, const char *context,
                                   struct edge_bytes plain, struct edge_buf *ret);
/** @return 0, EDGE_EDIGEST (not sealed by this key, for this context), -ENOMEM */
EDGE_MUST_CHECK int hub_vault_unseal(const struct hub_vault *vault, const char *context,
                                     struct edge_bytes sealed, struct edge_buf *ret);

#endif
