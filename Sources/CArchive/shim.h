// libarchive, loaded at its first use instead of linked: see docs/adr/0002-load-c-libraries-late.md.
#ifndef SHIPYARD_CARCHIVE_SHIM_H
#define SHIPYARD_CARCHIVE_SHIM_H

#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <stddef.h>

static inline void *shipyard_archive_library(void) {
    static void *library;
    void *known = __atomic_load_n(&library, __ATOMIC_ACQUIRE);
    if (known == NULL) {
        known = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL);
        __atomic_store_n(&library, known, __ATOMIC_RELEASE);
    }
    return known;
}

// NULL, or why the library could not be loaded; then nothing else here may be called.
static inline const char *shipyard_archive_load_error(void) {
    return shipyard_archive_library() == NULL ? dlerror() : NULL;
}

#define SHIPYARD_ARCHIVE(function) ((__typeof__(&function))dlsym(shipyard_archive_library(), #function))

// A reader of zip and of every kind of tar. Not libarchive's "all": that reads dozens of formats nobody
// needs, and some of its filters start other programs.
static inline struct archive *shipyard_archive_new(void) {
    struct archive *archive = SHIPYARD_ARCHIVE(archive_read_new)();
    if (archive == NULL) return NULL;
    SHIPYARD_ARCHIVE(archive_read_support_format_tar)(archive);
    SHIPYARD_ARCHIVE(archive_read_support_format_zip)(archive);
    SHIPYARD_ARCHIVE(archive_read_support_filter_gzip)(archive);
    SHIPYARD_ARCHIVE(archive_read_support_filter_bzip2)(archive);
    SHIPYARD_ARCHIVE(archive_read_support_filter_xz)(archive);
    SHIPYARD_ARCHIVE(archive_read_support_filter_lzma)(archive);
    SHIPYARD_ARCHIVE(archive_read_support_filter_zstd)(archive);
    SHIPYARD_ARCHIVE(archive_read_support_filter_lz4)(archive);
    return archive;
}
static inline void shipyard_archive_free(struct archive *archive) { SHIPYARD_ARCHIVE(archive_read_free)(archive); }
static inline int shipyard_archive_open(struct archive *archive, int file) {
    return SHIPYARD_ARCHIVE(archive_read_open_fd)(archive, file, 65536);
}
static inline int shipyard_archive_next(struct archive *archive, struct archive_entry **entry) {
    return SHIPYARD_ARCHIVE(archive_read_next_header)(archive, entry);
}
static inline la_ssize_t shipyard_archive_read(struct archive *archive, void *bytes, size_t count) {
    return SHIPYARD_ARCHIVE(archive_read_data)(archive, bytes, count);
}
static inline const char *shipyard_archive_reason(struct archive *archive) {
    return SHIPYARD_ARCHIVE(archive_error_string)(archive);
}

// Names in UTF-8 where the archive says how they are encoded, else its bytes as they are: the other accessor
// answers NULL for them where the locale is "C".
static inline const char *shipyard_entry_path(struct archive_entry *entry) {
    const char *text = SHIPYARD_ARCHIVE(archive_entry_pathname_utf8)(entry);
    return text != NULL ? text : SHIPYARD_ARCHIVE(archive_entry_pathname)(entry);
}
static inline const char *shipyard_entry_hardlink(struct archive_entry *entry) {
    const char *text = SHIPYARD_ARCHIVE(archive_entry_hardlink_utf8)(entry);
    return text != NULL ? text : SHIPYARD_ARCHIVE(archive_entry_hardlink)(entry);
}
static inline const char *shipyard_entry_symlink(struct archive_entry *entry) {
    const char *text = SHIPYARD_ARCHIVE(archive_entry_symlink_utf8)(entry);
    return text != NULL ? text : SHIPYARD_ARCHIVE(archive_entry_symlink)(entry);
}
static inline unsigned int shipyard_entry_type(struct archive_entry *entry) {
    return SHIPYARD_ARCHIVE(archive_entry_filetype)(entry);
}
static inline unsigned int shipyard_entry_mode(struct archive_entry *entry) {
    return SHIPYARD_ARCHIVE(archive_entry_perm)(entry);
}
static inline int shipyard_entry_is_encrypted(struct archive_entry *entry) {
    return SHIPYARD_ARCHIVE(archive_entry_is_data_encrypted)(entry);
}

#endif
