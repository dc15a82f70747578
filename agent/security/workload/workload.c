#include "agent/security/workload/workload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agent/security/workload/internal.h"
#include "common/base/file.h"
#include "common/iothub/identity.h"

enum { MAX_CLIENTS = 16, MAX_BODY = 1 << 20, BODY_MS = 5000 };

static struct sec_socket *socket_free(struct sec_socket *s)
{
    if (!s)
        return NULL;
    edge_http_server_close(s->server);
    free(s->module);
    free(s->cgroup);
    free(s->dir);
    free(s);
    return NULL;
}
EDGE_DEFINE_CLEANUP(struct sec_socket *, socket_free)

/* Any user of the container may connect, nobody else comes to the folder: its parent is ours. */
static int listen_in(struct sec_socket *s, mode_t folder_mode, mode_t mode, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *uri = edge_format("unix://%s/workload.sock", s->dir);
    struct edge_http_server_options options = {
        .uri = uri,
        .mode = mode,
        .max_clients = MAX_CLIENTS,
        .max_body = MAX_BODY,
        .body_ms = BODY_MS,
        .handle = sec_workload_handle,
        .arg = s,
    };
    int rc;

    if (!uri)
        return -ENOMEM;
    if (strlen(uri) - strlen("unix://") >= sizeof((struct sockaddr_un *) 0)->sun_path)
        return edge_fail(err, EDGE_EINVALID,
                         "the path of a workload socket, %s, is longer than 107 bytes: choose a "
                         "shorter `rundir`",
                         uri + strlen("unix://"));
    rc = edge_mkdirs(s->dir, folder_mode, err);
    if (rc == 0 && chmod(s->dir, folder_mode) < 0) /* whatever the umask */
        rc = edge_fail(err, -errno, "cannot open %s to its module: %s", s->dir, strerror(errno));
    if (rc == 0)
        rc = edge_http_server_open(s->workload->options.loop, &options, &s->server, err);
    return rc;
}

static int socket_new(struct sec_workload *w, const char *module, const char *cgroup,
                      const char *id, struct sec_socket **ret)
{
    EDGE_CLEANUP(socket_free) struct sec_socket *s = calloc(1, sizeof *s);

    if (!s)
        return -ENOMEM;
    s->workload = w;
    s->module = edge_strdup(module);
    s->cgroup = edge_strdup(cgroup);
    s->dir = edge_format("%s/%s", w->base, id);
    if (!s->module || (cgroup && !s->cgroup) || !s->dir)
        return -ENOMEM;
    *ret = EDGE_TAKE(s);
    return 0;
}

static int open_socket(struct sec_workload *w, const char *module, const char *cgroup,
                       struct edge_err *err)
{
    EDGE_CLEANUP(socket_free) struct sec_socket *s = NULL;
    char id[24];
    int rc;

    sec_workload_id(module, id);
    rc = socket_new(w, module, cgroup, id, &s);
    if (rc == 0)
        rc = listen_in(s, 0755, 0666, err);
    if (rc < 0)
        return rc;
    s->next = w->sockets;
    w->sockets = EDGE_TAKE(s);
    return 0;
}

static struct sec_socket **find(struct sec_workload *w, const char *module)
{
    struct sec_socket **link = &w->sockets;

    while (*link && strcmp((*link)->module, module) != 0)
        link = &(*link)->next;
    return link;
}

struct reopen {
    struct sec_workload *workload;
    void (*warn)(const char *text);
};

static void reopen(const char *module, const char *cgroup, void *arg)
{
    struct reopen *all = arg;
    struct edge_err err = {0};

    if (open_socket(all->workload, module, cgroup, &err) < 0)
        all->warn(err.text);
}

static int open_all(struct sec_workload *w, void (*warn)(const char *text), struct edge_err *err)
{
    struct reopen all = {w, warn};
    int rc = edge_mkdirs(w->base, 0700, err);

    if (rc == 0)
        rc = socket_new(w, SEC_AGENT_MODULE, NULL, "edgeAgent", &w->agent);
    if (rc == 0)
        rc = listen_in(w->agent, 0700, 0600, err);
    if (rc == 0)
        sec_workload_load(w, reopen, &all);
    return rc;
}

int sec_workload_open(const struct sec_workload_options *options, void (*warn)(const char *text),
                      struct sec_workload **ret, struct edge_err *err)
{
    struct sec_workload *w = calloc(1, sizeof *w);
    int rc = -ENOMEM;

    if (!w)
        return rc;
    w->options = *options;
    w->base = edge_format("%s/workload", options->rundir);
    if (w->base)
        rc = open_all(w, warn, err);
    if (rc < 0) {
        sec_workload_close(w);
        return edge_wrap(err, rc, "the workload API");
    }
    *ret = w;
    return 0;
}

struct sec_workload *sec_workload_close(struct sec_workload *w)
{
    if (!w)
        return NULL;
    while (w->sockets) {
        struct sec_socket *s = w->sockets;

        w->sockets = s->next;
        socket_free(s);
    }
    socket_free(w->agent);
    free(w->base);
    free(w);
    return NULL;
}

static int check_new(const struct sec_workload *w, const char *module, const char *cgroup,
                     struct edge_err *err)
{
    unsigned count = 0;

    if (!edge_id_valid(module, strlen(module)) || strcmp(module, SEC_AGENT_MODULE) == 0)
        return edge_fail(err, EDGE_EINVALID, "`%.64s` is no module with a socket of its own",
                         module);
    if (cgroup[0] != '/' || !cgroup[1] || strlen(cgroup) > 1024 || strpbrk(cgroup, "\n"))
        return edge_fail(err, EDGE_EINVALID, "`cgroup` must be the path of a container's cgroup");
    for (const struct sec_socket *s = w->sockets; s; s = s->next)
        count++;
    return count < SEC_SOCKETS_MAX
               ? 0
               : edge_fail(err, EDGE_ELIMIT, "more than %d workload sockets", SEC_SOCKETS_MAX);
}

static int set_cgroup(struct sec_socket *s, const char *cgroup)
{
    char *copy = edge_strdup(cgroup);

    if (!copy)
        return -ENOMEM;
    free(s->cgroup);
    s->cgroup = copy;
    return 0;
}

int sec_workload_add(struct sec_workload *w, const char *module, const char *cgroup, char **ret,
                     struct edge_err *err)
{
    struct sec_socket *s = *find(w, module);
    int rc = check_new(w, module, cgroup, err);

    if (rc == EDGE_ELIMIT && s)
        rc = 0;
    if (rc == 0)
        rc = s ? set_cgroup(s, cgroup) : open_socket(w, module, cgroup, err);
    if (rc == 0)
        rc = sec_workload_save(w, err);
    if (rc < 0)
        return edge_wrap(err, rc, "the workload socket of %.64s", module);
    *ret = edge_strdup((*find(w, module))->dir);
    return *ret ? 0 : -ENOMEM;
}

/* Work that its clients began goes on without them. */
int sec_workload_remove(struct sec_workload *w, const char *module, struct edge_err *err)
{
    struct sec_socket **link = find(w, module);
    struct sec_socket *s = *link;
    int rc;

    if (!s)
        return 0;
    *link = s->next;
    s->server = edge_http_server_close(s->server);
    rc = edge_remove_tree(s->dir, err);
    socket_free(s);
    return rc < 0 ? rc : sec_workload_save(w, err);
}
