/* agent/network/nft.h - the one nftables table of a network: published ports, masquerade,
 * isolation. agent_nft_text is pure; agent_nft_is_missing asks the kernel itself, by netlink; the
 * others run nft(8) and block.
 *
 * The table is always replaced whole, in one kernel transaction, from the set of endpoints:
 * applying it again changes nothing, and whatever happened before does not matter. It touches no
 * other table.
 */
#ifndef AGENT_NETWORK_NFT_H
#define AGENT_NETWORK_NFT_H

#include "agent/network/record.h"
#include "agent/network/subnet.h"

struct agent_nft {
    const char *network; /* checked name; the table is "edge-<network>" of family ip */
    const char *bridge;
    const struct agent_subnet *subnet;
    int lock; /* what nft has open while it runs; 0: nothing */
};

/** Append the whole program for `nft -f -`. @return 0, EDGE_ELIMIT or -ENOMEM */
EDGE_MUST_CHECK int agent_nft_text(const struct agent_nft *nft, const struct agent_record_set *set,
                                   struct edge_buf *text);
/** @return 0 or EDGE_ECHILD with nft's words */
EDGE_MUST_CHECK int agent_nft_apply(const struct agent_nft *nft, const struct agent_record_set *set,
                                    struct edge_err *err);
/** Does the kernel say that there is no such table? Any other answer, and none, is a no. Source:
 * nf_tables(netlink), NFT_MSG_GETTABLE. */
bool agent_nft_is_missing(const struct agent_nft *nft);
/** Remove the table; success when there is none. */
EDGE_MUST_CHECK int agent_nft_remove(const struct agent_nft *nft, struct edge_err *err);

#endif
