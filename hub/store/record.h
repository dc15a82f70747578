/* hub/store/record.h - how a segment looks, byte by byte; written and read here. Pure; any thread.
 *
 *   segment = head | group | group | ...            numbers little-endian
 *   group   = head (48) | meta | bodies             bodies, the rest, one sync: all or nothing
 *   meta    = records of a few bytes: names, the ledger, what is gone, what is put
 *   bodies  = head (24) | data | head | data ...    in the order of the puts
 *
 * A group's head has a checksum over itself and one over meta; a body one over its head and data.
 * So what waits is known without reading a body, and a flipped bit costs one message. The salt,
 * new for each segment, is in every group: bytes that a sender chose, or that an older use of the
 * same file left, are never taken for a group. */
#ifndef HUB_STORE_RECORD_H
#define HUB_STORE_RECORD_H

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/bytes.h"
#include "hub/store/body.h"
#include "hub/store/files.h"
#include "hub/store/index.h"
#include "hub/store/store.h"

enum {
    HUB_SEGMENT_HEAD = 64,
    HUB_GROUP_HEAD = 48,
    HUB_BODY_HEAD = 24,
    HUB_META_MAX = 64 * 1024 * 1024,
    HUB_BODIES_MAX = 64 * 1024 * 1024,
    HUB_GONE_RUN_MAX = 65536,
    HUB_LOG_VERSION = 1,
};

/** About the file. */
struct hub_segment_head {
    uint32_t version;
    uint32_t generation; /* how often what is in it was copied; the higher is the newer */
    uint64_t id;
    uint64_t last_id; /* it holds what was in segments id .. last_id */
    uint64_t salt;
    uint64_t before_salt; /* the segment before it when it was begun, 0: none ... */
    uint64_t before_end;  /* ... and where that one ended: what follows there was not told */
};
void hub_segment_head_write(const struct hub_segment_head *head, uint8_t out[HUB_SEGMENT_HEAD]);
/** @return 0 or EDGE_EINVALID; only the version is told when it is another */
EDGE_MUST_CHECK int hub_segment_head_read(const uint8_t in[HUB_SEGMENT_HEAD],
                                          struct hub_segment_head *ret);

struct hub_group_head {
    uint64_t salt;
    uint64_t sequence;     /* in the segment */
    uint64_t next_message; /* no number from here on was in use */
    uint32_t meta_len, bodies_len;
    uint32_t meta_sum;
};
/** The first bytes of every group. */
extern const uint8_t hub_group_magic[4];
EDGE_MUST_CHECK int hub_group_head_read(const uint8_t in[HUB_GROUP_HEAD], uint64_t salt,
                                        struct hub_group_head *ret);

struct hub_body_head {
    uint32_t len, sum;
    uint64_t message;
    int64_t enqueued_ns;
};
/** Also false: what is there is not a body. */
bool hub_body_head_read(const uint8_t in[HUB_BODY_HEAD], struct hub_body_head *ret);
/** @p in with its data behind it. */
bool hub_body_is_whole(const uint8_t *in, const struct hub_body_head *head);

/* Writing a group: begin, records in any order but a put's, end. */

struct hub_encoder {
    uint8_t *out; /* head and meta */
    size_t len, size;
    uint8_t *bodies;
    size_t bodies_len, bodies_size;
    uint64_t message, gone; /* the last ones */
    int64_t expires_t;
    int failed; /* -ENOMEM, kept until reset */
};
void hub_encoder_begin(struct hub_encoder *encoder);
void hub_encoder_queue(struct hub_encoder *encoder, uint64_t number, const char *name);
void hub_encoder_route(struct hub_encoder *encoder, uint64_t number, const char *name);
void hub_encoder_ledger(struct hub_encoder *encoder, uint64_t route,
                        const struct hub_ledger *ledger);
/** Entries whose target is 0 may be one of @p count messages' that follow each other. */
void hub_encoder_gone(struct hub_encoder *encoder, uint64_t entry, uint64_t count, bool last);
/** A message, its numbers ascending; then each of its @p ntargets. */
void hub_encoder_put(struct hub_encoder *encoder, const struct hub_body_head *head,
                     const uint8_t *data, size_t ntargets, bool several);
void hub_encoder_target(struct hub_encoder *encoder, const struct hub_entry *entry, uint64_t queue);
void hub_encoder_end(struct hub_encoder *encoder, uint64_t salt, uint64_t sequence,
                     uint64_t next_message);
/** A group that is ended: its bodies, then the rest. @return 0 or negative errno */
EDGE_MUST_CHECK int hub_encoder_write(const struct hub_encoder *encoder,
                                      const struct hub_files *files, int fd, uint64_t at);
/** Bytes of the group so far. */
size_t hub_encoder_size(const struct hub_encoder *encoder);
/** Empty again, for the next; holds little memory. */
void hub_encoder_reset(struct hub_encoder *encoder);
void hub_encoder_fini(struct hub_encoder *encoder);

/* Reading one's meta. */

enum hub_record_kind {
    HUB_RECORD_QUEUE = 1,
    HUB_RECORD_ROUTE,
    HUB_RECORD_LEDGER,
    HUB_RECORD_GONE,
    HUB_RECORD_PUT,
    HUB_RECORD_TARGET, /* of the put before it */
};
struct hub_log_record {
    enum hub_record_kind kind;
    uint64_t number;        /* of the queue, route; GONE: the first entry; PUT: the message */
    struct edge_bytes name; /* QUEUE, ROUTE */
    struct hub_ledger ledger;
    uint64_t count;         /* GONE: entries; PUT: targets */
    bool last;              /* GONE: of their messages */
    bool several;           /* PUT: it had more than one target */
    uint32_t size;          /* PUT */
    struct hub_entry entry; /* TARGET; the route as in the segment */
};
struct hub_decoder {
    const uint8_t *at, *end;
    uint64_t message, gone;
    int64_t expires_t;
    uint32_t size;
    uint64_t targets; /* of the last put, still to come */
    bool several;
};
void hub_decoder_init(struct hub_decoder *decoder, struct edge_bytes meta);
/** @return 1 a record, 0 the end, EDGE_EINVALID */
int hub_decoder_next(struct hub_decoder *decoder, struct hub_log_record *ret);

#endif
