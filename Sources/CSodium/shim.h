// libsodium, loaded at its first use instead of linked: see docs/adr/0002-load-c-libraries-late.md.
#ifndef SHIPYARD_CSODIUM_SHIM_H
#define SHIPYARD_CSODIUM_SHIM_H

#include <dlfcn.h>
#include <sodium.h>
#include <stddef.h>

#define SHIPYARD_SODIUM(function) ((__typeof__(&function))dlsym(library, #function))

// NULL until the library is there and has found its source of randomness.
static inline void *shipyard_sodium_library(void) {
    static void *known;
    void *library = __atomic_load_n(&known, __ATOMIC_ACQUIRE);
    if (library != NULL) return library;
    library = dlopen("libsodium.so.23", RTLD_NOW | RTLD_LOCAL);
    // May be called by several threads, and again.
    if (library == NULL || SHIPYARD_SODIUM(sodium_init)() < 0) return NULL;
    __atomic_store_n(&known, library, __ATOMIC_RELEASE);
    return library;
}

// NULL, or why the library could not be loaded; then nothing else here may be called.
static inline const char *shipyard_sodium_load_error(void) {
    if (shipyard_sodium_library() != NULL) return NULL;
    const char *reason = dlerror();
    return reason != NULL ? reason : "libsodium cannot be initialised";
}

static inline void shipyard_sodium_random(void *bytes, size_t count) {
    void *library = shipyard_sodium_library();
    SHIPYARD_SODIUM(randombytes_buf)(bytes, count);
}

static inline void shipyard_sodium_wipe(void *bytes, size_t count) {
    void *library = shipyard_sodium_library();
    SHIPYARD_SODIUM(sodium_memzero)(bytes, count);
}

// XChaCha20-Poly1305 as in IETF's draft: a nonce of 24 bytes may be random. `sealed` has room for 16 bytes more.
static inline int shipyard_sodium_seal(
    unsigned char *sealed, const unsigned char *plain, size_t count, const unsigned char *context,
    size_t context_count, const unsigned char *nonce, const unsigned char *key) {
    void *library = shipyard_sodium_library();
    return SHIPYARD_SODIUM(crypto_aead_xchacha20poly1305_ietf_encrypt)(
        sealed, NULL, plain, count, context, context_count, NULL, nonce, key);
}

// Not 0 where key, context or bytes are not those that were sealed.
static inline int shipyard_sodium_open(
    unsigned char *plain, const unsigned char *sealed, size_t count, const unsigned char *context,
    size_t context_count, const unsigned char *nonce, const unsigned char *key) {
    void *library = shipyard_sodium_library();
    return SHIPYARD_SODIUM(crypto_aead_xchacha20poly1305_ietf_decrypt)(
        plain, NULL, NULL, sealed, count, context, context_count, nonce, key);
}

// Argon2id. Not 0 where there is no memory for it.
static inline int shipyard_sodium_derive(
    unsigned char *key, size_t key_count, const char *passphrase, size_t count, const unsigned char *salt,
    unsigned long long operations, size_t memory) {
    void *library = shipyard_sodium_library();
    return SHIPYARD_SODIUM(crypto_pwhash)(
        key, key_count, passphrase, count, salt, operations, memory, crypto_pwhash_ALG_ARGON2ID13);
}

#undef SHIPYARD_SODIUM

enum {
    shipyard_sodium_key_bytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    shipyard_sodium_nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    shipyard_sodium_tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    shipyard_sodium_salt_bytes = crypto_pwhash_SALTBYTES,
};

#endif
