/* Any text: times and spans are refused or lie within their range, and a time that was read prints
 * and reads back as itself. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/fuzz/fuzz.h"

static void check_time(int64_t at)
{
    char text[EDGE_TIME_TEXT];
    int64_t again;

    edge_time_format(at, text);
    if (edge_time_parse(text, &again) < 0)
        abort();
    if (at != EDGE_TIME_NEVER && (again > at || at - again >= 100))
        abort(); /* printed to 100 ns */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    int64_t value;

    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (edge_time_parse(text, &value) == 0)
        check_time(value);
    if (edge_span_parse(text, &value) == 0 && value < 0)
        abort();
    if (edge_time_parse_since(text, INT64_C(1700000000000000000), &value) == 0)
        check_time(value);
    free(text);
    return 0;
}
