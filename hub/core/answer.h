/* hub/core/answer.h - how IoT Hub words a failure towards a device. Pure but for random bytes and
 * the clock; any thread. The SDKs read errorCode and message and crash on what is no JSON. */
#ifndef HUB_CORE_ANSWER_H
#define HUB_CORE_ANSWER_H

#include "hub/core/backend.h"

/** The HTTP status in the topic of an answer. */
int hub_status(enum hub_result result);
/** {"errorCode":404001,"trackingId":"…","message":"…","timestampUtc":"…"}; the caller frees it.
 * NULL without memory. */
char *hub_error(enum hub_result result, const char *why);

#endif
