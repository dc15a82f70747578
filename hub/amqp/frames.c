#include "hub/amqp/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "hub/amqp/walk.h"

enum { HEADER = 8 };
enum performative {
    OPEN = 0x10,
    BEGIN,
    ATTACH,
    FLOW,
    TRANSFER,
    DISPOSITION,
    DETACH,
    END,
    CLOSE,
    PERFORMATIVES_END
};
enum { FIELDS = 10 }; /* more than this of a performative is not looked at */
enum { SKIP = 1, FEW = 8, NULL_CODE = 0x40 };

struct hub_amqp_handle {
    uint32_t handle;
    uint16_t channel;
    bool more; /* a delivery is under way */
};

void hub_amqp_frames_init(struct hub_amqp_frames *f, size_t max_handles, size_t max_channels)
{
    *f = (struct hub_amqp_frames){
        .header = true, .max_handles = max_handles, .max_channels = max_channels};
    edge_buf_init(&f->partial, HUB_AMQP_FRAME_MAX);
}

void hub_amqp_frames_fini(struct hub_amqp_frames *f)
{
    edge_buf_fini(&f->partial);
    free(f->channels);
    free(f->handles);
    f->channels = NULL;
    f->handles = NULL;
    f->nhandles = f->room = 0;
}

static bool channel_open(const struct hub_amqp_frames *f, uint16_t channel)
{
    return f->channels && channel < f->max_channels &&
           (f->channels[channel / 8] >> channel % 8 & 1);
}

/* Where a handle is among the others, or would be. */
static size_t place_of(const struct hub_amqp_frames *f, uint16_t channel, uint32_t handle)
{
    size_t low = 0, high = f->nhandles;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct hub_amqp_handle *at = &f->handles[middle];

        if (at->channel < channel || (at->channel == channel && at->handle < handle))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct hub_amqp_handle *find(const struct hub_amqp_frames *f, uint16_t channel,
                                    uint32_t handle)
{
    size_t at = place_of(f, channel, handle);

    return at < f->nhandles && f->handles[at].channel == channel && f->handles[at].handle == handle
               ? &f->handles[at]
               : NULL;
}

/* Take out the handles from @p at up to @p end. */
static void cut(struct hub_amqp_frames *f, size_t at, size_t end)
{
    memmove(f->handles + at, f->handles + end, (f->nhandles - end) * sizeof *f->handles);
    f->nhandles -= end - at;
}

static int begin(struct hub_amqp_frames *f, uint16_t channel, bool reply)
{
    if (channel >= f->max_channels)
        return EDGE_ELIMIT;
    if (!f->channels) {
        f->channels = calloc(f->max_channels / 8 + 1, 1);
        if (!f->channels)
            return -ENOMEM;
    }
    if (reply != f->answers || channel_open(f, channel)) /* a server begins nothing */
        return EDGE_EPROTOCOL;
    f->channels[channel / 8] |= (uint8_t) (1 << channel % 8);
    return 0;
}

static void end(struct hub_amqp_frames *f, uint16_t channel)
{
    size_t first = place_of(f, channel, 0);

    f->channels[channel / 8] &= (uint8_t) ~(1 << channel % 8);
    if (f->nhandles > 0)
        cut(f, first, place_of(f, channel, UINT32_MAX));
}

static int grow(struct hub_amqp_frames *f)
{
    size_t room = f->room ? 2 * f->room : FEW;
    struct hub_amqp_handle *grown = realloc(f->handles, room * sizeof *grown);

    if (!grown)
        return -ENOMEM;
    f->handles = grown;
    f->room = room;
    return 0;
}

static int attach(struct hub_amqp_frames *f, uint16_t channel, uint32_t handle)
{
    size_t at = place_of(f, channel, handle);
    int rc;

    if (find(f, channel, handle) || handle > INT32_MAX)
        return EDGE_EPROTOCOL;
    if (f->nhandles == f->max_handles)
        return EDGE_ELIMIT;
    rc = f->nhandles == f->room ? grow(f) : 0;
    if (rc < 0)
        return rc;
    memmove(f->handles + at + 1, f->handles + at, (f->nhandles - at) * sizeof *f->handles);
    f->handles[at] = (struct hub_amqp_handle){handle, channel, false};
    f->nhandles++;
    return 0;
}

/* The first fields of a performative; those absent are empty. */
static int fields_of(struct edge_bytes list, struct edge_bytes fields[FIELDS])
{
    struct edge_bytes elements;
    size_t count;
    int rc = hub_amqp_list(list, &count, &elements);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < FIELDS; i++) {
        fields[i] = (struct edge_bytes){0};
        if (i < count && !hub_amqp_step(&elements, &fields[i]))
            return EDGE_EPROTOCOL;
    }
    return 0;
}

static int transfer(struct hub_amqp_handle *handle, struct edge_bytes fields[FIELDS],
                    struct hub_amqp_frame *ret)
{
    uint32_t id;
    bool more = false, aborted = false;

    /* The first transfer of a delivery names it. The engine asserts that. */
    if (!handle->more && !hub_amqp_uint(fields[1], &id))
        return EDGE_EPROTOCOL;
    if (!hub_amqp_uint(fields[3], &ret->format))
        ret->format = 0;
    (void) hub_amqp_bool(fields[5], &more);
    (void) hub_amqp_bool(fields[9], &aborted);
    handle->more = more && !aborted;
    ret->transfer = true;
    return 0;
}

/* @return 0, SKIP, or negative */
static int on_handle(struct hub_amqp_frames *f, enum performative code, uint16_t channel,
                     struct edge_bytes fields[FIELDS], struct hub_amqp_frame *ret)
{
    struct hub_amqp_handle *found;
    uint32_t handle;

    if (!hub_amqp_uint(fields[code == ATTACH ? 1 : code == FLOW ? 4 : 0], &handle))
        return code == FLOW ? 0 : EDGE_EPROTOCOL; /* a flow of the session has none */
    if (code == ATTACH)
        return attach(f, channel, handle);
    found = find(f, channel, handle);
    if (!found)
        return SKIP;
    if (code == TRANSFER)
        return transfer(found, fields, ret);
    if (code == DETACH)
        cut(f, (size_t) (found - f->handles), (size_t) (found - f->handles) + 1);
    return 0;
}

static int judge(struct hub_amqp_frames *f, uint16_t channel, struct edge_bytes body,
                 struct hub_amqp_frame *ret)
{
    struct edge_bytes list, fields[FIELDS];
    unsigned values = HUB_AMQP_FRAME_VALUES;
    uint64_t code = 0;
    size_t len;
    int rc = hub_amqp_walk(body, &values, &len);

    if (rc == 0)
        rc = hub_amqp_described(body, &code, &list);
    if (rc < 0)
        return rc;
    if (code < OPEN || code >= PERFORMATIVES_END || (code != TRANSFER && len != body.len))
        return EDGE_EPROTOCOL;
    rc = fields_of(list, fields);
    if (rc < 0)
        return rc;
    if (f->open == (code == OPEN)) /* the first, and no other */
        return EDGE_EPROTOCOL;
    f->open = true;
    if (code == OPEN && !hub_amqp_uint(fields[2], &f->peer_max))
        f->peer_max = UINT32_MAX;
    if (code == OPEN || code == CLOSE)
        return 0;
    if (code == BEGIN)
        return begin(f, channel, fields[0].len > 0 && fields[0].data[0] != NULL_CODE);
    if (!channel_open(f, channel))
        return SKIP;
    if (code == END)
        end(f, channel);
    if (code == END || code == DISPOSITION)
        return 0;
    return on_handle(f, (enum performative) code, channel, fields, ret);
}

static uint32_t be32(const uint8_t *at)
{
    return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

static int frame(struct hub_amqp_frames *f, struct edge_bytes whole, struct hub_amqp_frame *ret)
{
    size_t offset = (size_t) whole.data[4] * 4;
    struct edge_bytes body;
    unsigned values = HUB_AMQP_FRAME_VALUES;
    size_t len;
    int rc;

    ret->bytes = whole;
    if (offset < HEADER || offset > whole.len)
        return EDGE_EPROTOCOL;
    body = (struct edge_bytes){whole.data + offset, whole.len - offset};
    if (whole.data[5] == 0 && body.len == 0)
        return 0; /* a heartbeat */
    if (whole.data[5] == 0)
        rc = judge(f, (uint16_t) (whole.data[6] << 8 | whole.data[7]), body, ret);
    else if (whole.data[5] != 1)
        rc = EDGE_EPROTOCOL;
    else {
        rc = f->login ? EDGE_EPROTOCOL : hub_amqp_walk(body, &values, &len);
        f->login = true;
        f->header = true; /* the next header */
    }
    if (rc == SKIP)
        ret->bytes = (struct edge_bytes){0};
    return rc < 0 ? rc : 0;
}

/* How long what begins at the front is; 0: not known yet. */
static int length(const struct hub_amqp_frames *f, struct edge_bytes front, size_t *ret)
{
    *ret = 0;
    if (front.len < 4)
        return 0;
    if (f->header && memcmp(front.data, "AMQP", 4) == 0) {
        *ret = HEADER;
        return 0;
    }
    *ret = be32(front.data);
    if (*ret < HEADER)
        return EDGE_EPROTOCOL;
    return *ret > HUB_AMQP_FRAME_MAX ? EDGE_ELIMIT : 0;
}

/* Complete the frame that began in an earlier piece. */
static int gather(struct hub_amqp_frames *f, struct edge_bytes *data, struct edge_bytes *ret)
{
    size_t want = HEADER, take;
    int rc;

    for (;;) {
        struct edge_bytes have = {(const uint8_t *) f->partial.data, f->partial.len};

        rc = length(f, have, &want);
        if (rc < 0)
            return rc;
        if (want > 0 && have.len >= want) {
            *ret = (struct edge_bytes){have.data, want};
            return 0;
        }
        take = (want > 0 ? want : 4) - have.len;
        if (data->len == 0)
            return HUB_AMQP_MORE;
        if (take > data->len)
            take = data->len;
        rc = edge_buf_append(&f->partial, data->data, take);
        if (rc < 0)
            return rc;
        data->data += take;
        data->len -= take;
    }
}

int hub_amqp_frames_next(struct hub_amqp_frames *f, struct edge_bytes *data,
                         struct hub_amqp_frame *ret)
{
    struct edge_bytes whole;
    size_t want = 0;
    int rc = 0;

    *ret = (struct hub_amqp_frame){0};
    if (f->taken)
        edge_buf_fini(&f->partial);
    f->taken = false;
    if (f->partial.len == 0)
        rc = length(f, *data, &want);
    if (rc == 0 && want > 0 && data->len >= want) {
        whole = (struct edge_bytes){data->data, want};
        data->data += want;
        data->len -= want;
    } else if (rc == 0) {
        rc = gather(f, data, &whole);
        f->taken = rc == 0;
    }
    if (rc != 0)
        return rc;
    if (f->header && memcmp(whole.data, "AMQP", 4) == 0) {
        f->header = false;
        ret->bytes = whole;
        return 0;
    }
    return frame(f, whole, ret);
}
