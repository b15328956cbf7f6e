#include <sqlite3.h>

// Variadic, which Swift cannot call. Tables that SQLite keeps for itself and its schema cannot be written as data then, and no
// statement can hand over an address.
static inline int shipyard_sqlite_defend(sqlite3 *database) {
    sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0, (int *)0);
    return sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
}
