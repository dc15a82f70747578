/* MQTT's bag of properties: "k=v&k2=v2", percent-encoded. */
#include <string.h>

#include "common/base/encode.h"
#include "common/iothub/message.h"
#include "common/json/utf8.h"

enum { TEXT_MAX = 64 * 1024 };

static const char *const names[EDGE_SYS_MAX] = {
    [EDGE_SYS_MESSAGE_ID] = "$.mid",
    [EDGE_SYS_CORRELATION_ID] = "$.cid",
    [EDGE_SYS_USER_ID] = "$.uid",
    [EDGE_SYS_TO] = "$.to",
    [EDGE_SYS_CONTENT_TYPE] = "$.ct",
    [EDGE_SYS_CONTENT_ENCODING] = "$.ce",
    [EDGE_SYS_EXPIRY] = "$.exp",
    [EDGE_SYS_OUTPUT] = "$.on",
    [EDGE_SYS_INTERFACE_ID] = "$.ifid",
    [EDGE_SYS_SUBJECT] = "$.sub",
    [EDGE_SYS_SCHEMA] = "$.schema",
    [EDGE_SYS_CREATION_TIME] = "$.ctime",
    [EDGE_SYS_DIAG_ID] = "$.diagid",
    [EDGE_SYS_DIAG_CONTEXT] = "$.diagctx",
    [EDGE_SYS_ORIGIN_DEVICE] = "$.cdid",
    [EDGE_SYS_ORIGIN_MODULE] = "$.cmid",
    [EDGE_SYS_INPUT] = NULL,
    [EDGE_SYS_ACK] = NULL,
};

const char *edge_sys_name(enum edge_sys which)
{
    return names[which];
}

static int find_sys(const char *name)
{
    for (int i = 0; name[0] == '$' && i < EDGE_SYS_MAX; i++) {
        if (names[i] && strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

/* A '%' that begins no escape is itself, as IoT Hub reads it. */
static int decode_loosely(const char *text, size_t len, struct edge_buf *out)
{
    int rc = 0;

    edge_buf_consume(out, out->len);
    for (size_t at = 0; at < len && rc == 0;) {
        size_t n = text[at] == '%' && len - at > 2 ? 3 : 1;

        rc = edge_percent_decode(out, text + at, n);
        if (rc == EDGE_EINVALID) {
            n = 1;
            rc = edge_buf_append(out, "%", 1);
        }
        at += n;
    }
    return rc;
}

static int decode(const char *text, size_t len, struct edge_buf *out, struct edge_err *err)
{
    int rc = edge_percent_decode(out, text, len);

    if (rc == EDGE_EINVALID)
        rc = decode_loosely(text, len, out);
    if (rc == 0)
        rc = edge_buf_append(out, "", 0); /* also nothing is a text */
    if (rc < 0)
        return edge_fail(err, rc, "a property is too long");
    if (out->len > 0 && !edge_utf8_valid(out->data, out->len))
        return edge_fail(err, EDGE_EINVALID, "a property is not UTF-8");
    for (size_t i = 0; i < out->len; i++) {
        if ((unsigned char) out->data[i] < 0x20 || out->data[i] == 0x7f)
            return edge_fail(err, EDGE_EINVALID, "a property holds a control character");
    }
    return 0;
}

/* Where a bag is read to, and from whom. */
struct reading {
    struct edge_message *message;
    bool from_hub;
};

static int take(const struct reading *r, const char *name, const char *value, struct edge_err *err)
{
    struct edge_message *m = r->message;
    int sys = find_sys(name);
    int rc;

    if (!r->from_hub && (sys == EDGE_SYS_ORIGIN_DEVICE || sys == EDGE_SYS_ORIGIN_MODULE))
        return edge_fail(err, EDGE_EINVALID, "the property %s is the hub's own", name);
    if (sys >= 0)
        rc = edge_message_set_sys(m, (enum edge_sys) sys, value ? value : "");
    else
        rc = edge_message_add(m, name, value);
    if (rc == EDGE_ELIMIT)
        return edge_fail(err, rc, "more than %d properties", EDGE_PROPERTIES_MAX);
    return rc;
}

static int take_segment(const char *text, size_t len, const struct reading *r, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf name = EDGE_BUF_INIT(TEXT_MAX);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf value = EDGE_BUF_INIT(TEXT_MAX);
    const char *equals = memchr(text, '=', len);
    size_t n = equals ? (size_t) (equals - text) : len;
    int rc = decode(text, n, &name, err);

    if (rc == 0 && name.len == 0)
        return edge_fail(err, EDGE_EINVALID, "a property without a name");
    if (rc == 0 && equals)
        rc = decode(equals + 1, len - n - 1, &value, err);
    if (rc < 0)
        return rc;
    return take(r, name.data, !equals ? NULL : value.data ? value.data : "", err);
}

static int read_bag(const char *text, size_t len, const struct reading *r, struct edge_err *err)
{
    size_t at = 0;

    while (at < len) {
        const char *amp = memchr(text + at, '&', len - at);
        size_t n = amp ? (size_t) (amp - text) - at : len - at;
        int rc = n > 0 ? take_segment(text + at, n, r, err) : 0;

        if (rc < 0)
            return rc;
        at += n + 1;
    }
    return 0;
}

int edge_bag_parse(const char *text, size_t len, struct edge_message *m, struct edge_err *err)
{
    return read_bag(text, len, &(struct reading){m, false}, err);
}

int edge_bag_parse_from_hub(const char *text, size_t len, struct edge_message *m,
                            struct edge_err *err)
{
    return read_bag(text, len, &(struct reading){m, true}, err);
}

static void put(struct edge_buf *out, const char *name, const char *value, bool *first)
{
    if (!*first)
        edge_buf_puts(out, "&");
    *first = false;
    edge_percent_encode(out, name, strlen(name));
    if (!value)
        return;
    edge_buf_puts(out, "=");
    edge_percent_encode(out, value, strlen(value));
}

int edge_bag_format(const struct edge_message *m, struct edge_buf *out)
{
    bool first = true;

    for (size_t i = 0; i < m->nproperties; i++)
        put(out, m->properties[i].name, m->properties[i].value, &first);
    for (int i = 0; i < EDGE_SYS_MAX; i++) {
        if (names[i] && m->sys[i])
            put(out, names[i], m->sys[i], &first);
    }
    return edge_buf_error(out);
}
