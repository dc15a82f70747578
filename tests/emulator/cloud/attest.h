/* tests/emulator/cloud/attest.h - does a proof fit an enrollment? Inside this room. */
#ifndef TESTS_EMULATOR_CLOUD_ATTEST_H
#define TESTS_EMULATOR_CLOUD_ATTEST_H

#include <stdbool.h>

#include "common/iothub/sas.h"
#include "common/json/json.h"
#include "common/tls/tls.h"

/** Is the token signed with one of the enrollment's keys, or, of a group, with the key derived from
 * one of them for @p registration? */
bool cloud_attest_token(const struct edge_json *attestation, bool group, const char *registration,
                        const struct edge_sas *sas);
/** Is it one of the enrollment's certificates, or, of a group, signed by one of them? */
bool cloud_attest_certificate(const struct edge_json *attestation, bool group,
                              const struct edge_tls_peer *peer, int64_t now_s);
/** The base64 keys of the device: the enrollment's, or derived. Each for free(). */
EDGE_MUST_CHECK int cloud_attest_keys(const struct edge_json *attestation, bool group,
                                      const char *registration, char *ret[2]);

#endif
