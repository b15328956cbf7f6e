// libcrypto of OpenSSL, loaded at its first use instead of linked: see docs/adr/0002-load-c-libraries-late.md.
#ifndef SHIPYARD_CCRYPTO_SHIM_H
#define SHIPYARD_CCRYPTO_SHIM_H

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stddef.h>

static inline void *shipyard_crypto_library(void) {
    static void *library;
    void *known = __atomic_load_n(&library, __ATOMIC_ACQUIRE);
    if (known == NULL) {
        known = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
        __atomic_store_n(&library, known, __ATOMIC_RELEASE);
    }
    return known;
}

// NULL, or why the library could not be loaded; then nothing else here may be called.
static inline const char *shipyard_crypto_load_error(void) {
    return shipyard_crypto_library() == NULL ? dlerror() : NULL;
}

#define SHIPYARD_CRYPTO(function) ((__typeof__(&function))dlsym(shipyard_crypto_library(), #function))

static inline EVP_MD_CTX *shipyard_digest_new(void) { return SHIPYARD_CRYPTO(EVP_MD_CTX_new)(); }
static inline void shipyard_digest_free(EVP_MD_CTX *context) { SHIPYARD_CRYPTO(EVP_MD_CTX_free)(context); }
static inline const EVP_MD *shipyard_digest_named(const char *name) {
    return SHIPYARD_CRYPTO(EVP_get_digestbyname)(name);
}
// 1 is success for each.
static inline int shipyard_digest_begin(EVP_MD_CTX *context, const EVP_MD *kind) {
    return SHIPYARD_CRYPTO(EVP_DigestInit_ex)(context, kind, NULL);
}
static inline int shipyard_digest_update(EVP_MD_CTX *context, const void *bytes, size_t count) {
    return SHIPYARD_CRYPTO(EVP_DigestUpdate)(context, bytes, count);
}
// `digest` holds EVP_MAX_MD_SIZE bytes.
static inline int shipyard_digest_end(EVP_MD_CTX *context, unsigned char *digest, unsigned int *count) {
    return SHIPYARD_CRYPTO(EVP_DigestFinal_ex)(context, digest, count);
}
// NULL where it failed.
static inline unsigned char *shipyard_hmac(
    const EVP_MD *kind, const void *key, int key_count, const unsigned char *bytes, size_t count,
    unsigned char *digest, unsigned int *digest_count) {
    return SHIPYARD_CRYPTO(HMAC)(kind, key, key_count, bytes, count, digest, digest_count);
}

#endif
