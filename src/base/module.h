/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules: the parts that need a heavy library (GnuTLS, libssh, libssh2, SASL, D-Bus). Each is a shared
 * object beside the library that is loaded when a route or a setting names it, so that whoever does not use
 * it does not pay for it. Built by src/modules/meson.build; the sources lie in the folders they belong to.
 */
#pragma once

/* What every module exports, under the symbol FL_MODULE_SYMBOL. */
struct fl_module {
    const char *version; /* FL_VERSION it was built with: a module of another build is not used */
    const void *table;   /* what the folder that loads it declares: struct fl_tls_api and the like */
};
#define FL_MODULE_SYMBOL "fl_module"
#define FL_MODULE_EXPORT(api)                                                                                \
    extern const struct fl_module fl_module;                                                                 \
    __attribute__((visibility("default"))) const struct fl_module fl_module = { FL_VERSION, &(api) }

/* The table of module `name` ("tls"), loaded with the first call and for ever. NULL with the error set
 * (VIR_ERR_CONFIG_UNSUPPORTED): it says which file, why it cannot be loaded, and that `what` needs it. Any
 * thread. */
const void *fl_module_load(const char *name, const char *what);
