/* Any texts as passwd and group: a user is refused with a text, or found with its group among its
 * groups. Lines: the user, a group to add, then passwd up to a line "---", then group. */
#include <stdlib.h>
#include <string.h>

#include "agent/spec/spec.h"
#include "tests/fuzz/fuzz.h"

/* Cut @p text at its first line end; @return what follows. */
static char *cut(char *text)
{
    char *end = strchr(text, '\n');

    if (!end)
        return text + strlen(text);
    *end = '\0';
    return end + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    EDGE_CLEANUP(edge_free) char *text = malloc(size + 1);
    struct agent_user user = {0};
    struct edge_err err = {0};
    char *add[2] = {NULL, NULL};
    char *passwd;
    char *group;
    bool own = false;

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    add[0] = cut(text);
    passwd = cut(add[0]);
    group = strstr(passwd, "\n---\n");
    if (group) {
        *group = '\0';
        group += 5;
    }
    if (agent_user_resolve(text, passwd, group, *add[0] ? add : NULL, &user, &err) < 0) {
        if (!*err.text)
            abort();
        return 0;
    }
    for (size_t i = 0; i < user.ngroups; i++)
        own = own || user.groups[i] == user.gid;
    if (!own || !user.home || *user.home != '/')
        abort();
    agent_user_fini(&user);
    return 0;
}
