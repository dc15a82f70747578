#include "agent/source/outcome.h"

#include <stdio.h>
#include <string.h>

#include "common/base/bytes.h"

enum { CODE_OK = 200, CODE_UNKNOWN = 406, CODE_FAILED = 500 };

void agent_outcome_init(struct agent_outcome *outcome)
{
    *outcome = (struct agent_outcome){.code = CODE_UNKNOWN};
    (void) snprintf(outcome->text, sizeof outcome->text, "no deployment yet");
}

void agent_outcome_end(struct agent_outcome *outcome)
{
    outcome->code = CODE_UNKNOWN;
    (void) snprintf(outcome->text, sizeof outcome->text, "Agent is not running");
}

/* Cut at a character, not within one. */
static void copy_text(char *to, size_t size, const char *from)
{
    size_t len = strlen(from);

    if (len >= size) {
        len = size - 1;
        while (len > 0 && ((unsigned char) from[len] & 0xc0) == 0x80)
            len--;
    }
    memcpy(to, from, len);
    to[len] = '\0';
}

/* "module cam: …; module hub: …". @return how many of them are not as they shall be */
static size_t collect(const struct edge_json *list, struct edge_buf *problems)
{
    size_t open = 0;

    for (size_t i = 0; i < edge_json_len(list); i++) {
        const struct edge_json *module = edge_json_at(list, i);
        const char *problem = edge_json_str(edge_json_get(module, "problem"), NULL);

        if (edge_json_bool(edge_json_get(module, "applied"), false))
            continue;
        open++;
        if (problem)
            (void) edge_buf_printf(problems, "%smodule %s: %s", problems->len ? "; " : "",
                                   edge_json_str(edge_json_get(module, "name"), "?"), problem);
    }
    return open;
}

static void judge(const struct agent_outcome_facts *facts, struct agent_outcome *now)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf problems = EDGE_BUF_INIT(64 * 1024);
    size_t open;

    if (facts->code != CODE_OK) {
        now->code = facts->code;
        copy_text(now->text, sizeof now->text, facts->text);
        return;
    }
    open = collect(facts->list, &problems);
    if (facts->trouble || problems.len > 0) {
        now->code = CODE_FAILED;
        now->version = facts->version;
        copy_text(now->text, sizeof now->text, facts->trouble ? facts->trouble : problems.data);
    } else if (open == 0) {
        now->code = CODE_OK;
        now->version = facts->version;
        now->text[0] = '\0';
    }
}

bool agent_outcome_update(struct agent_outcome *outcome, const struct agent_outcome_facts *facts)
{
    struct agent_outcome now = *outcome;
    bool differs;

    judge(facts, &now);
    differs = now.code != outcome->code || now.version != outcome->version ||
              strcmp(now.text, outcome->text) != 0;
    *outcome = now;
    return differs;
}
