/* iothub-emulator: a local IoT Hub. Wiring only. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "tests/emulator/cloud/provisioning.h"
#include "tests/emulator/options.h"
#include "tests/emulator/serve.h"
#include "tests/emulator/show.h"

enum { EXIT_USAGE = 2, PEM_MAX = 1 << 20 };

struct emulator {
    struct emulator_options options;
    struct edge_loop *loop;
    struct store *store;
    struct cloud *cloud;
    struct certificate certificate;
    struct serve *serve;
};

static void on_signal(int signum, void *arg)
{
    struct emulator *e = arg;

    edge_info("ending signal=%d", signum);
    edge_loop_stop(e->loop);
}

static int read_pem(const char *path, struct edge_buf *buf, struct edge_err *err)
{
    return path ? edge_file_read(path, buf, err) : 0;
}

static int make_policies(struct emulator *e, struct edge_err *err)
{
    static const char *const names[] = {
        "iothubowner",  "service",           "device",
        "registryRead", "registryReadWrite", "provisioningserviceowner"};
    int rc = 0;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(names) && rc == 0; i++)
        rc = cloud_policy_put(e->cloud, names[i], NULL, err);
    for (unsigned i = 0; i < e->options.npolicies && rc == 0; i++) {
        const char *key = strchr(e->options.policies[i], '=') + 1;
        EDGE_CLEANUP(edge_free)
        char *name = strndup(e->options.policies[i], (size_t) (key - e->options.policies[i]) - 1);

        rc = name ? cloud_policy_put(e->cloud, name, key, err) : -ENOMEM;
    }
    return rc;
}

static int open_cloud(struct emulator *e, struct edge_err *err)
{
    const struct emulator_options *o = &e->options;
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf ca = EDGE_BUF_INIT(PEM_MAX);
    struct cloud_options options = {
        .hostname = o->hostname,
        .partitions = o->partitions,
        .retention = o->retention,
        .max_devices = o->max_devices,
        .blob_host = o->blob_host,
        .blob_container = o->blob_container,
        .blob_sas = o->blob_sas,
        .dps = o->dps,
    };
    int rc = read_pem(o->device_ca, &ca, err);

    if (rc == 0)
        rc = edge_loop_create(&e->loop);
    if (rc == 0)
        rc = store_open(e->loop, o->state, &e->store, err);
    if (rc < 0)
        return rc;
    options.loop = e->loop;
    options.store = e->store;
    options.device_ca = ca.data;
    rc = cloud_create(&options, &e->cloud, err);
    if (rc == 0)
        rc = make_policies(e, err);
    if (rc == 0)
        cloud_faults_set(e->cloud, &o->faults);
    return rc;
}

static int get_certificate(struct emulator *e, struct edge_err *err)
{
    const struct emulator_options *o = &e->options;
    const char *names[] = {o->hostname, o->dps ? cloud_dps_host(e->cloud) : o->listen, o->listen,
                           NULL};

    return o->cert ? certificate_read(o->cert, o->key, &e->certificate, err)
                   : certificate_make(o->state, names, &e->certificate, err);
}

/* Each client holds a descriptor, and a shell's soft limit is 1024. */
static void allow_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &files);
    }
}

static int serve(struct emulator *e, struct edge_err *err)
{
    struct serve_options options = {
        .cloud = e->cloud,
        .listen = e->options.listen,
        .admin = e->options.admin,
        .certificate = &e->certificate,
        .max_clients = e->options.max_clients,
    };
    int rc = get_certificate(e, err);

    allow_files();
    if (rc == 0)
        rc = serve_open(e->loop, &options, &e->serve, err);
    if (rc == 0)
        rc = edge_loop_on_signal(e->loop, SIGTERM, on_signal, e);
    if (rc == 0)
        rc = edge_loop_on_signal(e->loop, SIGINT, on_signal, e);
    if (rc < 0)
        return rc;
    puts("ready");
    fflush(stdout);
    edge_loop_run(e->loop);
    return 0;
}

static int show(struct emulator *e, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    int rc = show_connection_string(e->cloud, e->options.show, &text, err);

    if (rc == 0)
        puts(text);
    return rc;
}

static void close_all(struct emulator *e)
{
    serve_close(e->serve);
    cloud_destroy(e->cloud);
    store_close(e->store);
    edge_loop_destroy(e->loop);
    certificate_fini(&e->certificate);
}

int main(int argc, char **argv)
{
    struct emulator e = {0};
    struct edge_err err = {0};
    int rc = options_read(argc, argv, &e.options, &err);

    if (rc == OPTIONS_HELP) {
        fputs(options_help, stdout);
        return EXIT_SUCCESS;
    }
    if (rc < 0) {
        fprintf(stderr, "iothub-emulator: %s\n", err.text);
        return EXIT_USAGE;
    }
    rc = open_cloud(&e, &err);
    if (rc == 0 && e.options.show)
        rc = show(&e, &err);
    if (rc == 0 && e.options.listen)
        rc = serve(&e, &err);
    close_all(&e);
    if (rc != 0)
        fprintf(stderr, "iothub-emulator: %s\n", *err.text ? err.text : edge_strerror(rc));
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
