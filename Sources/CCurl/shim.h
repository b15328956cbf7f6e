// libcurl, loaded at its first use instead of linked: see docs/adr/0002-load-c-libraries-late.md.
#ifndef SHIPYARD_CCURL_SHIM_H
#define SHIPYARD_CCURL_SHIM_H

#include <curl/curl.h>
#include <dlfcn.h>
#include <stddef.h>

// Safe to call from several threads: dlopen of a loaded library answers the same handle.
static inline void *shipyard_curl_library(void) {
    static void *library;
    void *known = __atomic_load_n(&library, __ATOMIC_ACQUIRE);
    if (known == NULL) {
        known = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
        __atomic_store_n(&library, known, __ATOMIC_RELEASE);
    }
    return known;
}

// NULL, or why the library could not be loaded; then nothing else here may be called.
static inline const char *shipyard_curl_load_error(void) {
    return shipyard_curl_library() == NULL ? dlerror() : NULL;
}

#define SHIPYARD_CURL(function) ((__typeof__(&function))dlsym(shipyard_curl_library(), #function))

typedef size_t (*shipyard_curl_receiver)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode shipyard_curl_global_init(void) {
    return SHIPYARD_CURL(curl_global_init)(CURL_GLOBAL_DEFAULT);
}
static inline CURL *shipyard_curl_new(void) { return SHIPYARD_CURL(curl_easy_init)(); }
static inline void shipyard_curl_reset(CURL *handle) { SHIPYARD_CURL(curl_easy_reset)(handle); }
static inline void shipyard_curl_free(CURL *handle) { SHIPYARD_CURL(curl_easy_cleanup)(handle); }
static inline CURLcode shipyard_curl_perform(CURL *handle) { return SHIPYARD_CURL(curl_easy_perform)(handle); }
static inline const char *shipyard_curl_reason(CURLcode code) { return SHIPYARD_CURL(curl_easy_strerror)(code); }

// curl_easy_setopt and curl_easy_getinfo are variadic, which Swift cannot import: one wrapper for each type.
static inline CURLcode shipyard_curl_set_number(CURL *handle, CURLoption option, long value) {
    return SHIPYARD_CURL(curl_easy_setopt)(handle, option, value);
}
static inline CURLcode shipyard_curl_set_size(CURL *handle, CURLoption option, curl_off_t value) {
    return SHIPYARD_CURL(curl_easy_setopt)(handle, option, value);
}
static inline CURLcode shipyard_curl_set_text(CURL *handle, CURLoption option, const char *value) {
    return SHIPYARD_CURL(curl_easy_setopt)(handle, option, value);
}
static inline CURLcode shipyard_curl_set_pointer(CURL *handle, CURLoption option, const void *value) {
    return SHIPYARD_CURL(curl_easy_setopt)(handle, option, value);
}
static inline CURLcode shipyard_curl_set_receiver(CURL *handle, CURLoption option, shipyard_curl_receiver value) {
    return SHIPYARD_CURL(curl_easy_setopt)(handle, option, value);
}
typedef int (*shipyard_curl_seeker)(void *context, curl_off_t offset, int origin);
static inline CURLcode shipyard_curl_set_seeker(CURL *handle, shipyard_curl_seeker value) {
    return SHIPYARD_CURL(curl_easy_setopt)(handle, CURLOPT_SEEKFUNCTION, value);
}
// Asked at least once a second, and whenever a signal has come; anything but 0 ends the transfer.
typedef int (*shipyard_curl_watcher)(void *context, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
static inline CURLcode shipyard_curl_set_watcher(CURL *handle, shipyard_curl_watcher value, void *context) {
    SHIPYARD_CURL(curl_easy_setopt)(handle, CURLOPT_NOPROGRESS, 0L);
    SHIPYARD_CURL(curl_easy_setopt)(handle, CURLOPT_XFERINFODATA, context);
    return SHIPYARD_CURL(curl_easy_setopt)(handle, CURLOPT_XFERINFOFUNCTION, value);
}
// Seconds since 1970, -1 for what is no date of HTTP.
static inline long long shipyard_curl_date(const char *text) { return SHIPYARD_CURL(curl_getdate)(text, NULL); }
// Neither files nor mail, also not after a redirect. The newer, textual form of the option is missing before
// 7.85, which Ubuntu 22.04 still has.
static inline void shipyard_curl_only_http(CURL *handle) {
    SHIPYARD_CURL(curl_easy_setopt)(handle, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    SHIPYARD_CURL(curl_easy_setopt)(handle, CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
}
static inline long shipyard_curl_status(CURL *handle) {
    long status = 0;
    SHIPYARD_CURL(curl_easy_getinfo)(handle, CURLINFO_RESPONSE_CODE, &status);
    return status;
}
static inline long shipyard_curl_errno(CURL *handle) {
    long number = 0;
    SHIPYARD_CURL(curl_easy_getinfo)(handle, CURLINFO_OS_ERRNO, &number);
    return number;
}
static inline struct curl_slist *shipyard_curl_append(struct curl_slist *list, const char *text) {
    return SHIPYARD_CURL(curl_slist_append)(list, text);
}
static inline void shipyard_curl_free_list(struct curl_slist *list) { SHIPYARD_CURL(curl_slist_free_all)(list); }

#endif
