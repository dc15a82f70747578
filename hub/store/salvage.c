/* What can be read of a broken file, row by row, into a new one.
 *
 *   rows . . . . . X X X X . . . . .      X: pages that cannot be read
 *   up   --------->   jump -> --------->
 *   down              <----                once rows are found again, back to where it broke
 */
#include <errno.h>

#include "hub/store/sqlite.h"

enum { ROWS_A_COMMIT = 1000 };

struct table {
    const char *up, *down; /* rows above ?1, and of those below ?2 from above; id first */
    const char *put;
    int columns;
    bool (*whole)(sqlite3_stmt *row); /* or NULL */
};

struct salvage {
    struct hub_db *to;
    sqlite3 *from;
    sqlite3_stmt *put;
    const struct table *table;
    unsigned rows; /* in this transaction */
    int failed;    /* of writing; reading may fail */
};

/* Rows of a table, and what was found of them. */
struct span {
    int64_t above, below;
    int64_t first, last;
    bool found;
};

static bool message_is_whole(sqlite3_stmt *row)
{
    struct edge_bytes data = {sqlite3_column_blob(row, 3), (size_t) sqlite3_column_bytes(row, 3)};
    struct hub_body *body;
    bool whole;

    if (data.len > HUB_STORE_BODY_MAX || (data.len > 0 && !data.data))
        return false;
    body = hub_body_create((uint64_t) sqlite3_column_int64(row, 0), data);
    if (!body)
        return false;
    body->enqueued_ns = sqlite3_column_int64(row, 1);
    whole = hub_body_sum(body) == (uint32_t) sqlite3_column_int64(row, 2);
    hub_body_unref(body);
    return whole;
}

static bool entry_is_whole(sqlite3_stmt *row)
{
    struct hub_entry entry = {
        .id = (uint64_t) sqlite3_column_int64(row, 0),
        .route = sqlite3_column_int(row, 2),
        .size = (uint32_t) sqlite3_column_int(row, 4),
    };

    return hub_db_believable(&entry) && entry.route < HUB_ROUTES_MAX;
}

static bool name_is_whole(sqlite3_stmt *row)
{
    return sqlite3_column_type(row, 1) == SQLITE_TEXT &&
           sqlite3_column_bytes(row, 1) <= HUB_STORE_NAME_MAX &&
           sqlite3_column_int64(row, 0) >= 0 && sqlite3_column_int64(row, 0) < 2 * HUB_QUEUES_MAX;
}

#define ROWS(columns, table)                                                                       \
    "SELECT " columns " FROM " table " WHERE id>?1 ORDER BY id",                                   \
        "SELECT " columns " FROM " table " WHERE id>?1 AND id<?2 ORDER BY id DESC"

/* In this order: an entry wants its message and its queue. One whose route is lost gets a route
 * without a name. */
static const struct table tables[] = {
    {ROWS("id,name,came,delivered,expired,d0,d1,d2,d3,d4", "route"),
     "INSERT OR IGNORE INTO route VALUES(?1,?2,max(0,?3),max(0,?4),max(0,?5),max(0,?6),max(0,?7),"
     "max(0,?8),max(0,?9),max(0,?10))",
     10, name_is_whole},
    {ROWS("id,name", "queue"),
     "INSERT OR IGNORE INTO queue SELECT ?1,?2 WHERE NOT EXISTS(SELECT 1 FROM queue WHERE name=?2)",
     2, name_is_whole},
    {ROWS("id,kind,name,data", "document"),
     "INSERT OR IGNORE INTO document SELECT ?1,?2,?3,?4 WHERE ?2 IS NOT NULL AND ?3 IS NOT NULL "
     "AND ?4 IS NOT NULL",
     4, NULL},
    {ROWS("id,enqueued,sum,data", "message"), "INSERT OR IGNORE INTO message VALUES(?1,?2,?3,?4)",
     4, message_is_whole},
    {ROWS("id,queue,route,expires,size", "entry"),
     "INSERT OR IGNORE INTO entry SELECT ?1,?2,?3,?4,?5 "
     "WHERE EXISTS(SELECT 1 FROM queue WHERE id=?2) "
     "AND ?5=(SELECT length(data) FROM message WHERE id=?1>>9)",
     5, entry_is_whole},
};

static const char mend[] =
    "DELETE FROM message WHERE NOT EXISTS"
    "(SELECT 1 FROM entry WHERE entry.id BETWEEN message.id<<9 AND (message.id<<9)+511);"
    "INSERT INTO route SELECT DISTINCT route,'(lost name '||route||')',0,0,0,0,0,0,0,0 FROM entry "
    "WHERE route NOT IN (SELECT id FROM route);"
    "CREATE TEMP TABLE n AS SELECT r.id AS id,ifnull(c,0) AS waits,"
    "delivered+expired+d0+d1+d2+d3+d4 AS went FROM route r LEFT JOIN "
    "(SELECT route,count(*) AS c FROM entry GROUP BY route) ON route=r.id;"
    "CREATE TEMP TABLE lost AS SELECT ifnull(sum(max(0,came-went-waits)),0) AS count "
    "FROM route JOIN n ON n.id=route.id;"
    "UPDATE route SET d3=d3+max(0,came-n.went-n.waits),came=max(came,n.went+n.waits) FROM n "
    "WHERE n.id=route.id;";

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
    int code = SQLITE_OK;

    if (s->table->whole && !s->table->whole(row))
        return SQLITE_OK;
    for (int i = 0; code == SQLITE_OK && i < s->table->columns; i++)
        code = sqlite3_bind_value(s->put, i + 1, sqlite3_column_value(row, i));
    if (code == SQLITE_OK)
        code = hub_db_step(s->put);
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
static int walk(struct salvage *s, const char *sql, struct span *span)
{
    sqlite3_stmt *row = NULL;
    int code = sqlite3_prepare_v2(s->from, sql, -1, &row, NULL);

    if (code == SQLITE_OK) {
        sqlite3_bind_int64(row, 1, span->above);
        if (sqlite3_bind_parameter_count(row) > 1)
            sqlite3_bind_int64(row, 2, span->below);
        while (s->failed == 0 && (code = sqlite3_step(row)) == SQLITE_ROW) {
            span->last = sqlite3_column_int64(row, 0);
            if (!span->found)
                span->first = span->last;
            span->found = true;
            s->failed = copy(s, row);
        }
    }
    sqlite3_finalize(row);
    return code;
}

static void copy_table(struct salvage *s)
{
    int64_t reached = -1; /* all up to here was tried */
    int64_t step = 0;     /* jumped over from there */

    while (s->failed == 0 && step < INT64_MAX / 4 && reached < INT64_MAX / 4) {
        struct span up = {.above = reached + step};
        int code = walk(s, s->table->up, &up);

        if (up.found && step > 0) {
            struct span down = {.above = reached, .below = up.first};

            (void) walk(s, s->table->down, &down);
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

    for (size_t i = 0; code == SQLITE_OK && i < EDGE_ARRAY_LEN(tables); i++) {
        s->table = &tables[i];
        code = sqlite3_prepare_v2(s->to->db, s->table->put, -1, &s->put, NULL);
        if (code == SQLITE_OK)
            copy_table(s);
        sqlite3_finalize(s->put);
        s->put = NULL;
        if (code == SQLITE_OK)
            code = s->failed;
    }
    if (code == SQLITE_OK)
        code = hub_db_exec(s->to, mend);
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
                   uint64_t *ret_lost, struct edge_err *err)
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
        return rc == -ENOMEM ? rc : EDGE_ESTORE;
    }
    *ret_kept = ask(db, "SELECT count(*) FROM entry");
    *ret_lost = ask(db, "SELECT count FROM lost");
    return 0;
}
