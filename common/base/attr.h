/* common/base/attr.h - attributes and scope cleanup for gcc and clang in -std=c17.
 * Pure; any thread. */
#ifndef EDGE_BASE_ATTR_H
#define EDGE_BASE_ATTR_H

#include <stddef.h>
#include <string.h>

#define EDGE_MUST_CHECK         __attribute__((warn_unused_result))
#define EDGE_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define EDGE_ARRAY_LEN(a)       (sizeof(a) / sizeof((a)[0]))
#define EDGE_CONTAINER_OF(ptr, type, member)                                                       \
    ((type *) (void *) ((char *) (ptr) -offsetof(type, member)))

/** For a result that changes nothing here: the call before has failed already, or time mends it. */
static inline void edge_ignore(int rc)
{
    (void) rc;
}

/** Run @p fn on the variable's value when it leaves scope. Needs EDGE_DEFINE_CLEANUP(type, fn). */
#define EDGE_CLEANUP(fn) __attribute__((cleanup(fn##p)))
#define EDGE_DEFINE_CLEANUP(type, fn)                                                              \
    static inline void fn##p(type *p)                                                              \
    {                                                                                              \
        (void) fn(*p);                                                                             \
    }

/** The value of the pointer variable @p var, which is NULL afterwards: ownership moves on. */
#define EDGE_TAKE(var) edge_take_(&(var))
static inline void *edge_take_(void *var)
{
    void *value;
    void *null = NULL;

    memcpy(&value, var, sizeof value);
    memcpy(var, &null, sizeof null);
    return value;
}

/** For `EDGE_CLEANUP(edge_free) char *s`. Accepts NULL, always returns NULL. */
void *edge_free(void *memory);
static inline void edge_freep(void *var)
{
    void *value;

    memcpy(&value, var, sizeof value);
    edge_free(value);
}

/** For `EDGE_CLEANUP(edge_close) int fd = -1`. Accepts -1, always returns -1. */
int edge_close(int fd);
EDGE_DEFINE_CLEANUP(int, edge_close)

#endif
