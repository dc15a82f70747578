#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/rootfs/devices.h"
#include "agent/rootfs/host.h"
#include "agent/rootfs/mounts.h"
#include "agent/rootfs/rootfs.h"
#include "agent/rootfs/view.h"
#include "common/base/file.h"

enum {
    USERS_MAX = 1024 * 1024, /* bytes of an image's passwd or group */
    NOTICES_MAX = 4096,
};

/* All that is known of one container while it is being prepared. */
struct preparation {
    const struct agent_rootfs_request *request;
    struct rootfs_mounts mounts;
    struct rootfs_devices devices;
    struct agent_host host;
    struct agent_user user;
    char *passwd; /* text of the image's files, or NULL */
    char *group;
};

/* --- in the view --- */

static int read_all(int fd, struct edge_buf *buf)
{
    char chunk[8192];

    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        int rc;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        rc = edge_buf_append(buf, chunk, (size_t) n);
        if (rc < 0)
            return rc;
    }
}

/* The text of a plain file; NULL when there is none. */
static int read_users(const char *path, char **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_close) int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct edge_buf buf;
    struct stat st;
    int rc;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    edge_buf_init(&buf, USERS_MAX);
    rc = read_all(fd, &buf);
    if (rc == 0 && buf.len > 0)
        *ret = edge_buf_take(&buf);
    edge_buf_fini(&buf);
    if (rc < 0)
        return edge_fail(err, rc, "cannot read the image's %s: %s", path, edge_strerror(rc));
    return 0;
}

static int look_inside(void *arg, struct edge_err *err)
{
    struct preparation *prep = arg;
    int rc = read_users("/etc/passwd", &prep->passwd, err);

    if (rc == 0)
        rc = read_users("/etc/group", &prep->group, err);
    if (rc == 0)
        rc = rootfs_mounts_check_links(&prep->mounts, err);
    for (size_t i = 0; rc == 0 && i < prep->mounts.nvolumes; i++)
        rc = rootfs_volume_fetch(&prep->mounts.volumes[i], err);
    return rc;
}

/* --- on the host --- */

static int view(struct preparation *prep, struct edge_err *err)
{
    const struct agent_rootfs_request *request = prep->request;
    EDGE_CLEANUP(edge_free) char *at = edge_format("%s/rootfs", request->rundir);
    int rc = at ? edge_mkdirs(at, 0700, err) : -ENOMEM;

    if (rc == 0)
        rc = rootfs_view(request->mounts, at, look_inside, prep, err);
    for (size_t i = 0; rc == 0 && i < prep->mounts.nvolumes; i++)
        rc = rootfs_volume_finish(&prep->mounts.volumes[i], err);
    return rc;
}

static int resolve_user(struct preparation *prep, struct edge_err *err)
{
    const struct agent_rootfs_request *request = prep->request;
    const char *who = request->options->user;

    if (!who || !*who)
        who = edge_json_str(edge_json_get_nocase(request->image_config, "User"), "");
    return agent_user_resolve(who, prep->passwd, prep->group, request->options->group_add,
                              &prep->user, err);
}

static int find_devices(struct preparation *prep, struct edge_err *err)
{
    const struct agent_options *options = prep->request->options;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < options->ndevices; i++)
        rc = rootfs_devices_find(&prep->devices, &options->devices[i], err);
    if (rc == 0 && options->privileged)
        rc = rootfs_devices_add_all(&prep->devices, "/dev", err);
    return rc;
}

static int build(const struct preparation *prep, struct agent_rootfs_result *ret,
                 struct edge_err *err)
{
    const struct agent_rootfs_request *request = prep->request;
    const struct agent_spec_facts facts = {
        .id = request->id,
        .hostname = request->hostname,
        .image_config = request->image_config,
        .user = &prep->user,
        .env = request->env,
        .binds = prep->mounts.binds,
        .nbinds = prep->mounts.nbinds,
        .devices = prep->devices.nodes,
        .ndevices = prep->devices.len,
        .netns = request->netns,
        .pidns = request->pidns,
        .ipcns = request->ipcns,
        .cgroup_path = request->cgroup_path,
        .init_path = request->init_path,
        .host = &prep->host,
    };
    struct agent_rootfs_result result = {0};
    struct edge_buf notices;
    int rc;

    edge_buf_init(&notices, NOTICES_MAX);
    rc = agent_spec_build(request->options, &facts, &result.spec, &notices, err);
    if (rc == 0)
        result.notices = strdup(notices.data ? notices.data : "");
    edge_buf_fini(&notices);
    if (rc == 0 && !result.notices)
        rc = -ENOMEM;
    if (rc < 0) {
        agent_rootfs_result_fini(&result);
        return rc;
    }
    *ret = result;
    return 0;
}

static int prepare(struct preparation *prep, struct agent_rootfs_result *ret, struct edge_err *err)
{
    int rc = rootfs_mounts_prepare(prep->request, &prep->mounts, err);

    if (rc == 0)
        rc = view(prep, err);
    if (rc == 0)
        rc = resolve_user(prep, err);
    if (rc == 0)
        rc = find_devices(prep, err);
    if (rc < 0)
        return rc;
    rootfs_probe_host(&prep->host);
    return build(prep, ret, err);
}

static void fini(struct preparation *prep)
{
    rootfs_mounts_fini(&prep->mounts);
    rootfs_devices_fini(&prep->devices);
    agent_user_fini(&prep->user);
    free(prep->passwd);
    free(prep->group);
}

int agent_rootfs_prepare(const struct agent_rootfs_request *request,
                         struct agent_rootfs_result *ret, struct edge_err *err)
{
    struct preparation prep = {.request = request};
    struct edge_err why = {0};
    int rc;

    if (!rootfs_id_ok(request->id))
        return edge_fail(err, EDGE_EINVALID, "`%.80s` is not a container id", request->id);
    rc = prepare(&prep, ret, &why);
    fini(&prep);
    if (rc < 0)
        return edge_fail(err, rc, "module %s: %s", request->module,
                         *why.text ? why.text : edge_strerror(rc));
    return 0;
}

void agent_rootfs_result_fini(struct agent_rootfs_result *result)
{
    free(result->spec);
    free(result->notices);
    *result = (struct agent_rootfs_result){0};
}
