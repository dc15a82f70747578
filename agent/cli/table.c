#include "agent/cli/table.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 8, GAP = 3 };

/* Columns a terminal needs for UTF-8 text, near enough: one a character. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += ((unsigned char) *text & 0xc0) != 0x80;
    return width;
}

static char *cell(const struct edge_json *row, const char *member)
{
    char *text = NULL;

    if (edge_json_loose_str(edge_json_get(row, member), &text) < 0)
        text = strdup("");
    for (char *c = text; c && *c; c++) {
        if ((unsigned char) *c < 0x20 || *c == 0x7f)
            *c = ' ';
    }
    return text;
}

static void measure(const struct cli_column *columns, size_t ncolumns, const struct edge_json *rows,
                    size_t widths[COLUMNS_MAX])
{
    for (size_t c = 0; c < ncolumns; c++) {
        widths[c] = width_of(columns[c].title);
        for (size_t r = 0; r < edge_json_len(rows); r++) {
            EDGE_CLEANUP(edge_free) char *text = cell(edge_json_at(rows, r), columns[c].member);
            size_t width = text ? width_of(text) : 0;

            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
}

static void put(FILE *to, const char *text, size_t width, bool last)
{
    fputs(text, to);
    if (last)
        fputc('\n', to);
    else
        fprintf(to, "%*s", (int) (width - width_of(text) + GAP), "");
}

void cli_table(FILE *to, const struct cli_column *columns, size_t ncolumns,
               const struct edge_json *rows)
{
    size_t widths[COLUMNS_MAX];

    measure(columns, ncolumns, rows, widths);
    for (size_t c = 0; c < ncolumns; c++)
        put(to, columns[c].title, widths[c], c + 1 == ncolumns);
    for (size_t r = 0; r < edge_json_len(rows); r++) {
        for (size_t c = 0; c < ncolumns; c++) {
            EDGE_CLEANUP(edge_free) char *text = cell(edge_json_at(rows, r), columns[c].member);

            put(to, text ? text : "", widths[c], c + 1 == ncolumns);
        }
    }
}
