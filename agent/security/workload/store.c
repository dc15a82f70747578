#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/security/workload/internal.h"
#include "common/base/file.h"
#include "common/crypto/sha256.h"
#include "common/iothub/identity.h"

enum { FILE_MAX = 256 * 1024 };

void sec_workload_id(const char *module, char id[24])
{
    char hex[EDGE_SHA256_HEX];
    char name[9];
    size_t len = 0;

    for (const char *c = module; *c && len < sizeof name - 1; c++) {
        if (isalnum((unsigned char) *c))
            name[len++] = *c;
    }
    name[len] = '\0';
    edge_sha256_of(module, strlen(module), hex);
    (void) snprintf(id, 24, "%s-%.12s", name, hex);
}

int sec_workload_save(const struct sec_workload *workload, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/modules.json", workload->base);
    EDGE_CLEANUP(edge_json_free) struct edge_json *root = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *text = NULL;
    int rc = path && root ? 0 : -ENOMEM;

    for (const struct sec_socket *s = workload->sockets; rc == 0 && s; s = s->next)
        rc = edge_json_set_str(root, s->module, s->cgroup);
    if (rc == 0)
        text = edge_json_canonical(root);
    return text ? edge_file_write(path, text, strlen(text), 0600, err) : -ENOMEM;
}

void sec_workload_load(const struct sec_workload *workload,
                       void (*add)(const char *module, const char *cgroup, void *arg), void *arg)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/modules.json", workload->base);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(FILE_MAX);
    EDGE_CLEANUP(edge_json_free) struct edge_json *root = NULL;

    if (!path || edge_file_read(path, &text, NULL) < 0 ||
        edge_json_parse(text.data ? text.data : "", text.len, &root, NULL) < 0)
        return;
    for (edge_json_foreach (it, root)) {
        if (edge_id_valid(it.name, strlen(it.name)))
            add(it.name, edge_json_str(it.value, ""), arg);
    }
}
