/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding and loading modules. They lie beside the library: in fairlead/ where it is installed, in modules/
 * where it was built. The environment has no say: a library in a privileged program loads nothing a user
 * names. */
#define FL_FROM VIR_FROM_NONE
#include "base/module.h"

#include <dlfcn.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"

#define MODULES_MAX 8

static struct {
    char name[16];
    const void *table;
} loaded[MODULES_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static char *find_file(const char *name)
{
    Dl_info self;
    g_autofree char *folder = NULL;
    g_autofree char *file = g_strconcat(name, ".so", NULL);
    static const char *const places[] = { "modules", "fairlead" };

    if (!dladdr((void *)fl_module_load, &self) || !self.dli_fname)
        return NULL;
    folder = g_path_get_dirname(self.dli_fname);
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        char *path = g_build_filename(folder, places[i], file, NULL);
        if (g_file_test(path, G_FILE_TEST_EXISTS))
            return path;
        g_free(path);
    }
    return g_build_filename(folder, "fairlead", file, NULL);
}

static const void *load(const char *name, const char *what)
{
    g_autofree char *path = find_file(name);
    const struct fl_module *module;
    void *handle = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) : NULL;

    if (!handle)
        return fl_error_null(
            VIR_ERR_CONFIG_UNSUPPORTED,
            "%s needs a module that cannot be loaded: %s; install it or the library it names", what,
            path ? dlerror() : "this library cannot tell where it lies");
    module = dlsym(handle, FL_MODULE_SYMBOL);
    if (!module || strcmp(module->version, FL_VERSION) != 0)
        return fl_error_null(VIR_ERR_CONFIG_UNSUPPORTED,
                             "%s needs %s, which is of version %s and not " FL_VERSION, what, path,
                             module ? module->version : "unknown");
    return module->table;
}

const void *fl_module_load(const char *name, const char *what)
{
    const void *table = NULL;
    size_t i;

    pthread_mutex_lock(&lock);
    for (i = 0; i < MODULES_MAX && loaded[i].table; i++) {
        if (strcmp(loaded[i].name, name) == 0) {
            table = loaded[i].table;
            break;
        }
    }
    if (!table) {
        table = load(name, what);
        if (table && i < MODULES_MAX) {
            g_strlcpy(loaded[i].name, name, sizeof(loaded[i].name));
            loaded[i].table = table;
        }
    }
    pthread_mutex_unlock(&lock);
    return table;
}
