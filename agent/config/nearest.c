#include <ctype.h>

#include "agent/config/schema.h"

enum { WORD = 32, NEAR = 2 };

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Edits (insert, delete, replace) between two words, case aside; WORD when one is too long. */
static size_t distance(const char *a, const char *b)
{
    size_t la = strlen(a);
    size_t lb = strlen(b);
    size_t row[WORD + 1];

    if (la > WORD || lb > WORD)
        return WORD;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t above = row[j];
            bool same = tolower((unsigned char) a[i - 1]) == tolower((unsigned char) b[j - 1]);

            row[j] = min3(above + 1, row[j - 1] + 1, corner + (same ? 0 : 1));
            corner = above;
        }
    }
    return row[lb];
}

const char *config_nearest(const char *word, const char *const *words, size_t nwords)
{
    const char *best = NULL;
    size_t least = NEAR + 1;

    for (size_t i = 0; i < nwords; i++) {
        size_t d = distance(word, words[i]);

        if (d < least && d < strlen(words[i])) {
            best = words[i];
            least = d;
        }
    }
    return best;
}
