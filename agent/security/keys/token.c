#include "agent/security/keys/token.h"

#include <assert.h>
#include <errno.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/file.h"

enum { MAX_SLOTS = 64, MAX_PIN = 256 };

struct sec_token {
    P11KitUri *uri;
    CK_FUNCTION_LIST **modules; /* of the system's configuration, or NULL */
    CK_FUNCTION_LIST *own;      /* by the URI's module-path, or NULL */
    CK_FUNCTION_LIST *ck;       /* the one with our token */
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session;
    bool open;
};

static int failed(struct edge_err *err, const char *what, CK_RV rv)
{
    return edge_fail(err, EDGE_EREMOTE, "PKCS#11 token: cannot %s: %s", what, p11_kit_strerror(rv));
}

static int load_modules(struct sec_token *t, struct edge_err *err)
{
    const char *path = p11_kit_uri_get_module_path(t->uri);
    CK_RV rv = CKR_OK;

    if (path) {
        t->own = p11_kit_module_load(path, P11_KIT_MODULE_CRITICAL);
        rv = t->own ? p11_kit_module_initialize(t->own) : CKR_GENERAL_ERROR;
        if (rv != CKR_OK)
            return edge_fail(err, EDGE_EUNAVAILABLE, "cannot load the PKCS#11 module %s: %s", path,
                             p11_kit_message() ? p11_kit_message() : p11_kit_strerror(rv));
        return 0;
    }
    t->modules = p11_kit_modules_load_and_initialize(0);
    return t->modules
               ? 0
               : edge_fail(err, EDGE_EUNAVAILABLE, "cannot load the system's PKCS#11 modules: %s",
                           p11_kit_message() ? p11_kit_message() : "none");
}

/* A URI that names the token by "token=", "serial=" … is matched against each token present. */
static bool find_slot(struct sec_token *t, CK_FUNCTION_LIST *ck)
{
    CK_SLOT_ID slots[MAX_SLOTS];
    CK_ULONG n = MAX_SLOTS;

    if (ck->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
        return false;
    for (CK_ULONG i = 0; i < n; i++) {
        CK_TOKEN_INFO info;

        if (ck->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
            !(info.flags & CKF_TOKEN_INITIALIZED) || !p11_kit_uri_match_token_info(t->uri, &info))
            continue;
        t->ck = ck;
        t->slot = slots[i];
        return true;
    }
    return false;
}

static int find_token(struct sec_token *t, struct edge_err *err)
{
    if (t->own && find_slot(t, t->own))
        return 0;
    for (CK_FUNCTION_LIST **m = t->modules; m && *m; m++) {
        if (find_slot(t, *m))
            return 0;
    }
    return edge_fail(err, EDGE_EUNAVAILABLE,
                     "no PKCS#11 token matches the URI of the configuration: is it plugged in, "
                     "initialised, and its module named by module-path?");
}

/* The PIN stands in the URI, or in a file that it names. */
static int read_pin(struct sec_token *t, struct edge_buf *pin, struct edge_err *err)
{
    const char *value = p11_kit_uri_get_pin_value(t->uri);
    const char *source = p11_kit_uri_get_pin_source(t->uri);
    int rc;

    if (value)
        return edge_buf_puts(pin, value);
    if (!source)
        return 0;
    if (strncmp(source, "file:", 5) == 0)
        source += strncmp(source, "file://", 7) == 0 ? 7 : 5;
    rc = edge_file_read(source, pin, err);
    if (rc < 0)
        return edge_wrap(err, rc, "the token's PIN");
    pin->len = strcspn(pin->data ? pin->data : "", "\r\n");
    return 0;
}

static int log_in(struct sec_token *t, struct edge_err *err)
{
    struct edge_buf pin = EDGE_BUF_INIT(MAX_PIN);
    CK_RV rv = CKR_OK;
    int rc = read_pin(t, &pin, err);

    if (rc == 0 && pin.len > 0)
        rv = t->ck->C_Login(t->session, CKU_USER, (unsigned char *) pin.data, pin.len);
    if (pin.data)
        explicit_bzero(pin.data, pin.len);
    edge_buf_fini(&pin);
    if (rc < 0 || rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
        return rc;
    return edge_fail(err, EDGE_EAUTH, "the PKCS#11 token refuses our PIN: %s",
                     p11_kit_strerror(rv));
}

static int open_session(struct sec_token *t, struct edge_err *err)
{
    CK_RV rv;

    assert(t->ck); /* find_token has been */
    rv =
        t->ck->C_OpenSession(t->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &t->session);

    if (rv == CKR_TOKEN_WRITE_PROTECTED)
        rv = t->ck->C_OpenSession(t->slot, CKF_SERIAL_SESSION, NULL, NULL, &t->session);
    if (rv != CKR_OK)
        return failed(err, "open a session", rv);
    t->open = true;
    return log_in(t, err);
}

int sec_token_open(const char *uri, struct sec_token **ret, struct edge_err *err)
{
    EDGE_CLEANUP(sec_token_close) struct sec_token *t = calloc(1, sizeof *t);
    int rc;

    if (!t)
        return -ENOMEM;
    t->uri = p11_kit_uri_new();
    if (!t->uri)
        return -ENOMEM;
    if (p11_kit_uri_parse(uri, P11_KIT_URI_FOR_ANY, t->uri) != P11_KIT_URI_OK)
        return edge_fail(err, EDGE_EINVALID, "a pkcs11: URI of the configuration is malformed");
    rc = load_modules(t, err);
    if (rc == 0)
        rc = find_token(t, err);
    if (rc == 0)
        rc = open_session(t, err);
    if (rc == 0)
        *ret = EDGE_TAKE(t);
    return rc;
}

struct sec_token *sec_token_close(struct sec_token *t)
{
    if (!t)
        return NULL;
    if (t->open)
        (void) t->ck->C_CloseSession(t->session);
    if (t->own) {
        (void) p11_kit_module_finalize(t->own);
        p11_kit_module_release(t->own);
    }
    if (t->modules)
        p11_kit_modules_finalize_and_release(t->modules);
    if (t->uri)
        p11_kit_uri_free(t->uri);
    free(t);
    return NULL;
}

int sec_token_find(struct sec_token *t, const char *label, CK_OBJECT_HANDLE *ret,
                   struct edge_err *err)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE want[3] = {{CKA_CLASS, &class, sizeof class}};
    CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(t->uri, CKA_ID);
    CK_ATTRIBUTE *name = p11_kit_uri_get_attribute(t->uri, CKA_LABEL);
    CK_ULONG nwant = 1;
    CK_ULONG found = 0;
    CK_RV rv;

    if (label) {
        want[nwant++] = (CK_ATTRIBUTE){CKA_LABEL, (void *) (uintptr_t) label, strlen(label)};
    } else {
        if (name)
            want[nwant++] = *name;
        if (id)
            want[nwant++] = *id;
        if (nwant == 1)
            return edge_fail(err, EDGE_EINVALID,
                             "a pkcs11: URI names no object: add object= or id=");
    }
    rv = t->ck->C_FindObjectsInit(t->session, want, nwant);
    if (rv == CKR_OK) {
        rv = t->ck->C_FindObjects(t->session, ret, 1, &found);
        (void) t->ck->C_FindObjectsFinal(t->session);
    }
    if (rv != CKR_OK)
        return failed(err, "look for a key", rv);
    return found ? 0
                 : edge_fail(err, -ENOENT, "the PKCS#11 token holds no secret key `%s`",
                             label ? label : "of the given URI");
}

int sec_token_generate(struct sec_token *t, const char *label, CK_OBJECT_HANDLE *ret,
                       struct edge_err *err)
{
    CK_MECHANISM how = {CKM_GENERIC_SECRET_KEY_GEN, NULL, 0};
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ULONG size = 32;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE key[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_VALUE_LEN, &size, sizeof size},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_SIGN, &yes, sizeof yes},
        {CKA_LABEL, (void *) (uintptr_t) label, strlen(label)},
    };
    CK_RV rv = t->ck->C_GenerateKey(t->session, &how, key, EDGE_ARRAY_LEN(key), ret);

    return rv == CKR_OK ? 0 : failed(err, "make a key", rv);
}

static bool lost(CK_RV rv)
{
    switch (rv) {
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_USER_NOT_LOGGED_IN:
    case CKR_KEY_HANDLE_INVALID:
    case CKR_OBJECT_HANDLE_INVALID:
    case CKR_DEVICE_REMOVED:
    case CKR_DEVICE_ERROR:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
        return true;
    default:
        return false;
    }
}

int sec_token_hmac(struct sec_token *t, CK_OBJECT_HANDLE key, const void *data, size_t len,
                   unsigned char mac[32], struct edge_err *err)
{
    CK_MECHANISM how = {CKM_SHA256_HMAC, NULL, 0};
    CK_ULONG size = 32;
    CK_RV rv = t->ck->C_SignInit(t->session, &how, key);

    if (rv == CKR_OK)
        rv = t->ck->C_Sign(t->session, (unsigned char *) (uintptr_t) data, len, mac, &size);
    if (rv == CKR_OK && size == 32)
        return 0;
    (void) failed(err, "sign", rv);
    return lost(rv) ? SEC_TOKEN_LOST : EDGE_EREMOTE;
}
