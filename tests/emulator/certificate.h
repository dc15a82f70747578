/* tests/emulator/certificate.h - the emulator's server certificate: given, or made by a CA of its
 * own that is kept beside the state file (STATE.ca.pem, STATE.ca.key.pem). */
#ifndef TESTS_EMULATOR_CERTIFICATE_H
#define TESTS_EMULATOR_CERTIFICATE_H

#include "common/base/attr.h"
#include "common/base/err.h"

struct certificate {
    char *chain_pem;
    char *key_pem; /* wiped by certificate_fini */
};
void certificate_fini(struct certificate *certificate);

/** Read both files. */
EDGE_MUST_CHECK int certificate_read(const char *cert, const char *key, struct certificate *ret,
                                     struct edge_err *err);
/** Issue one for these names (NULL at the end; the first is the subject), making the CA when there
 * is none. */
EDGE_MUST_CHECK int certificate_make(const char *state, const char *const *names,
                                     struct certificate *ret, struct edge_err *err);

#endif
