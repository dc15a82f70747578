/* hub/cloud/amqp/words.h - IoT Hub's AMQP in words: addresses, audiences, conditions, answers.
 * Pure; any thread. Sources: cloud.md 5, hub.md 2. */
#ifndef HUB_CLOUD_AMQP_WORDS_H
#define HUB_CLOUD_AMQP_WORDS_H

#include "hub/amqp/link.h"
#include "hub/core/backend.h"

/** "/devices/d[/modules/m]" and @p suffix, ids percent-encoded. The caller frees it. */
char *hub_words_address(const struct edge_identity *who, const char *suffix);
/** "EdgeHub/<version>", behind what the client calls itself. The caller frees it. */
char *hub_words_product(const char *client);

/** What a rejected message's condition means for that message; NULL: none was named. */
enum hub_result hub_words_rejected(const char *condition);
/** What the end of a link, session or connection means for the identity: HUB_REFUSED,
 * HUB_NOT_FOUND, or a failure that time may mend. */
enum hub_result hub_words_ended(const char *condition);
/** The status of an answer to a request. */
enum hub_result hub_words_status(int64_t status);

/** An answer to a put-token or a twin request. */
struct hub_words_answer {
    char id[37];    /* the request's, "" for none: the message is no answer */
    int64_t status; /* absent: 200 */
    int64_t version;
    struct edge_bytes body; /* borrowed */
};
void hub_words_answer(const struct hub_amqp_message *message, struct hub_words_answer *ret);

enum { HUB_WORDS_METHOD_MAX = 128 };
/** A direct method. */
struct hub_words_call {
    char rid[41];
    char name[HUB_WORDS_METHOD_MAX + 1];
    struct edge_bytes payload; /* borrowed */
};
/** @return false: it is none, or cannot be answered */
bool hub_words_call(const struct hub_amqp_message *message, struct hub_words_call *ret);
/** The id by which a method or request is answered: a UUID when it looks like one. Borrowed. */
struct hub_amqp_value hub_words_id(const char *text);

#endif
