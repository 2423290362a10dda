/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose tickets: sasl_gss.h. The library is the application's: where nobody has loaded it, no thread was
 * given anything, and this module does without. */
#include "auth/sasl_gss.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

#define MIT "libgssapi_krb5.so.2"
/* With a plug-in of this make the other's credentials would mean nothing. */
#define HEIMDAL "libgssapi.so.3"

enum { GSS_INITIATE = 1 };

/* RFC 2744; handles are pointers in both makes. */
typedef uint32_t acquire_cred(uint32_t *minor, void *name, uint32_t time, void *mechanisms, int usage,
                              void **cred, void **ret_mechanisms, uint32_t *ret_time);
typedef uint32_t release_cred(uint32_t *minor, void **cred);

static void *loaded(const char *name)
{
    return dlopen(name, RTLD_NOW | RTLD_NOLOAD);
}

static void *loaded_mit(void)
{
    void *heimdal = loaded(HEIMDAL);

    if (!heimdal)
        return loaded(MIT);
    dlclose(heimdal);
    return NULL;
}

void *fl_gss_credential(void)
{
    void *library = loaded_mit();
    acquire_cred *acquire = library ? (acquire_cred *)dlsym(library, "gss_acquire_cred") : NULL;
    void *credential = NULL;
    uint32_t minor;

    if (acquire && acquire(&minor, NULL, 0, NULL, GSS_INITIATE, &credential, NULL, NULL) == 0)
        return credential; /* it holds the library, too */
    if (library)
        dlclose(library);
    return NULL;
}

void fl_gss_credential_free(void *credential)
{
    void *library = credential ? loaded(MIT) : NULL;
    release_cred *release = library ? (release_cred *)dlsym(library, "gss_release_cred") : NULL;
    uint32_t minor;

    if (!release)
        return;
    release(&minor, &credential);
    dlclose(library); /* once for now... */
    dlclose(library); /* ...and once for the credential */
}
