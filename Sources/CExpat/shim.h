// libexpat, loaded at its first use instead of linked: see docs/adr/0002-load-c-libraries-late.md.
#ifndef SHIPYARD_CEXPAT_SHIM_H
#define SHIPYARD_CEXPAT_SHIM_H

#include <dlfcn.h>
#include <expat.h>
#include <stddef.h>

static inline void *shipyard_expat_library(void) {
    static void *library;
    void *known = __atomic_load_n(&library, __ATOMIC_ACQUIRE);
    if (known == NULL) {
        known = dlopen("libexpat.so.1", RTLD_NOW | RTLD_LOCAL);
        __atomic_store_n(&library, known, __ATOMIC_RELEASE);
    }
    return known;
}

// NULL, or why the library could not be loaded; then nothing else here may be called.
static inline const char *shipyard_expat_load_error(void) {
    return shipyard_expat_library() == NULL ? dlerror() : NULL;
}

#define SHIPYARD_EXPAT(function) ((__typeof__(&function))dlsym(shipyard_expat_library(), #function))

static inline XML_Parser shipyard_expat_new(void) { return SHIPYARD_EXPAT(XML_ParserCreate)(NULL); }
static inline void shipyard_expat_free(XML_Parser parser) { SHIPYARD_EXPAT(XML_ParserFree)(parser); }
static inline void shipyard_expat_handle(
    XML_Parser parser, void *context, XML_StartElementHandler start, XML_EndElementHandler end,
    XML_CharacterDataHandler text) {
    SHIPYARD_EXPAT(XML_SetUserData)(parser, context);
    SHIPYARD_EXPAT(XML_SetElementHandler)(parser, start, end);
    SHIPYARD_EXPAT(XML_SetCharacterDataHandler)(parser, text);
}
static inline int shipyard_expat_parse(XML_Parser parser, const char *bytes, int count) {
    return SHIPYARD_EXPAT(XML_Parse)(parser, bytes, count, 1) == XML_STATUS_OK;
}
static inline const char *shipyard_expat_reason(XML_Parser parser) {
    return SHIPYARD_EXPAT(XML_ErrorString)(SHIPYARD_EXPAT(XML_GetErrorCode)(parser));
}

#endif
