/* agent/cli/table.h - text in aligned columns. */
#ifndef AGENT_CLI_TABLE_H
#define AGENT_CLI_TABLE_H

#include <stddef.h>

#include "common/base/bytes.h"

enum { CLI_COLUMNS = 4 };

struct cli_table {
    char **cells; /* row by row */
    size_t len;
};

/** Add a row; control characters, which could steer the terminal, are shown as "?". Without memory
 * the row is left out. */
void cli_table_add(struct cli_table *table, const char *const row[CLI_COLUMNS]);
/** Append all rows to @p out. Columns are as wide as their longest text, counted in characters. */
void cli_table_print(const struct cli_table *table, struct edge_buf *out);
void cli_table_fini(struct cli_table *table);

#endif
