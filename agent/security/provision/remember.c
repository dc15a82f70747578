#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/security/provision/internal.h"
#include "common/base/file.h"
#include "common/iothub/identity.h"

enum { FILE_MAX = 16 * 1024 };

int sec_provision_fingerprint(const struct agent_provisioning *config, char hex[EDGE_SHA256_HEX])
{
    const char *const parts[] = {
        config->global_endpoint,           config->scope_id,
        config->attestation.method,        config->attestation.registration_id,
        config->attestation.symmetric_key, config->attestation.identity_cert,
        config->attestation.identity_pk,
    };
    EDGE_CLEANUP(edge_sha256_destroy) struct edge_sha256 *sha = edge_sha256_create();

    if (!sha)
        return -ENOMEM;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(parts); i++) {
        const char *part = parts[i] ? parts[i] : "";

        edge_sha256_update(sha, part, strlen(part) + 1);
    }
    edge_sha256_hex(sha, hex);
    return 0;
}

int sec_provision_recall(const char *path, const char *fingerprint, struct sec_dps_result *ret)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(FILE_MAX);
    EDGE_CLEANUP(edge_json_free) struct edge_json *root = NULL;
    const char *hub;
    const char *device;

    if (edge_file_read(path, &text, NULL) < 0 ||
        edge_json_parse(text.data ? text.data : "", text.len, &root, NULL) < 0)
        return -ENOENT;
    hub = edge_json_str(edge_json_get(root, "hub"), "");
    device = edge_json_str(edge_json_get(root, "deviceId"), "");
    if (strcmp(edge_json_str(edge_json_get(root, "fingerprint"), ""), fingerprint) != 0 ||
        !sec_hub_valid(hub) || !edge_id_valid(device, strlen(device)))
        return -ENOENT;
    (void) snprintf(ret->hub, sizeof ret->hub, "%s", hub);
    (void) snprintf(ret->device, sizeof ret->device, "%s", device);
    return 0;
}

int sec_provision_remember(const char *path, const char *fingerprint,
                           const struct sec_dps_result *result, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *root = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *text = NULL;

    if (!root || edge_json_set_str(root, "fingerprint", fingerprint) < 0 ||
        edge_json_set_str(root, "hub", result->hub) < 0 ||
        edge_json_set_str(root, "deviceId", result->device) < 0)
        return -ENOMEM;
    text = edge_json_text(root);
    return text ? edge_file_write(path, text, strlen(text), 0600, err) : -ENOMEM;
}
