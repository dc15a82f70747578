/* What can be read of a broken file, row by row, into a new one.
 *
 *   rows . . . . . X X X X . . . . .      X: pages that cannot be read
 *   up   --------->   jump -> --------->
 *   down              <----                once rows are found again, back to where it broke
 */
#include <errno.h>

#include "hub/store/files.h"
#include "hub/store/sqlite.h"

enum { ROWS_A_COMMIT = 1000, TRIES = 3 };

struct table {
    const char *up, *down; /* rows above ?1, and of those below ?2 from above; id first */
    const char *put;
    int columns;
};

struct salvage {
    struct hub_db *to;
    sqlite3 *from;
    sqlite3_stmt *put;
    const struct table *table;
    unsigned rows; /* in this transaction */
    int failed;    /* of writing, or for want of memory; reading may fail */
};

/* Rows of a table, and what was found of them. */
struct span {
    int64_t above, below; /* they close in on what was not seen yet */
    int64_t first, last;
    bool down, found;
};

#define ROWS(columns, table)                                                                       \
    "SELECT " columns " FROM " table " WHERE id>?1 ORDER BY id",                                   \
        "SELECT " columns " FROM " table " WHERE id>?1 AND id<?2 ORDER BY id DESC"

static const struct table documents = {
    ROWS("*", "document") /* of a time without sums: four columns */,
    "INSERT OR IGNORE INTO document SELECT ?1,?2,?3,?4,?5 WHERE ?2 IS NOT NULL AND ?3 IS NOT NULL "
    "AND ?4 IS NOT NULL",
    5,
};

static int begin(struct salvage *s)
{
    s->rows = 0;
    return hub_db_exec(s->to, "BEGIN IMMEDIATE");
}

static int end(struct salvage *s)
{
    uint64_t left;
    int code = hub_db_exec(s->to, "COMMIT");

    edge_ignore(hub_db_checkpoint(s->to, false, &left)); /* the log stays short */
    return code;
}

static int copy(struct salvage *s, sqlite3_stmt *row)
{
    int columns = sqlite3_column_count(row);
    struct hub_row document;
    int code = SQLITE_OK;

    if (columns == s->table->columns)
        code = hub_db_row(row, 1, &document);
    if (code == SQLITE_CORRUPT)
        return SQLITE_OK; /* not what was written */
    sqlite3_clear_bindings(s->put);
    for (int i = 0; code == SQLITE_OK && i < columns && i < s->table->columns; i++)
        code = sqlite3_bind_value(s->put, i + 1, sqlite3_column_value(row, i));
    if (code == SQLITE_OK)
        code = hub_db_step(s->to, s->put);
    if ((code & 0xff) == SQLITE_CONSTRAINT)
        return SQLITE_OK; /* a row that is none */
    if (code == SQLITE_OK && ++s->rows == ROWS_A_COMMIT) {
        code = end(s);
        if (code == SQLITE_OK)
            code = begin(s);
    }
    return code;
}

/* @return how reading ended: SQLITE_DONE, or what broke it */
static int walk_once(struct salvage *s, struct span *span)
{
    const char *sql = span->down ? s->table->down : s->table->up;
    sqlite3_stmt *row = NULL;
    int code = sqlite3_prepare_v2(s->from, sql, -1, &row, NULL);

    if (code == SQLITE_OK) {
        sqlite3_bind_int64(row, 1, span->above);
        if (span->down)
            sqlite3_bind_int64(row, 2, span->below);
        while (s->failed == 0 && (code = sqlite3_step(row)) == SQLITE_ROW) {
            span->last = sqlite3_column_int64(row, 0);
            if (!span->found)
                span->first = span->last;
            span->found = true;
            if (span->down)
                span->below = span->last;
            else
                span->above = span->last;
            s->failed = copy(s, row);
        }
    }
    sqlite3_finalize(row);
    return code;
}

/* What the disk does not give at once is not lost yet; and no row is for want of memory or files.
 */
static int walk(struct salvage *s, struct span *span)
{
    unsigned tries = 0;
    int code;

    do {
        code = walk_once(s, span);
    } while ((code & 0xff) == SQLITE_IOERR && tries < TRIES && hub_files_again(&tries));
    switch (code & 0xff) {
    case SQLITE_NOMEM:
    case SQLITE_CANTOPEN:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        s->failed = code;
        break;
    default:
        break;
    }
    return code;
}

static void copy_table(struct salvage *s)
{
    int64_t reached = -1; /* all up to here was tried */
    int64_t step = 0;     /* jumped over from there */

    while (s->failed == 0 && step < INT64_MAX / 4 && reached < INT64_MAX / 4) {
        struct span up = {.above = reached + step};
        int code = walk(s, &up);

        if (up.found && step > 0) {
            struct span down = {.above = reached, .below = up.first, .down = true};

            (void) walk(s, &down);
        }
        if (code == SQLITE_DONE)
            return;
        if (up.found)
            reached = up.last;
        step = up.found || step == 0 ? 1 : step * 2;
    }
}

static int copy_all(struct salvage *s)
{
    int code = begin(s);

    s->table = &documents;
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(s->to->db, s->table->put, -1, &s->put, NULL);
    if (code == SQLITE_OK)
        copy_table(s);
    sqlite3_finalize(s->put);
    if (code == SQLITE_OK)
        code = s->failed;
    return code == SQLITE_OK ? end(s) : code;
}

static uint64_t ask(struct hub_db *db, const char *sql)
{
    sqlite3_stmt *row = NULL;
    uint64_t value = 0;

    if (sqlite3_prepare_v2(db->db, sql, -1, &row, NULL) == SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW)
        value = (uint64_t) sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return value;
}

int hub_db_salvage(struct hub_db *db, const char *from, const char *vfs, uint64_t *ret_kept,
                   struct edge_err *err)
{
    struct salvage s = {.to = db};
    int code = sqlite3_open_v2(from, &s.from, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs);
    int rc;

    if (code == SQLITE_OK)
        code = copy_all(&s);
    sqlite3_close(s.from);
    rc = hub_db_rc(db, code, "carry over into", err);
    if (rc != 0) {
        edge_ignore(hub_db_exec(db, "ROLLBACK"));
        return rc < 0 && rc != -EBUSY ? rc : EDGE_ESTORE;
    }
    *ret_kept = ask(db, "SELECT count(*) FROM document");
    return 0;
}
