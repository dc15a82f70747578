/* hub/store/crc.h - CRC-32C (Castagnoli), which finds every flip of up to three bits in a message.
 * Pure; any thread. Source: RFC 3720 B.4, RFC 9260 appendix A. */
#ifndef HUB_STORE_CRC_H
#define HUB_STORE_CRC_H

#include <stddef.h>
#include <stdint.h>

/** Of @p data after what @p crc is the sum of; 0 at the beginning. */
uint32_t hub_crc32c(uint32_t crc, const void *data, size_t len);
/** The same, for processors without an instruction for it. */
uint32_t hub_crc32c_by_table(uint32_t crc, const void *data, size_t len);

#endif
