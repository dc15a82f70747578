/* Any bytes as a line of a log file: refused, or read within bounds. Any bytes as a module's
 * output: written as an object that reads back to the same text, but for invalid UTF-8. */
#include <stdlib.h>
#include <string.h>

#include "agent/logs/line.h"
#include "common/json/utf8.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(6 * size + 1); /* an invalid byte is read back as three */
    char *json = malloc(log_line_room(size));
    struct log_line line;
    size_t len;

    if (!text || !json)
        abort();
    if (log_line_read((const char *) data, size, text, &line) == 0 && line.len > size)
        abort();
    len = log_line_write(json, (const char *) data, size, true, 1);
    if (len > log_line_room(size) || json[len - 1] != '\n')
        abort();
    if (memchr(json, '\n', len - 1) || !edge_utf8_valid(json, len))
        abort();
    if (log_line_read(json, len - 1, text, &line) < 0 || !line.from_stderr || line.at_ns != 1)
        abort();
    if (edge_utf8_valid((const char *) data, size) &&
        (line.len != size || memcmp(text, data, size) != 0))
        abort();
    free(text);
    free(json);
    return 0;
}
