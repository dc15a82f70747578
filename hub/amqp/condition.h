/* hub/amqp/condition.h - the backend's results as error conditions that clients know. Pure. The
 * SDKs try again after internal-error, timeout and throttled, and give up after the others
 * (cloud.md 7). */
#ifndef HUB_AMQP_CONDITION_H
#define HUB_AMQP_CONDITION_H

#include "hub/core/backend.h"

static inline const char *hub_amqp_condition(enum hub_result result)
{
    static const char *const conditions[] = {
        [HUB_OK] = "",
        [HUB_BAD] = "com.microsoft:argument-error",
        [HUB_REFUSED] = "amqp:unauthorized-access",
        [HUB_NOT_FOUND] = "amqp:not-found",
        [HUB_CONFLICT] = "amqp:link:stolen",
        [HUB_TOO_LARGE] = "amqp:link:message-size-exceeded",
        [HUB_QUOTA] = "amqp:resource-limit-exceeded",
        [HUB_THROTTLED] = "com.microsoft:device-container-throttled",
        [HUB_FAILED] = "amqp:internal-error",
        [HUB_UNAVAILABLE] = "amqp:internal-error",
        [HUB_TIMEOUT] = "com.microsoft:timeout",
        [HUB_GONE] = "amqp:internal-error",
    };

    return conditions[result];
}

#endif
