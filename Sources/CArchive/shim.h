// libarchive, loaded at its first use instead of linked: see docs/adr/0002-load-c-libraries-late.md.
#ifndef SHIPYARD_CARCHIVE_SHIM_H
#define SHIPYARD_CARCHIVE_SHIM_H

#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <stddef.h>
#include <unistd.h>

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
// needs, and some of its filters start other programs. Raw: whatever it is, uncompressed.
static inline struct archive *shipyard_archive_new(int is_raw) {
    struct archive *archive = SHIPYARD_ARCHIVE(archive_read_new)();
    if (archive == NULL) return NULL;
    if (is_raw) {
        SHIPYARD_ARCHIVE(archive_read_support_format_raw)(archive);
    } else {
        SHIPYARD_ARCHIVE(archive_read_support_format_tar)(archive);
        // By its directory, which stands at the end, so that a zip that was cut off is none.
        SHIPYARD_ARCHIVE(archive_read_support_format_zip_seekable)(archive);
    }
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
// Goes to the end of the current entry.
static inline int shipyard_archive_skip(struct archive *archive) {
    return SHIPYARD_ARCHIVE(archive_read_data_skip)(archive);
}
// How far the format has read into what came out of the decompression.
static inline la_int64_t shipyard_archive_position(struct archive *archive) {
    return SHIPYARD_ARCHIVE(archive_filter_bytes)(archive, 0);
}
static inline int shipyard_archive_compression(struct archive *archive) {
    return SHIPYARD_ARCHIVE(archive_filter_code)(archive, 0);
}
static inline int shipyard_archive_is_tar(struct archive *archive) {
    return (SHIPYARD_ARCHIVE(archive_format)(archive) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR;
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

// zlib's reader of gzip files, which compares checksums and lengths; libarchive's own does not. The library is
// there wherever libarchive is, which needs it. Of its functions only these, whose types are plain C, so that
// its headers need not be installed.
typedef struct shipyard_gzip shipyard_gzip;

static inline void *shipyard_gzip_library(void) {
    static void *library;
    void *known = __atomic_load_n(&library, __ATOMIC_ACQUIRE);
    if (known == NULL) {
        known = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
        __atomic_store_n(&library, known, __ATOMIC_RELEASE);
    }
    return known;
}
// NULL, or why the library could not be loaded; then nothing of these may be called.
static inline const char *shipyard_gzip_load_error(void) {
    return shipyard_gzip_library() == NULL ? dlerror() : NULL;
}
// Takes the descriptor over, unless it answers NULL.
static inline shipyard_gzip *shipyard_gzip_open(int file) {
    return ((shipyard_gzip *(*)(int, const char *))dlsym(shipyard_gzip_library(), "gzdopen"))(file, "rb");
}
static inline int shipyard_gzip_read(shipyard_gzip *stream, void *bytes, unsigned count) {
    return ((int (*)(shipyard_gzip *, void *, unsigned))dlsym(shipyard_gzip_library(), "gzread"))(stream, bytes, count);
}
// NULL where nothing is wrong; an early end is.
static inline const char *shipyard_gzip_reason(shipyard_gzip *stream) {
    int number = 0;
    const char *reason =
        ((const char *(*)(shipyard_gzip *, int *))dlsym(shipyard_gzip_library(), "gzerror"))(stream, &number);
    return number == 0 || number == 1 ? NULL : reason;
}
static inline int shipyard_gzip_close(shipyard_gzip *stream) {
    return ((int (*)(shipyard_gzip *))dlsym(shipyard_gzip_library(), "gzclose_r"))(stream);
}

#endif
