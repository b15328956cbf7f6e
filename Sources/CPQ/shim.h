// libpq, loaded at its first use instead of linked: see docs/adr/0002-load-c-libraries-late.md.
#ifndef SHIPYARD_CPQ_SHIM_H
#define SHIPYARD_CPQ_SHIM_H

#include <dlfcn.h>
#include <postgresql/libpq-fe.h>
#include <stddef.h>

static inline void *shipyard_pq_library(void) {
    static void *library;
    void *known = __atomic_load_n(&library, __ATOMIC_ACQUIRE);
    if (known == NULL) {
        known = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
        __atomic_store_n(&library, known, __ATOMIC_RELEASE);
    }
    return known;
}

// NULL, or why the library could not be loaded; then nothing else here may be called.
static inline const char *shipyard_pq_load_error(void) {
    return shipyard_pq_library() == NULL ? dlerror() : NULL;
}

// Some are called for each cell of a result, so each is looked up once.
#define SHIPYARD_PQ(function)                                         \
    ({                                                                \
        static void *found;                                           \
        void *known = __atomic_load_n(&found, __ATOMIC_RELAXED);      \
        if (known == NULL) {                                          \
            known = dlsym(shipyard_pq_library(), #function);          \
            __atomic_store_n(&found, known, __ATOMIC_RELAXED);        \
        }                                                             \
        (__typeof__(&function))known;                                 \
    })

// What servers tell besides answers would go to standard error.
static inline void shipyard_pq_ignore(void *context, const PGresult *notice) {
    (void)context;
    (void)notice;
}

// Never NULL but for want of memory. What `url` says wins over what is set here: a server that hangs or is gone must be noticed.
static inline PGconn *shipyard_pq_connect(const char *url) {
    const char *const names[] = {
        "connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
        "fallback_application_name", "dbname", "client_encoding", NULL};
    const char *const values[] = {"10", "30", "10", "3", "60000", "shipyard-swift", url, "UTF8", NULL};
    PGconn *connection = SHIPYARD_PQ(PQconnectdbParams)(names, values, 1);
    if (connection != NULL) SHIPYARD_PQ(PQsetNoticeReceiver)(connection, shipyard_pq_ignore, NULL);
    return connection;
}
static inline void shipyard_pq_finish(PGconn *connection) { SHIPYARD_PQ(PQfinish)(connection); }
static inline int shipyard_pq_is_connected(const PGconn *connection) {
    return SHIPYARD_PQ(PQstatus)(connection) == CONNECTION_OK;
}
static inline const char *shipyard_pq_reason(const PGconn *connection) {
    return SHIPYARD_PQ(PQerrorMessage)(connection);
}
static inline int shipyard_pq_wants_password(const PGconn *connection) {
    return SHIPYARD_PQ(PQconnectionNeedsPassword)(connection);
}
static inline int shipyard_pq_used_password(const PGconn *connection) {
    return SHIPYARD_PQ(PQconnectionUsedPassword)(connection);
}

// One statement, its values as text; NULL is SQL's.
static inline PGresult *shipyard_pq_execute(
    PGconn *connection, const char *sql, int count, const char *const *values) {
    return SHIPYARD_PQ(PQexecParams)(connection, sql, count, NULL, values, NULL, NULL, 0);
}
// The statement without a name, as the server understands it; it is not run.
static inline PGresult *shipyard_pq_prepare(PGconn *connection, const char *sql) {
    return SHIPYARD_PQ(PQprepare)(connection, "", sql, 0, NULL);
}
static inline int shipyard_pq_send(PGconn *connection, const char *sql, int count, const char *const *values) {
    return SHIPYARD_PQ(PQsendQueryParams)(connection, sql, count, NULL, values, NULL, NULL, 0)
        && SHIPYARD_PQ(PQsetSingleRowMode)(connection);
}
static inline PGresult *shipyard_pq_next_result(PGconn *connection) { return SHIPYARD_PQ(PQgetResult)(connection); }
static inline void shipyard_pq_clear(PGresult *result) { SHIPYARD_PQ(PQclear)(result); }

enum shipyard_pq_kind {
    SHIPYARD_PQ_FAILED,
    SHIPYARD_PQ_DONE,
    SHIPYARD_PQ_ROWS,
    SHIPYARD_PQ_ROW,
    SHIPYARD_PQ_COPY_IN,
    // A statement that is not served here, such as COPY … TO STDOUT.
    SHIPYARD_PQ_OTHER
};
static inline int shipyard_pq_kind(const PGresult *result) {
    switch (SHIPYARD_PQ(PQresultStatus)(result)) {
        case PGRES_COMMAND_OK:
        case PGRES_EMPTY_QUERY: return SHIPYARD_PQ_DONE;
        case PGRES_TUPLES_OK: return SHIPYARD_PQ_ROWS;
        case PGRES_SINGLE_TUPLE: return SHIPYARD_PQ_ROW;
        case PGRES_COPY_IN: return SHIPYARD_PQ_COPY_IN;
        case PGRES_COPY_OUT:
        case PGRES_COPY_BOTH: return SHIPYARD_PQ_OTHER;
        default: return SHIPYARD_PQ_FAILED;
    }
}
static inline const char *shipyard_pq_state(const PGresult *result) {
    return SHIPYARD_PQ(PQresultErrorField)(result, PG_DIAG_SQLSTATE);
}
static inline const char *shipyard_pq_message(const PGresult *result) {
    return SHIPYARD_PQ(PQresultErrorField)(result, PG_DIAG_MESSAGE_PRIMARY);
}
static inline const char *shipyard_pq_detail(const PGresult *result) {
    return SHIPYARD_PQ(PQresultErrorField)(result, PG_DIAG_MESSAGE_DETAIL);
}
static inline const char *shipyard_pq_context(const PGresult *result) {
    return SHIPYARD_PQ(PQresultErrorField)(result, PG_DIAG_CONTEXT);
}
static inline const char *shipyard_pq_error_column(const PGresult *result) {
    return SHIPYARD_PQ(PQresultErrorField)(result, PG_DIAG_COLUMN_NAME);
}

static inline int shipyard_pq_rows(const PGresult *result) { return SHIPYARD_PQ(PQntuples)(result); }
static inline int shipyard_pq_columns(const PGresult *result) { return SHIPYARD_PQ(PQnfields)(result); }
static inline const char *shipyard_pq_name(const PGresult *result, int column) {
    return SHIPYARD_PQ(PQfname)(result, column);
}
static inline unsigned int shipyard_pq_type(const PGresult *result, int column) {
    return SHIPYARD_PQ(PQftype)(result, column);
}
static inline int shipyard_pq_is_null(const PGresult *result, int row, int column) {
    return SHIPYARD_PQ(PQgetisnull)(result, row, column);
}
static inline const char *shipyard_pq_value(const PGresult *result, int row, int column) {
    return SHIPYARD_PQ(PQgetvalue)(result, row, column);
}
static inline int shipyard_pq_length(const PGresult *result, int row, int column) {
    return SHIPYARD_PQ(PQgetlength)(result, row, column);
}

// 1 is success for both.
static inline int shipyard_pq_put(PGconn *connection, const void *bytes, int count) {
    return SHIPYARD_PQ(PQputCopyData)(connection, (const char *)bytes, count);
}
// `reason` makes the copy fail; NULL ends it.
static inline int shipyard_pq_end(PGconn *connection, const char *reason) {
    return SHIPYARD_PQ(PQputCopyEnd)(connection, reason);
}

#endif
