// libzstd, loaded at its first use instead of linked: see docs/adr/0002-load-c-libraries-late.md.
#ifndef SHIPYARD_CZSTD_SHIM_H
#define SHIPYARD_CZSTD_SHIM_H

#include <dlfcn.h>
#include <stddef.h>
#include <zstd.h>

static inline void *shipyard_zstd_library(void) {
    static void *library;
    void *known = __atomic_load_n(&library, __ATOMIC_ACQUIRE);
    if (known == NULL) {
        known = dlopen("libzstd.so.1", RTLD_NOW | RTLD_LOCAL);
        __atomic_store_n(&library, known, __ATOMIC_RELEASE);
    }
    return known;
}

// NULL, or why the library could not be loaded; then nothing else here may be called.
static inline const char *shipyard_zstd_load_error(void) {
    return shipyard_zstd_library() == NULL ? dlerror() : NULL;
}

#define SHIPYARD_ZSTD(function) ((__typeof__(&function))dlsym(shipyard_zstd_library(), #function))

static inline ZSTD_CCtx *shipyard_zstd_compressor(int level) {
    ZSTD_CCtx *context = SHIPYARD_ZSTD(ZSTD_createCCtx)();
    if (context == NULL) return NULL;
    SHIPYARD_ZSTD(ZSTD_CCtx_setParameter)(context, ZSTD_c_compressionLevel, level);
    // A frame that ends in a checksum of what was in it.
    SHIPYARD_ZSTD(ZSTD_CCtx_setParameter)(context, ZSTD_c_checksumFlag, 1);
    return context;
}
static inline void shipyard_zstd_free_compressor(ZSTD_CCtx *context) { SHIPYARD_ZSTD(ZSTD_freeCCtx)(context); }
static inline ZSTD_DCtx *shipyard_zstd_expander(void) { return SHIPYARD_ZSTD(ZSTD_createDCtx)(); }
static inline void shipyard_zstd_free_expander(ZSTD_DCtx *context) { SHIPYARD_ZSTD(ZSTD_freeDCtx)(context); }

// Takes of `in` and gives to `out` what it can and moves their positions. What is left to be given: 0 when all is.
static inline size_t shipyard_zstd_compress(
    ZSTD_CCtx *context, ZSTD_outBuffer *out, ZSTD_inBuffer *in, int is_end) {
    return SHIPYARD_ZSTD(ZSTD_compressStream2)(context, out, in, is_end ? ZSTD_e_end : ZSTD_e_continue);
}
// 0 at the end of a frame.
static inline size_t shipyard_zstd_expand(ZSTD_DCtx *context, ZSTD_outBuffer *out, ZSTD_inBuffer *in) {
    return SHIPYARD_ZSTD(ZSTD_decompressStream)(context, out, in);
}
// NULL where `result` is none of an error.
static inline const char *shipyard_zstd_reason(size_t result) {
    return SHIPYARD_ZSTD(ZSTD_isError)(result) ? SHIPYARD_ZSTD(ZSTD_getErrorName)(result) : NULL;
}

#endif
