#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/crypto/hmac.h"
#include "tests/emulator/cloud/internal.h"

static int parsed(int rc, const struct edge_buf *text, struct edge_json **ret)
{
    if (rc != 0)
        return rc;
    rc = edge_json_parse(text->data, text->len, ret, NULL);
    return rc == EDGE_EINVALID ? EDGE_ESTORE : rc;
}

int cloud_load(struct cloud *cloud, enum store_table table, const char *a, const char *b,
               struct edge_json **ret)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(CLOUD_TEXT_MAX);
    int rc = store_get(cloud->store, table, a, b, &text);

    return parsed(rc, &text, ret);
}

int cloud_next(struct cloud *cloud, enum store_table table, char *a, char *b,
               struct edge_json **ret)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(CLOUD_TEXT_MAX);
    int rc = store_next(cloud->store, table, a, b, &text);

    return parsed(rc, &text, ret);
}

int cloud_save(struct cloud *cloud, enum store_table table, const char *a, const char *b,
               const struct edge_json *value)
{
    EDGE_CLEANUP(edge_free) char *text = edge_json_text(value);

    return text ? store_put(cloud->store, table, a, b, text) : -ENOMEM;
}

bool cloud_etag_matches(const char *wanted, const char *etag)
{
    size_t len;

    if (!wanted)
        return true;
    if (strncmp(wanted, "W/", 2) == 0)
        wanted += 2;
    len = strlen(wanted);
    if (len >= 2 && wanted[0] == '"' && wanted[len - 1] == '"') {
        wanted++;
        len -= 2;
    }
    if (len == 1 && *wanted == '*')
        return true;
    return strlen(etag) == len && memcmp(wanted, etag, len) == 0;
}

static void encoded(const void *data, size_t len, char text[24])
{
    EDGE_CLEANUP(edge_free) char *base64 = edge_base64(data, len);

    snprintf(text, 24, "%s", base64 ? base64 : "");
}

void cloud_etag_make(char text[24])
{
    uint32_t number = 0;
    char digits[16];

    edge_ignore(edge_random(&number, sizeof number));
    snprintf(digits, sizeof digits, "%09u", number % 1000000000);
    encoded(digits, strlen(digits), text);
}

void cloud_etag_of(uint64_t counter, char text[24])
{
    uint8_t bytes[8];

    for (int i = 7; i >= 0; i--, counter >>= 8)
        bytes[i] = (uint8_t) counter;
    encoded(bytes, sizeof bytes, text);
}

void cloud_key(const char *device, const char *module, char key[CLOUD_KEY])
{
    snprintf(key, CLOUD_KEY, *module ? "%s/%s" : "%s", device, module);
}

int cloud_refuse(struct edge_err *err, int refusal, const char *fmt, ...)
{
    va_list args;

    if (!err)
        return refusal;
    err->code = refusal;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    return refusal;
}
