/* Where a reader begins: "amqp.annotation.x-opt-offset > '@latest'" and its like. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/emulator/amqp/internal.h"

enum field { OFFSET, SEQUENCE, TIME };
static const struct name {
    const char *text;
    enum field field;
} names[] = {
    {"x-opt-offset", OFFSET},
    {"x-opt-sequence-number", SEQUENCE},
    {"x-opt-enqueued-time", TIME},
    {"x-opt-enqueuedtimeutc", TIME},
};

static const char *skip(const char *at)
{
    return at + strspn(at, " \t\"'");
}

/* "[amqp.annotation.]name > 'value'" */
static int parse(const char *text, enum field *ret_field, bool *ret_inclusive, char value[32])
{
    static const char prefix[] = "amqp.annotation.";
    const char *at = skip(text);
    size_t len;

    if (strncasecmp(at, prefix, sizeof prefix - 1) == 0)
        at += sizeof prefix - 1;
    len = strcspn(at, " \t\"'>");
    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++) {
        if (strlen(names[i].text) != len || strncasecmp(at, names[i].text, len) != 0)
            continue;
        *ret_field = names[i].field;
        at = skip(at + len);
        if (*at++ != '>')
            return EDGE_EINVALID;
        *ret_inclusive = *at == '=';
        at = skip(at + *ret_inclusive);
        len = strcspn(at, " \t\"'");
        if (len == 0 || len > 31)
            return EDGE_EINVALID;
        memcpy(value, at, len);
        value[len] = '\0';
        return 0;
    }
    return EDGE_EINVALID;
}

static int after_last(struct cloud *cloud, unsigned partition, int64_t *ret)
{
    struct store_range range;
    int rc = cloud_event_range(cloud, partition, &range);

    if (rc == 0)
        *ret = range.last + 1;
    return rc;
}

int service_selector(struct cloud *cloud, unsigned partition, const char *selector, int64_t *ret)
{
    enum field field;
    char value[32], *end;
    bool inclusive;
    long long number;

    *ret = 0;
    if (!selector)
        return 0;
    if (parse(selector, &field, &inclusive, value) < 0)
        return EDGE_EINVALID;
    if (field == OFFSET && strcasecmp(value, "@latest") == 0)
        return after_last(cloud, partition, ret);
    errno = 0;
    number = strtoll(value, &end, 10);
    if (*end != '\0' || errno != 0 || number < -1 || number > INT64_MAX / 1000000 - 1)
        return EDGE_EINVALID;
    number += inclusive ? 0 : 1;
    if (field == TIME)
        return cloud_event_since(cloud, partition, number * 1000000, ret);
    *ret = number;
    return 0;
}
