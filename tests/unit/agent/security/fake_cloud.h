/* tests/unit/agent/security/fake_cloud.h - a cloud that answers from a list and remembers what it
 * was asked. */
#ifndef TESTS_UNIT_AGENT_SECURITY_FAKE_CLOUD_H
#define TESTS_UNIT_AGENT_SECURITY_FAKE_CLOUD_H

#include <stdio.h>
#include <string.h>

#include "agent/security/cloud/cloud.h"

struct fake_answer {
    int status; /* 0: nobody is there */
    const char *body;
    int retry_after_s;
};

struct fake_cloud {
    struct sec_cloud base;
    const struct fake_answer *answers; /* one a call; the last for all that follow */
    size_t nanswers;
    size_t calls;
    char asked[16][512]; /* "PUT https://…"; with " *" for If-Match, then the body */
    char resource[256];
    bool by_key;
};

static inline int fake_call(struct sec_cloud *cloud, const struct sec_cloud_call *call,
                            struct sec_cloud_answer *ret, struct edge_err *err)
{
    struct fake_cloud *f = (struct fake_cloud *) cloud;
    size_t i = f->calls < f->nanswers ? f->calls : f->nanswers - 1;
    const struct fake_answer *a = &f->answers[i];

    (void) snprintf(f->asked[f->calls % 16], sizeof f->asked[0], "%s %s%s%s%s", call->method,
                    call->url, call->overwrite ? " *" : "", call->body ? " " : "",
                    call->body ? call->body : "");
    (void) snprintf(f->resource, sizeof f->resource, "%s", call->resource);
    f->by_key = call->credential->key != NULL;
    f->calls++;
    if (a->status == 0)
        return edge_fail(err, EDGE_EUNAVAILABLE, "nobody is there");
    ret->status = a->status;
    ret->retry_after_s = a->retry_after_s;
    if (a->body)
        edge_ignore(edge_json_parse(a->body, strlen(a->body), &ret->body, NULL));
    return 0;
}

#define FAKE_CLOUD(list)                                                                           \
    {                                                                                              \
        .base = {.call = fake_call}, .answers = (list), .nanswers = EDGE_ARRAY_LEN(list)           \
    }

#endif
