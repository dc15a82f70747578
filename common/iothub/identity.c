#include "common/iothub/identity.h"

#include <stdio.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/encode.h"
#include "common/base/err.h"

bool edge_id_valid(const char *text, size_t len)
{
    static const char others[] = "-:.+%_#*?!(),=@;$'";

    if (len == 0 || len > EDGE_ID_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

        if (!plain && (c == '\0' || !strchr(others, c)))
            return false;
    }
    return true;
}

int edge_identity_parse(const char *text, size_t len, struct edge_identity *ret)
{
    const char *slash = memchr(text, '/', len);
    size_t device = slash ? (size_t) (slash - text) : len;
    size_t module = slash ? len - device - 1 : 0;

    if (!edge_id_valid(text, device) || (slash && !edge_id_valid(slash + 1, module)))
        return EDGE_EINVALID;
    memset(ret, 0, sizeof *ret);
    memcpy(ret->device, text, device);
    if (slash)
        memcpy(ret->module, slash + 1, module);
    return 0;
}

void edge_identity_format(const struct edge_identity *who, char *text, size_t size)
{
    size_t device = strnlen(who->device, size - 1);
    size_t module = strnlen(who->module, size - 1 - device);

    memcpy(text, who->device, device); /* no printf: this is done for every message */
    if (module > 0 && device + 1 + module < size) {
        text[device++] = '/';
        memcpy(text + device, who->module, module);
        device += module;
    }
    text[device] = '\0';
}

bool edge_identity_equal(const struct edge_identity *a, const struct edge_identity *b)
{
    return strcmp(a->device, b->device) == 0 && strcmp(a->module, b->module) == 0;
}

char *edge_identity_resource(const struct edge_identity *who, const char *host)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(4096);

    edge_buf_printf(&out, "%s/devices/", host);
    edge_percent_encode(&out, who->device, strlen(who->device));
    if (*who->module) {
        edge_buf_puts(&out, "/modules/");
        edge_percent_encode(&out, who->module, strlen(who->module));
    }
    return edge_buf_take(&out);
}
