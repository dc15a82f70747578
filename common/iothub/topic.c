#include "common/iothub/topic.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/encode.h"

/* What is left of a text that is being read. */
struct cursor {
    const char *at;
    const char *end;
};

static bool skip(struct cursor *c, const char *word)
{
    size_t len = strlen(word);

    if ((size_t) (c->end - c->at) < len || memcmp(c->at, word, len) != 0)
        return false;
    c->at += len;
    return true;
}

static bool at_end(const struct cursor *c)
{
    return c->at == c->end;
}

/* Up to the next '/', which is left. */
static struct edge_bytes segment(struct cursor *c)
{
    const char *from = c->at;

    while (c->at < c->end && *c->at != '/')
        c->at++;
    return (struct edge_bytes){(const uint8_t *) from, (size_t) (c->at - from)};
}

static bool take_id(struct cursor *c, char id[EDGE_ID_MAX + 1])
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(EDGE_ID_MAX);
    struct edge_bytes raw = segment(c);

    if (edge_percent_decode(&text, (const char *) raw.data, raw.len) < 0 || text.len == 0 ||
        !edge_id_valid(text.data, text.len))
        return false;
    memcpy(id, text.data, text.len + 1);
    return true;
}

/* "devices/d" or "devices/d/modules/m", then '/'. */
static bool take_who(struct cursor *c, struct edge_identity *who)
{
    memset(who, 0, sizeof *who);
    if (!skip(c, "devices/") || !take_id(c, who->device))
        return false;
    if (skip(c, "/modules/") && !take_id(c, who->module))
        return false;
    return skip(c, "/");
}

/* The value of $rid in "?$rid=r&…"; the rest is nobody's. */
static bool take_rid(struct cursor *c, struct edge_bytes *rid)
{
    const char *from;

    if (!skip(c, "?"))
        return false;
    while (!skip(c, "$rid=") && !skip(c, "%24rid=")) {
        const char *amp = memchr(c->at, '&', (size_t) (c->end - c->at));

        if (!amp)
            return false;
        c->at = amp + 1;
    }
    from = c->at;
    while (c->at < c->end && *c->at != '&')
        c->at++;
    *rid = (struct edge_bytes){(const uint8_t *) from, (size_t) (c->at - from)};
    return rid->len > 0;
}

/* Who reports without one waits for no answer. */
static bool take_rid_if_any(struct cursor *c, struct edge_bytes *rid)
{
    if (!at_end(c) && *c->at != '?')
        return false;
    (void) take_rid(c, rid);
    return true;
}

static bool take_status(struct cursor *c, int *status)
{
    struct edge_bytes digits = segment(c);
    int value = 0;

    if (digits.len == 0 || digits.len > 9)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return false;
        value = value * 10 + (digits.data[i] - '0');
    }
    *status = value;
    return skip(c, "/");
}

static bool is_telemetry(struct cursor c, struct edge_topic *t)
{
    if (!take_who(&c, &t->who) || !skip(&c, "messages/events"))
        return false;
    if (!at_end(&c) && !skip(&c, "/"))
        return false;
    t->bag = (struct edge_bytes){(const uint8_t *) c.at, (size_t) (c.end - c.at)};
    if (t->bag.len > 0 && t->bag.data[t->bag.len - 1] == '/')
        t->bag.len--; /* outputs end so */
    return true;
}

void edge_topic_parse(const char *text, size_t len, struct edge_topic *ret)
{
    const struct cursor all = {text, text + len};
    struct cursor c = all;

    *ret = (struct edge_topic){0};
    if (skip(&c, "$iothub/twin/GET/")) {
        ret->kind = take_rid(&c, &ret->rid) ? EDGE_TOPIC_TWIN_GET : EDGE_TOPIC_UNKNOWN;
    } else if (skip(&c, "$iothub/twin/PATCH/properties/reported/")) {
        ret->kind = take_rid_if_any(&c, &ret->rid) ? EDGE_TOPIC_TWIN_PATCH : EDGE_TOPIC_UNKNOWN;
    } else if (skip(&c, "$iothub/methods/res/")) {
        ret->kind = take_status(&c, &ret->status) && take_rid(&c, &ret->rid)
                        ? EDGE_TOPIC_METHOD_RESPONSE
                        : EDGE_TOPIC_UNKNOWN;
    } else {
        ret->kind = is_telemetry(all, ret) ? EDGE_TOPIC_TELEMETRY : EDGE_TOPIC_UNKNOWN;
    }
}

static unsigned input_filter(struct cursor c, struct edge_bytes *ret_input)
{
    if (skip(&c, "#"))
        return at_end(&c) ? EDGE_FEATURE_INPUTS : 0;
    *ret_input = segment(&c);
    if (ret_input->len == 0 || memchr(ret_input->data, '+', ret_input->len))
        return 0;
    return at_end(&c) || (skip(&c, "/#") && at_end(&c)) ? EDGE_FEATURE_INPUTS : 0;
}

static unsigned identity_filter(struct cursor c, struct edge_identity *who,
                                struct edge_bytes *ret_input)
{
    if (!take_who(&c, who))
        return 0;
    if (*who->module && skip(&c, "inputs/"))
        return input_filter(c, ret_input);
    if (*who->module && skip(&c, "#") && at_end(&c))
        return EDGE_FEATURE_INPUTS;
    if (skip(&c, "messages/devicebound") && (at_end(&c) || (skip(&c, "/#") && at_end(&c))))
        return EDGE_FEATURE_C2D;
    return 0;
}

unsigned edge_filter_parse(const char *text, size_t len, struct edge_identity *ret_who,
                           struct edge_bytes *ret_input)
{
    static const struct {
        const char *text;
        enum edge_feature feature;
    } known[] = {
        {"$iothub/twin/res/#", EDGE_FEATURE_TWIN_RES},
        {"$iothub/twin/PATCH/properties/desired/#", EDGE_FEATURE_DESIRED},
        {"$iothub/methods/POST/#", EDGE_FEATURE_METHODS},
    };
    unsigned feature;

    memset(ret_who, 0, sizeof *ret_who);
    *ret_input = (struct edge_bytes){0};
    for (size_t i = 0; i < EDGE_ARRAY_LEN(known); i++) {
        if (len == strlen(known[i].text) && memcmp(text, known[i].text, len) == 0)
            return known[i].feature;
    }
    feature = identity_filter((struct cursor){text, text + len}, ret_who, ret_input);
    if (feature == 0) {
        memset(ret_who, 0, sizeof *ret_who);
        *ret_input = (struct edge_bytes){0};
    }
    return feature;
}

int edge_topic_twin_response(struct edge_buf *out, int status, struct edge_bytes rid,
                             int64_t version)
{
    int rc = edge_buf_printf(out, "$iothub/twin/res/%d/?$rid=", status);

    if (rc == 0)
        rc = edge_buf_append(out, rid.data, rid.len);
    if (rc == 0 && version > 0)
        rc = edge_buf_printf(out, "&$version=%" PRId64, version);
    return rc;
}

int edge_topic_desired(struct edge_buf *out, int64_t version)
{
    return edge_buf_printf(out, "$iothub/twin/PATCH/properties/desired/?$version=%" PRId64,
                           version);
}

int edge_topic_method(struct edge_buf *out, const char *name, const char *rid)
{
    int rc = edge_buf_puts(out, "$iothub/methods/POST/");

    if (rc == 0)
        rc = edge_percent_encode(out, name, strlen(name));
    return rc == 0 ? edge_buf_printf(out, "/?$rid=%s", rid) : rc;
}

static int put_who(struct edge_buf *out, const struct edge_identity *who)
{
    int rc = edge_buf_puts(out, "devices/");

    if (rc == 0)
        rc = edge_percent_encode(out, who->device, strlen(who->device));
    if (rc == 0 && *who->module)
        rc = edge_buf_puts(out, "/modules/");
    return rc == 0 ? edge_percent_encode(out, who->module, strlen(who->module)) : rc;
}

int edge_topic_devicebound(struct edge_buf *out, const struct edge_identity *who)
{
    int rc = put_who(out, who);

    return rc == 0 ? edge_buf_puts(out, "/messages/devicebound/") : rc;
}

int edge_topic_input(struct edge_buf *out, const struct edge_identity *who, const char *input)
{
    int rc = put_who(out, who);

    if (rc == 0)
        rc = edge_buf_puts(out, "/inputs/");
    if (rc == 0)
        rc = edge_percent_encode(out, input, strlen(input));
    return rc == 0 ? edge_buf_puts(out, "/") : rc;
}

int edge_topic_events(struct edge_buf *out, const struct edge_identity *who)
{
    int rc = put_who(out, who);

    return rc == 0 ? edge_buf_puts(out, "/messages/events/") : rc;
}
