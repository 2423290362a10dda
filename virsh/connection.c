/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection the commands share, opened when the first of them needs it. */
#include "shell.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <libvirt/fairlead.h>

static gpointer loop_thread(gpointer opaque)
{
    struct fl_shell *sh = opaque;

    while (sh->loop_running)
        if (virEventRunDefaultImpl() < 0)
            break;
    return NULL;
}

void *fl_extension(const char *name)
{
    return dlsym(RTLD_DEFAULT, name);
}

bool fl_library_timeouts(void)
{
    return fl_extension("fairleadDiagnose") != NULL;
}

void *fl_extension_needed(struct fl_call *c, const char *name, const char *what)
{
    void *function = fl_extension(name);

    if (!function)
        fl_wrong(
            c, "%s needs Fairlead's library, and the libvirt.so.0 loaded here is another one (it has no %s)",
            what, name);
    return function;
}

/* Events and keepalive need somebody who turns the loop. It ends with the program. */
void fl_loop_start(struct fl_shell *sh)
{
    if (sh->loop_running)
        return;
    sh->loop_running = true;
    g_thread_unref(g_thread_new("events", loop_thread, sh));
}

/* The library's own questions, with the terminal or standard error in the place of standard output. */
static int ask_aside(virConnectCredentialPtr cred, unsigned int ncred, void *opaque)
{
    int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int tty = open("/dev/tty", O_WRONLY | O_CLOEXEC), status = -1;

    fflush(stdout);
    if (out >= 0 && dup2(tty >= 0 ? tty : STDERR_FILENO, STDOUT_FILENO) >= 0) {
        status = virConnectAuthPtrDefault->cb(cred, ncred, opaque);
        if (!isatty(STDIN_FILENO))
            putchar('\n'); /* nobody typed one: what follows has a line of its own */
        fflush(stdout);
        dup2(out, STDOUT_FILENO);
    }
    if (tty >= 0)
        close(tty);
    if (out >= 0)
        close(out);
    return status;
}

virConnectAuthPtr fl_credentials(const struct fl_shell *sh)
{
    static virConnectAuth aside;

    if (sh->format != FL_FORMAT_JSON)
        return virConnectAuthPtrDefault;
    aside = *virConnectAuthPtrDefault;
    aside.cb = ask_aside;
    return &aside;
}

virConnectPtr fl_open_to_look(const char *uri, unsigned int flags)
{
    __typeof__(&fairleadOpen) look = (__typeof__(look))fl_extension("fairleadOpen");

    return look ? look(uri, NULL, flags) : virConnectOpenAuth(uri, NULL, flags);
}

static int authenticate(virConnectPtr *ret, struct fl_shell *sh, const char *uri)
{
    unsigned int flags = sh->readonly ? VIR_CONNECT_RO : 0;

    if (sh->look_only) {
        *ret = fl_open_to_look(uri, flags);
        return *ret ? 0 : -1;
    }
    *ret = virConnectOpenAuth(uri, fl_credentials(sh), flags);
    if (!*ret && fl_agent_wanted(sh)) {
        pid_t agent = fl_agent_start();

        if (agent > 0)
            *ret = virConnectOpenAuth(uri, fl_credentials(sh), flags);
        fl_agent_stop(agent);
    }
    return *ret ? 0 : -1;
}

/* Only a remote connection has a peer that can fall silent; an interval asked for must be had. */
static int start_keepalive(struct fl_shell *sh)
{
    int interval = sh->keepalive_interval < 0 ? 5 : sh->keepalive_interval;

    if (interval == 0)
        return 0;
    if (virConnectSetKeepAlive(sh->conn, interval, (unsigned int)sh->keepalive_count) == 0) {
        fl_loop_start(sh);
        return 0;
    }
    if (sh->keepalive_interval > 0) {
        fl_complain(sh, "this connection cannot keep itself alive as -k asks");
        return -1;
    }
    fl_debug(sh, FL_DEBUG_INFO, "keepalive: this connection has none: %s", virGetLastErrorMessage());
    virResetLastError();
    return 0;
}

int fl_event_loop(struct fl_shell *sh)
{
    static bool registered;

    (void)sh;
    if (!registered && virEventRegisterDefaultImpl() < 0)
        return -1;
    registered = true;
    return 0;
}

int fl_connect(struct fl_shell *sh)
{
    g_autofree char *shown = NULL;

    if (sh->conn && sh->interactive && virConnectIsAlive(sh->conn) == 0) {
        fl_complain(sh, "the connection to the hypervisor was lost; connecting again");
        fl_disconnect(sh);
    }
    if (sh->conn)
        return 0;
    if (sh->offline)
        return -1;
    if (fl_event_loop(sh) < 0)
        return -1;
    shown = fl_without_password(sh->uri);
    fl_debug(sh, FL_DEBUG_ALL, "connecting: %s", shown ? shown : "no URI was given");
    if (authenticate(&sh->conn, sh, sh->uri) < 0)
        return -1;
    if (start_keepalive(sh) < 0) {
        virConnectClose(sh->conn);
        sh->conn = NULL;
        return -1;
    }
    return 0;
}

void fl_disconnect(struct fl_shell *sh)
{
    if (sh->conn)
        virConnectClose(sh->conn);
    sh->conn = NULL;
}

void *fl_library_call(struct fl_call *c, const char *library, const char *name)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL); /* once loaded it stays */
    void *symbol = handle ? dlsym(handle, name) : NULL;

    if (!symbol)
        fl_wrong(c, "'%s' needs the library %s: %s", c->args->command->name, library, dlerror());
    return symbol;
}
