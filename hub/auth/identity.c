#include "hub/auth/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/encode.h"

enum { LINK_MAX = 4096, SHA1_HEX = 40, SHA256_HEX = 64 };

static const struct {
    const char *name;
    enum hub_entry_kind kind;
} kinds[] = {
    {"none", HUB_BY_NOTHING},
    {"sas", HUB_BY_KEY},
    {"selfSigned", HUB_BY_THUMBPRINT},
    {"certificateAuthority", HUB_BY_CA},
};
static const char *const key_names[] = {"primaryKey", "secondaryKey"};
static const char *const thumbprint_names[] = {"primaryThumbprint", "secondaryThumbprint"};

/* ---- reading ---- */

static enum hub_entry_kind kind_of(const char *name)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(kinds); i++) {
        if (strcasecmp(name, kinds[i].name) == 0)
            return kinds[i].kind;
    }
    return HUB_BY_NOTHING;
}

static void read_key(const struct edge_json *keys, const char *name, struct hub_key *ret)
{
    const char *text = edge_json_str(edge_json_get(keys, name), "");
    struct edge_buf key = EDGE_BUF_INIT(HUB_KEY_MAX);

    if (edge_base64_decode(text, strlen(text), &key) == 0 && key.len > 0) {
        memcpy(ret->bytes, key.data, key.len);
        ret->len = (uint8_t) key.len;
    }
    if (key.data)
        explicit_bzero(key.data, key.len);
    edge_buf_fini(&key);
}

static void read_thumbprint(const struct edge_json *prints, const char *name, char ret[65])
{
    const char *text = edge_json_str(edge_json_get(prints, name), "");
    size_t len = strlen(text);

    if ((len == SHA1_HEX || len == SHA256_HEX) && strspn(text, "0123456789abcdefABCDEF") == len)
        memcpy(ret, text, len + 1);
}

static void read_authentication(const struct edge_json *authentication, struct hub_entry *ret)
{
    const struct edge_json *keys = edge_json_get(authentication, "symmetricKey");
    const struct edge_json *prints = edge_json_get(authentication, "x509Thumbprint");

    ret->kind = kind_of(edge_json_str(edge_json_get(authentication, "type"), ""));
    for (size_t i = 0; ret->kind == HUB_BY_KEY && i < EDGE_ARRAY_LEN(key_names); i++)
        read_key(keys, key_names[i], &ret->key[i]);
    for (size_t i = 0; ret->kind == HUB_BY_THUMBPRINT && i < EDGE_ARRAY_LEN(thumbprint_names); i++)
        read_thumbprint(prints, thumbprint_names[i], ret->thumbprint[i]);
}

static int read_id(const char *text, char ret[EDGE_ID_MAX + 1])
{
    if (!edge_id_valid(text, strlen(text)))
        return EDGE_EINVALID;
    memcpy(ret, text, strlen(text) + 1);
    return 0;
}

int hub_entry_read(const struct edge_json *identity, struct hub_entry *ret, struct edge_err *err)
{
    const struct edge_json *module = edge_json_get(identity, "moduleId");
    const char *generation = edge_json_str(edge_json_get(identity, "generationId"), "");
    const char *status = edge_json_str(edge_json_get(identity, "status"), NULL);
    int rc;

    memset(ret, 0, sizeof *ret);
    rc = read_id(edge_json_str(edge_json_get(identity, "deviceId"), ""), ret->who.device);
    if (rc == 0 && module)
        rc = read_id(edge_json_str(module, ""), ret->who.module);
    if (rc == 0 && strlen(generation) > HUB_GENERATION_MAX)
        rc = EDGE_EINVALID;
    if (rc < 0)
        return edge_fail(err, rc, "an identity in the scope has no valid id");
    memcpy(ret->generation, generation, strlen(generation) + 1);
    ret->enabled = !status || strcasecmp(status, "enabled") == 0;
    read_authentication(edge_json_get(identity, "authentication"), ret);
    return 0;
}

/* ---- writing ---- */

static const char *name_of(enum hub_entry_kind kind)
{
    size_t i = 0;

    while (kinds[i].kind != kind)
        i++;
    return kinds[i].name;
}

static int write_keys(const struct hub_entry *entry, struct edge_json *keys)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < EDGE_ARRAY_LEN(key_names); i++) {
        char *text = edge_base64(entry->key[i].bytes, entry->key[i].len);

        rc = text ? edge_json_set_str(keys, key_names[i], text) : -ENOMEM;
        (void) edge_wipe(text);
    }
    return rc;
}

static int write_thumbprints(const struct hub_entry *entry, struct edge_json *prints)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < EDGE_ARRAY_LEN(thumbprint_names); i++)
        rc = edge_json_set_str(prints, thumbprint_names[i], entry->thumbprint[i]);
    return rc;
}

static int write_authentication(const struct hub_entry *entry, struct edge_json *authentication)
{
    struct edge_json *part;

    if (!authentication || edge_json_set_str(authentication, "type", name_of(entry->kind)) < 0)
        return -ENOMEM;
    if (entry->kind == HUB_BY_KEY) {
        part = edge_json_need_object(authentication, "symmetricKey");
        return part ? write_keys(entry, part) : -ENOMEM;
    }
    if (entry->kind == HUB_BY_THUMBPRINT) {
        part = edge_json_need_object(authentication, "x509Thumbprint");
        return part ? write_thumbprints(entry, part) : -ENOMEM;
    }
    return 0;
}

char *hub_entry_text(const struct hub_entry *entry)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = edge_json_new_object();

    if (!identity || edge_json_set_str(identity, "deviceId", entry->who.device) < 0 ||
        (*entry->who.module && edge_json_set_str(identity, "moduleId", entry->who.module) < 0) ||
        edge_json_set_str(identity, "generationId", entry->generation) < 0 ||
        edge_json_set_str(identity, "status", entry->enabled ? "enabled" : "disabled") < 0 ||
        write_authentication(entry, edge_json_need_object(identity, "authentication")) < 0)
        return NULL;
    return edge_json_text(identity);
}

/* ---- the rest ---- */

bool hub_entry_equal(const struct hub_entry *a, const struct hub_entry *b)
{
    return edge_identity_equal(&a->who, &b->who) && strcmp(a->generation, b->generation) == 0 &&
           a->kind == b->kind && a->enabled == b->enabled &&
           memcmp(a->key, b->key, sizeof a->key) == 0 &&
           memcmp(a->thumbprint, b->thumbprint, sizeof a->thumbprint) == 0;
}

struct hub_entry *hub_entry_free(struct hub_entry *entry)
{
    if (entry)
        explicit_bzero(entry, sizeof *entry);
    free(entry);
    return NULL;
}

static void read_list(const struct edge_json *list,
                      void (*each)(const struct hub_entry *entry, void *arg), void *arg)
{
    struct hub_entry entry;

    for (size_t i = 0; i < edge_json_len(list); i++) {
        if (hub_entry_read(edge_json_at(list, i), &entry, NULL) == 0)
            each(&entry, arg);
    }
    explicit_bzero(&entry, sizeof entry);
}

static int take_link(const struct edge_json *root, char **ret)
{
    const char *link = edge_json_str(edge_json_get(root, "continuationLink"), "");

    if (!*link)
        return 0;
    if (strlen(link) > LINK_MAX)
        return EDGE_ELIMIT;
    *ret = edge_strdup(link);
    return *ret ? 0 : -ENOMEM;
}

int hub_scope_read(const char *json, size_t len,
                   void (*each)(const struct hub_entry *entry, void *arg), void *arg,
                   char **ret_link, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *root = NULL;
    const struct edge_json *devices, *modules;
    int rc = edge_json_parse(json, len, &root, err);

    if (rc < 0)
        return edge_wrap(err, rc, "the scope");
    devices = edge_json_get(root, "devices");
    modules = edge_json_get(root, "modules");
    if (!edge_json_is(devices, EDGE_JSON_ARRAY) ||
        (modules && !edge_json_is(modules, EDGE_JSON_ARRAY)))
        return edge_fail(err, EDGE_EINVALID, "the scope has no list of devices");
    if (edge_json_len(devices) + edge_json_len(modules) > HUB_PAGE_MAX)
        return edge_fail(err, EDGE_ELIMIT, "the scope has more than %d identities a page",
                         HUB_PAGE_MAX);
    if (ret_link)
        rc = take_link(root, ret_link);
    if (rc < 0)
        return edge_fail(err, rc, "the scope's link to its next page: %s", edge_strerror(rc));
    read_list(devices, each, arg);
    read_list(modules, each, arg);
    return 0;
}
