#include "hub/store/crc.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

enum { SLICES = 8 };
#define POLYNOMIAL 0x82F63B78U

/* tables[n][byte]: what a byte becomes when n more bytes have followed it. */
static uint32_t tables[SLICES][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;

        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
        tables[0][byte] = crc;
    }
    for (int n = 1; n < SLICES; n++) {
        for (size_t byte = 0; byte < 256; byte++)
            tables[n][byte] = tables[n - 1][byte] >> 8 ^ tables[0][tables[n - 1][byte] & 0xff];
    }
}

static uint32_t eight(uint32_t crc, const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    word = le64toh(word) ^ crc;
    return tables[7][word & 0xff] ^ tables[6][word >> 8 & 0xff] ^ tables[5][word >> 16 & 0xff] ^
           tables[4][word >> 24 & 0xff] ^ tables[3][word >> 32 & 0xff] ^
           tables[2][word >> 40 & 0xff] ^ tables[1][word >> 48 & 0xff] ^ tables[0][word >> 56];
}

uint32_t hub_crc32c_by_table(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *at = data;

    pthread_once(&once, fill);
    crc = ~crc;
    for (; len >= 8; len -= 8, at += 8)
        crc = eight(crc, at);
    for (; len > 0; len--, at++)
        crc = crc >> 8 ^ tables[0][(crc ^ *at) & 0xff];
    return ~crc;
}

#ifdef __x86_64__

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *at,
                                                                 size_t len)
{
    uint64_t sum = ~crc, word;

    for (; len >= 8; len -= 8, at += 8) {
        memcpy(&word, at, sizeof word);
        sum = __builtin_ia32_crc32di(sum, word);
    }
    for (; len > 0; len--, at++)
        sum = __builtin_ia32_crc32qi((uint32_t) sum, *at);
    return ~(uint32_t) sum;
}

uint32_t hub_crc32c(uint32_t crc, const void *data, size_t len)
{
    return __builtin_cpu_supports("sse4.2") ? by_instruction(crc, data, len)
                                            : hub_crc32c_by_table(crc, data, len);
}

#else

uint32_t hub_crc32c(uint32_t crc, const void *data, size_t len)
{
    return hub_crc32c_by_table(crc, data, len);
}

#endif
