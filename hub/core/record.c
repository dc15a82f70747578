/* A message as bytes: every text with its NUL, so that it is read where it lies.
 *
 *   version · nsys · nproperties (u16) · device · module · {which · text}… · {name · value}… · body
 *
 * A text is its length (u32) and its bytes with their NUL; a value that is not there has the length
 * NOTHING. Numbers are little-endian. */
#include <stdint.h>

#include "hub/core/internal.h"

enum { VERSION = 1, HEAD = 4 };
static const uint32_t nothing = UINT32_MAX;

/* What the sender does not decide. */
static bool ours(unsigned which)
{
    return which == EDGE_SYS_ORIGIN_DEVICE || which == EDGE_SYS_ORIGIN_MODULE ||
           which == EDGE_SYS_INPUT;
}

static void put_u32(struct edge_buf *out, uint32_t number)
{
    uint8_t bytes[4] = {(uint8_t) number, (uint8_t) (number >> 8), (uint8_t) (number >> 16),
                        (uint8_t) (number >> 24)};

    (void) edge_buf_append(out, bytes, sizeof bytes);
}

static void put_text(struct edge_buf *out, const char *text)
{
    size_t len = text ? strlen(text) : 0;

    if (!text) {
        put_u32(out, nothing);
        return;
    }
    put_u32(out, (uint32_t) len);
    (void) edge_buf_append(out, text, len + 1);
}

static uint8_t put_system(struct edge_buf *out, const struct edge_message *message)
{
    uint8_t n = 0;

    for (unsigned i = 0; i < EDGE_SYS_MAX; i++) {
        uint8_t which = (uint8_t) i;

        if (!message->sys[i] || ours(i))
            continue;
        (void) edge_buf_append(out, &which, 1);
        put_text(out, message->sys[i]);
        n++;
    }
    return n;
}

int hub_record_write(const struct edge_message *message, const struct edge_identity *sender,
                     struct edge_buf *out)
{
    size_t at = out->len;
    uint8_t head[HEAD] = {VERSION, 0, (uint8_t) message->nproperties,
                          (uint8_t) (message->nproperties >> 8)};
    uint8_t nsystem;

    (void) edge_buf_append(out, head, sizeof head);
    put_text(out, sender->device);
    put_text(out, sender->module);
    nsystem = put_system(out, message);
    for (size_t i = 0; i < message->nproperties; i++) {
        put_text(out, message->properties[i].name);
        put_text(out, message->properties[i].value);
    }
    (void) edge_buf_append(out, message->body, message->len);
    if (edge_buf_error(out) < 0)
        return edge_buf_error(out);
    out->data[at + 1] = (char) nsystem;
    return 0;
}

struct reader {
    uint8_t *at;
    size_t left;
};

static bool get_bytes(struct reader *r, size_t len, uint8_t **ret)
{
    if (len > r->left)
        return false;
    *ret = r->at;
    r->at += len;
    r->left -= len;
    return true;
}

/* @return false: it is broken; *ret NULL: nothing */
static bool get_text(struct reader *r, char **ret)
{
    uint8_t *bytes;
    uint32_t len;

    if (!get_bytes(r, 4, &bytes))
        return false;
    len = (uint32_t) bytes[0] | (uint32_t) bytes[1] << 8 | (uint32_t) bytes[2] << 16 |
          (uint32_t) bytes[3] << 24;
    *ret = NULL;
    if (len == nothing)
        return true;
    if (!get_bytes(r, (size_t) len + 1, &bytes) || bytes[len] != '\0')
        return false;
    *ret = (char *) bytes;
    return true;
}

static bool get_id(struct reader *r, char id[EDGE_ID_MAX + 1])
{
    char *text;
    size_t len;

    if (!get_text(r, &text) || !text)
        return false;
    len = strlen(text);
    if (len > EDGE_ID_MAX)
        return false;
    memcpy(id, text, len + 1);
    return true;
}

static bool get_system(struct reader *r, unsigned n, struct edge_message *message)
{
    uint8_t *which;

    while (n-- > 0) {
        if (!get_bytes(r, 1, &which) || *which >= EDGE_SYS_MAX || ours(*which) ||
            !get_text(r, &message->sys[*which]))
            return false;
    }
    return true;
}

static bool get_properties(struct reader *r, size_t n, struct hub_record *ret)
{
    if (n > EDGE_PROPERTIES_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct edge_property *p = &ret->properties[i];

        if (!get_text(r, &p->name) || !p->name || !get_text(r, &p->value))
            return false;
    }
    ret->message.properties = ret->properties;
    ret->message.nproperties = n;
    return true;
}

int hub_record_read(struct edge_bytes bytes, struct hub_record *ret)
{
    struct reader r = {(uint8_t *) (uintptr_t) bytes.data, bytes.len};
    uint8_t *head;

    ret->message = (struct edge_message){0};
    if (!get_bytes(&r, HEAD, &head) || head[0] != VERSION || !get_id(&r, ret->sender.device) ||
        !get_id(&r, ret->sender.module) || !get_system(&r, head[1], &ret->message) ||
        !get_properties(&r, (size_t) head[2] | (size_t) head[3] << 8, ret))
        return EDGE_EPROTOCOL;
    ret->message.body = r.at;
    ret->message.len = r.left;
    ret->message.sys[EDGE_SYS_ORIGIN_DEVICE] = ret->sender.device;
    if (ret->sender.module[0])
        ret->message.sys[EDGE_SYS_ORIGIN_MODULE] = ret->sender.module;
    return 0;
}
