#include "agent/cli/table.h"

#include <stdbool.h>
#include <stdlib.h>

/* Characters of UTF-8: all bytes but the second and later ones of each. */
static size_t width(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char) *text & 0xc0) != 0x80;
    return count;
}

static char *clean(const char *text)
{
    char *copy = edge_strdup(text ? text : "");

    for (char *c = copy; c && *c; c++) {
        if ((unsigned char) *c < 0x20 || *c == 0x7f)
            *c = '?';
    }
    return copy;
}

void cli_table_add(struct cli_table *table, const char *const row[CLI_COLUMNS])
{
    size_t len = table->len + CLI_COLUMNS;
    char **cells = realloc(table->cells, len * sizeof *cells);

    if (!cells)
        return;
    table->cells = cells;
    for (size_t i = 0; i < CLI_COLUMNS; i++)
        cells[table->len + i] = clean(row[i]);
    table->len = len;
}

void cli_table_print(const struct cli_table *table, struct edge_buf *out)
{
    size_t widths[CLI_COLUMNS] = {0};

    for (size_t i = 0; i < table->len; i++) {
        size_t w = table->cells[i] ? width(table->cells[i]) : 0;

        if (w > widths[i % CLI_COLUMNS])
            widths[i % CLI_COLUMNS] = w;
    }
    for (size_t i = 0; i < table->len; i++) {
        const char *cell = table->cells[i] ? table->cells[i] : "";
        bool last = i % CLI_COLUMNS == CLI_COLUMNS - 1;

        edge_buf_puts(out, cell);
        if (last)
            edge_buf_puts(out, "\n");
        else
            edge_buf_printf(out, "%*s", (int) (widths[i % CLI_COLUMNS] - width(cell) + 2), "");
    }
}

void cli_table_fini(struct cli_table *table)
{
    for (size_t i = 0; i < table->len; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (struct cli_table){0};
}
