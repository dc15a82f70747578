#include "hub/core/answer.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/crypto/hmac.h"
#include "common/json/json.h"

static const struct wording {
    int status;
    int code;
    const char *text; /* when the backend has no words of its own */
} wordings[] = {
    [HUB_OK] = {200, 200000, "OK"},
    [HUB_BAD] = {400, 400004, "Bad request"},
    [HUB_REFUSED] = {401, 401003, "Unauthorized"},
    [HUB_NOT_FOUND] = {404, 404001, "Not found"},
    [HUB_CONFLICT] = {412, 412001, "Precondition failed"},
    [HUB_TOO_LARGE] = {413, 413001, "Too large"},
    [HUB_QUOTA] = {403, 403002, "A quota is used up"},
    [HUB_THROTTLED] = {429, 429001, "Too many requests"},
    [HUB_FAILED] = {500, 500001, "Internal error"},
    [HUB_UNAVAILABLE] = {503, 503001, "Unavailable, try again later"},
    [HUB_TIMEOUT] = {504, 504101, "Timed out"},
    [HUB_GONE] = {503, 503001, "Unavailable, try again later"},
};

int hub_status(enum hub_result result)
{
    return wordings[result].status;
}

static void make_tracking_id(char text[33])
{
    uint8_t bytes[16] = {0};

    edge_ignore(edge_random(bytes, sizeof bytes)); /* an id of zeros harms nobody */
    for (size_t i = 0; i < sizeof bytes; i++)
        (void) snprintf(text + 2 * i, 3, "%02X", bytes[i]);
}

char *hub_error(enum hub_result result, const char *why)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = edge_json_new_object();
    char tracking[33];
    char now[EDGE_TIME_TEXT];

    make_tracking_id(tracking);
    edge_time_format(edge_wall_ns(), now);
    if (!json || edge_json_set_int(json, "errorCode", wordings[result].code) < 0 ||
        edge_json_set_str(json, "trackingId", tracking) < 0 ||
        edge_json_set_str(json, "message", why && *why ? why : wordings[result].text) < 0 ||
        edge_json_set_str(json, "timestampUtc", now) < 0)
        return NULL;
    return edge_json_text(json);
}
