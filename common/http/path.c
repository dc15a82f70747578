#include "common/http/path.h"

#include <string.h>

bool http_path_split(char *path, const char **parts, size_t max)
{
    char *rest = path + 1;
    char *part;
    size_t n = 0;

    memset(parts, 0, max * sizeof *parts);
    while ((part = strsep(&rest, "/")) != NULL) {
        if (*part == '\0' && !rest)
            break;
        if (*part == '\0' || n == max)
            return false;
        parts[n++] = part;
    }
    return true;
}

bool http_path_is(const char *const *parts, const char *const *pattern, size_t max)
{
    for (size_t i = 0; i < max; i++) {
        if (!parts[i] || !pattern[i])
            return !parts[i] && !pattern[i];
        if (strcmp(pattern[i], "*") != 0 && strcmp(pattern[i], parts[i]) != 0)
            return false;
    }
    return true;
}
