#include "agent/image/platform.h"

#include <pthread.h>
#include <string.h>
#include <sys/utsname.h>

enum { WORST_RANK = 8 };

struct agent_platform agent_platform_of(const char *machine, int pointer_bits)
{
    static const struct {
        const char *machine;
        int bits;
        struct agent_platform is;
    } table[] = {
        {"x86_64", 64, {"linux", "amd64", ""}},    {"x86_64", 32, {"linux", "386", ""}},
        {"i386", 32, {"linux", "386", ""}},        {"i486", 32, {"linux", "386", ""}},
        {"i586", 32, {"linux", "386", ""}},        {"i686", 32, {"linux", "386", ""}},
        {"aarch64", 64, {"linux", "arm64", "v8"}}, {"aarch64", 32, {"linux", "arm", "v8"}},
        {"armv8l", 32, {"linux", "arm", "v8"}},    {"armv7l", 32, {"linux", "arm", "v7"}},
        {"armv6l", 32, {"linux", "arm", "v6"}},    {"armv5tel", 32, {"linux", "arm", "v5"}},
        {"armv5tejl", 32, {"linux", "arm", "v5"}}, {"ppc64le", 64, {"linux", "ppc64le", ""}},
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(table); i++) {
        if (strcmp(table[i].machine, machine) == 0 && table[i].bits == pointer_bits)
            return table[i].is;
    }
    return (struct agent_platform){"linux", machine, ""}; /* riscv64, s390x, … are named alike */
}

static struct utsname kernel;

static void ask_kernel(void)
{
    uname(&kernel);
}

struct agent_platform agent_platform_here(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, ask_kernel);
    return agent_platform_of(kernel.machine, (int) sizeof(void *) * 8);
}

static int arm_version(const char *variant)
{
    if (variant[0] == '\0')
        return 7; /* what "arm" alone means */
    return variant[0] == 'v' && variant[1] >= '5' && variant[1] <= '8' && variant[2] == '\0'
               ? variant[1] - '0'
               : 99;
}

/* An ARM runs what its own or an older version was built for. */
static int rank_arm(int host, const char *variant)
{
    int image = arm_version(variant);

    return image <= host ? host - image : -1;
}

static int rank_same(const struct agent_platform *host, const char *variant)
{
    if (strcmp(host->architecture, "arm") == 0)
        return rank_arm(arm_version(host->variant), variant);
    if (variant[0] == '\0')
        return 0;
    if (strcmp(host->architecture, "amd64") == 0)
        return strcmp(variant, "v1") == 0 ? 0 : -1; /* v2 and up use instructions it may not have */
    return strcmp(host->variant, variant) == 0 ? 0 : -1;
}

int agent_platform_rank(const struct agent_platform *host, const struct agent_platform *image)
{
    int rank;

    if (image->os[0] != '\0' && strcmp(image->os, host->os) != 0)
        return -1;
    if (strcmp(host->architecture, image->architecture) == 0)
        return rank_same(host, image->variant);
    if (strcmp(host->architecture, "amd64") == 0 && strcmp(image->architecture, "386") == 0)
        return WORST_RANK;
    if (strcmp(host->architecture, "arm64") == 0 && strcmp(image->architecture, "arm") == 0) {
        rank = rank_arm(8, image->variant);
        return rank < 0 ? -1 : rank + WORST_RANK;
    }
    return -1;
}
