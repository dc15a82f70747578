/* common/http/path.h - the parts of a request's path, and patterns of them. Pure; any thread. */
#ifndef EDGE_HTTP_PATH_H
#define EDGE_HTTP_PATH_H

#include <stdbool.h>
#include <stddef.h>

/** Cut @p path, "/a/b/c" or "/a/", into its parts, which lie in it; NULL behind the last.
 * @return false when there are more than @p max, or one of them is empty */
bool http_path_split(char *path, const char **parts, size_t max);
/** Are @p parts those of @p pattern, where "*" stands for any? Both of @p max. */
bool http_path_is(const char *const *parts, const char *const *pattern, size_t max);

#endif
