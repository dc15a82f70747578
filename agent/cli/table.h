/* agent/cli/table.h - left-aligned columns for a terminal. Pure but for printing. */
#ifndef AGENT_CLI_TABLE_H
#define AGENT_CLI_TABLE_H

#include <stdio.h>

#include "common/json/json.h"

struct cli_column {
    const char *title;
    const char *member; /* of each row object; a text or a number */
};

/** Print a header line and a line for each object of @p rows. Control characters in values become
 * blanks: what a module says must not drive the terminal. */
void cli_table(FILE *to, const struct cli_column *columns, size_t ncolumns,
               const struct edge_json *rows);

#endif
