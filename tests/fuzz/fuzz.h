/* tests/fuzz/fuzz.h - what every fuzzer defines: libFuzzer's entry point; and how it says that
 * something is wrong, also where assert is compiled out. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define fuzz_holds(truth) ((truth) ? (void) 0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
