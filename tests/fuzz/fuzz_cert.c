/* Any text as certificates and keys: what is accepted has its thumbprints, and is not trusted by
 * accident. */
#include <stdlib.h>
#include <string.h>

#include "common/tls/cert.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct edge_cert_info info;
    struct edge_key *key = NULL;

    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    if (edge_cert_read(text, &info, NULL) == 0) {
        if (strlen(info.sha1) != 40 || strlen(info.sha256) != 64 || info.count == 0 ||
            strlen(info.cn) > 64)
            abort();
        if (edge_cert_verify(text, text, EDGE_CERT_SERVER, 4102444800, NULL) == 0 && info.is_ca)
            abort();
    }
    if (strncmp(text, "pkcs11:", 7) != 0 && edge_key_load(text, &key, NULL) == 0) {
        edge_key_pem_free(edge_key_pem(key));
        (void) edge_cert_fits(text, key);
    }
    edge_key_free(key);
    free(text);
    return 0;
}
