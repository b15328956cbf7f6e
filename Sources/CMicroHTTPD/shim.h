// libmicrohttpd, loaded at its first use instead of linked: see docs/adr/0002-load-c-libraries-late.md.
#ifndef SHIPYARD_CMICROHTTPD_SHIM_H
#define SHIPYARD_CMICROHTTPD_SHIM_H

#include <dlfcn.h>
#include <microhttpd.h>
#include <stddef.h>

static inline void *shipyard_mhd_library(void) {
    static void *library;
    void *known = __atomic_load_n(&library, __ATOMIC_ACQUIRE);
    if (known == NULL) {
        known = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);
        __atomic_store_n(&library, known, __ATOMIC_RELEASE);
    }
    return known;
}

// NULL, or why the library could not be loaded; then nothing else here may be called.
static inline const char *shipyard_mhd_load_error(void) {
    return shipyard_mhd_library() == NULL ? dlerror() : NULL;
}

#define SHIPYARD_MHD(function) ((__typeof__(&function))dlsym(shipyard_mhd_library(), #function))

typedef struct {
    int listening_socket;
    unsigned int connection_limit;
    unsigned int idle_seconds;
    void *context;
    // Called with the target as sent, before the rest of the request; answers the request's own context.
    void *(*begin)(void *context, const char *target, struct MHD_Connection *connection);
    MHD_AccessHandlerCallback handle;
    MHD_RequestCompletedCallback end;
    // Called when a connection begins and when it ends, before its descriptor is closed.
    MHD_NotifyConnectionCallback connection;
} shipyard_mhd_settings;

// A thread for each connection, so that a handler that waits holds up nobody else.
static inline struct MHD_Daemon *shipyard_mhd_start(const shipyard_mhd_settings *settings) {
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, settings->listening_socket, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)settings->connection_limit, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)settings->idle_seconds, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)settings->begin, settings->context},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)settings->end, settings->context},
        // Versions after 0.9.75 refuse more by it; what this one lets pass is refused in `HeaderCheck`.
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)settings->connection, settings->context},
        {MHD_OPTION_END, 0, NULL},
    };
    return SHIPYARD_MHD(MHD_start_daemon)(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC, 0, NULL,
        NULL, settings->handle, settings->context, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}
// Accepts no more; the listening socket is the caller's again.
static inline int shipyard_mhd_quiesce(struct MHD_Daemon *daemon) { return SHIPYARD_MHD(MHD_quiesce_daemon)(daemon); }
static inline void shipyard_mhd_stop(struct MHD_Daemon *daemon) { SHIPYARD_MHD(MHD_stop_daemon)(daemon); }

static inline void shipyard_mhd_each_header(
    struct MHD_Connection *connection, MHD_KeyValueIterator visit, void *context) {
    SHIPYARD_MHD(MHD_get_connection_values)(connection, MHD_HEADER_KIND, visit, context);
}
static inline int shipyard_mhd_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        SHIPYARD_MHD(MHD_get_connection_info)(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}

static inline struct MHD_Response *shipyard_mhd_response(const void *bytes, size_t count) {
    return SHIPYARD_MHD(MHD_create_response_from_buffer)(count, (void *)bytes, MHD_RESPMEM_MUST_COPY);
}
static inline uint64_t shipyard_mhd_size_unknown(void) { return MHD_SIZE_UNKNOWN; }
static inline struct MHD_Response *shipyard_mhd_stream(
    uint64_t size, size_t block, MHD_ContentReaderCallback read, void *context, MHD_ContentReaderFreeCallback release) {
    return SHIPYARD_MHD(MHD_create_response_from_callback)(size, block, read, context, release);
}
static inline void shipyard_mhd_add_header(struct MHD_Response *response, const char *name, const char *value) {
    SHIPYARD_MHD(MHD_add_response_header)(response, name, value);
}
// Also gives up the caller's hold on the response.
static inline enum MHD_Result shipyard_mhd_reply(
    struct MHD_Connection *connection, unsigned int status, struct MHD_Response *response) {
    enum MHD_Result result = SHIPYARD_MHD(MHD_queue_response)(connection, status, response);
    SHIPYARD_MHD(MHD_destroy_response)(response);
    return result;
}
static inline ssize_t shipyard_mhd_end_of_stream(void) { return MHD_CONTENT_READER_END_OF_STREAM; }
static inline ssize_t shipyard_mhd_broken_stream(void) { return MHD_CONTENT_READER_END_WITH_ERROR; }

#endif
