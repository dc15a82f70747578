#include "agent/security/self/self.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The writer alone changes what the lock guards, so it reads without. */
struct sec_self {
    struct sec_cloud *cloud;
    struct sec_keys *keys;
    char *dir;
    pthread_rwlock_t lock;
    struct sec_device *device;
    struct sec_identities *ids;
};

static void device_free(struct sec_device *device)
{
    if (device)
        sec_device_fini(device);
    free(device);
}

int sec_self_create(struct sec_cloud *cloud, struct sec_keys *keys, const char *dir,
                    struct sec_self **ret)
{
    struct sec_self *self = calloc(1, sizeof *self);

    if (!self)
        return -ENOMEM;
    (void) pthread_rwlock_init(&self->lock, NULL);
    self->cloud = cloud;
    self->keys = keys;
    self->dir = edge_strdup(dir);
    if (!self->dir) {
        sec_self_destroy(self);
        return -ENOMEM;
    }
    *ret = self;
    return 0;
}

struct sec_self *sec_self_destroy(struct sec_self *self)
{
    if (!self)
        return NULL;
    sec_identities_close(self->ids);
    device_free(self->device);
    (void) pthread_rwlock_destroy(&self->lock);
    free(self->dir);
    free(self);
    return NULL;
}

static bool same_device(const struct sec_device *a, const struct sec_device *b)
{
    return a && strcmp(a->hub, b->hub) == 0 && strcmp(a->id, b->id) == 0;
}

int sec_self_adopt(struct sec_self *self, struct sec_device *device, struct edge_err *err)
{
    struct sec_device *fresh = malloc(sizeof *fresh);
    struct sec_device *old_device = self->device;
    struct sec_identities *old_ids = self->ids;
    struct sec_identities *ids = NULL;
    struct sec_identities_options options = {self->cloud, self->keys, fresh, self->dir};
    bool same = same_device(old_device, device);
    int rc;

    if (!fresh)
        return -ENOMEM;
    *fresh = *device;
    rc = sec_identities_open(&options, &ids, err);
    if (rc < 0) {
        free(fresh);
        return rc;
    }
    *device = (struct sec_device){0};
    (void) pthread_rwlock_wrlock(&self->lock);
    self->device = fresh;
    self->ids = ids;
    (void) pthread_rwlock_unlock(&self->lock);
    sec_identities_close(old_ids);
    device_free(old_device);
    return same ? SEC_SELF_SAME : 0;
}

bool sec_self_names(struct sec_self *self, struct sec_self_names *ret)
{
    struct sec_identity agent;
    bool known;

    *ret = (struct sec_self_names){0};
    (void) pthread_rwlock_rdlock(&self->lock);
    known = self->device != NULL;
    if (known) {
        (void) snprintf(ret->hub, sizeof ret->hub, "%s", self->device->hub);
        (void) snprintf(ret->device, sizeof ret->device, "%s", self->device->id);
        ret->x509 = self->device->key == NULL;
        if (sec_identities_known(self->ids, SEC_AGENT_MODULE, &agent))
            (void) snprintf(ret->generation, sizeof ret->generation, "%s", agent.generation);
    }
    (void) pthread_rwlock_unlock(&self->lock);
    return known;
}

bool sec_self_known(struct sec_self *self, const char *module, struct sec_identity *ret)
{
    bool known;

    (void) pthread_rwlock_rdlock(&self->lock);
    known = self->ids && sec_identities_known(self->ids, module, ret);
    (void) pthread_rwlock_unlock(&self->lock);
    return known;
}

static int nobody(struct edge_err *err)
{
    return edge_fail(err, EDGE_EUNAVAILABLE, "this device is not provisioned yet");
}

int sec_self_list(struct sec_self *self, struct sec_identity *ret, size_t *ret_len,
                  struct edge_err *err)
{
    return self->ids ? sec_identities_list(self->ids, ret, ret_len, err) : nobody(err);
}

int sec_self_ensure(struct sec_self *self, const char *module, const char *managed_by, bool anew,
                    struct sec_identity *ret, struct edge_err *err)
{
    return self->ids ? sec_identities_ensure(self->ids, module, managed_by, anew, ret, err)
                     : nobody(err);
}

int sec_self_delete(struct sec_self *self, const char *module, struct edge_err *err)
{
    return self->ids ? sec_identities_delete(self->ids, module, err) : nobody(err);
}
