/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * getaddrinfo() has no deadline and cannot be interrupted. Addresses in digits, and callers with all the time
 * of the world, are answered in place; otherwise a thread asks, and is left behind to finish alone if it is
 * late (base/aside.h).
 */
#define FL_FROM VIR_FROM_RPC
#include "transport/lookup.h"

#include <errno.h>
#include <glib.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "base/aside.h"
#include "base/error.h"
#include "base/util.h"
#include "base/walk.h"
#include "transport/channel.h"

struct lookup {
    int rc, errnum;
    struct addrinfo *list;
    char *host;
    char service[12];
};

static int ask(const char *host, const char *service, int flags, struct addrinfo **ret_list)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV };
    return getaddrinfo(host, service, &hints, ret_list);
}

static void look_up(void *data)
{
    struct lookup *l = data;
    l->rc = ask(l->host, l->service, 0, &l->list);
    l->errnum = errno;
}

static void lookup_free(void *data)
{
    struct lookup *l = data;
    if (l->list)
        freeaddrinfo(l->list);
    g_free(l->host);
    g_free(l);
}

/* EAI_ code, or 1 when the deadline passed. */
static int ask_bounded(const char *host, const char *service, int64_t deadline, struct addrinfo **ret_list)
{
    struct lookup *l = g_new0(struct lookup, 1);
    l->host = g_strdup(host);
    g_strlcpy(l->service, service, sizeof(l->service));
    if (fl_aside(look_up, lookup_free, l, deadline) < 0)
        return 1;
    int rc = l->rc, errnum = l->errnum;
    *ret_list = g_steal_pointer(&l->list);
    lookup_free(l);
    errno = errnum;
    return rc;
}

static void note_addresses(const struct addrinfo *list)
{
    char name[NI_MAXHOST];

    for (; list && fl_walk_watched(); list = list->ai_next)
        if (getnameinfo(list->ai_addr, list->ai_addrlen, name, sizeof(name), NULL, 0, NI_NUMERICHOST) == 0)
            fl_stage_note("%s", name);
}

/* The name is only in doubt where a name server has answered. */
static const char *advice_for(const char *host, int rc, int errnum)
{
    const char *zone = strchr(host, ':') ? strchr(host, '%') : NULL;

    if (zone && zone[1] && if_nametoindex(zone + 1) == 0 &&
        strspn(zone + 1, "0123456789") != strlen(zone + 1))
        return "this machine has no network interface of the name behind '%': ip link shows those there are";
    if (zone)
        return "only addresses that begin with fe80 take an interface behind '%'";
    if (rc == EAI_SYSTEM && (errnum == EMFILE || errnum == ENFILE))
        return "too many files are open: raise the limit (ulimit -n)";
    if (rc == EAI_AGAIN)
        return "no name server answered: check /etc/resolv.conf and the network, or give an address in "
               "digits";
    return "check the host's name";
}

int fl_lookup_host(const char *host, int port, int64_t deadline_us, struct addrinfo **ret_list)
{
    char service[12];
    fl_stage_enter(FL_STAGE_LOOKUP, "host '%s'", host);
    g_snprintf(service, sizeof(service), "%d", port);
    int rc = ask(host, service, AI_NUMERICHOST, ret_list);
    if (rc == EAI_NONAME)
        rc = deadline_us == FL_NO_DEADLINE ? ask(host, service, 0, ret_list)
                                           : ask_bounded(host, service, deadline_us, ret_list);
    if (rc == 0) {
        note_addresses(*ret_list);
        return 0;
    }
    int errnum = errno;
    if (rc == 1)
        return fl_channel_error(ETIMEDOUT,
                                "lookup: the address of host '%s' did not come in time; check the name "
                                "servers, or give an address in digits",
                                host);
    /* Compat: a name that does not resolve has no errno. */
    return fl_channel_error(-1, "lookup: no address for host '%s': %s; %s", host,
                            rc == EAI_SYSTEM ? g_strerror(errnum) : gai_strerror(rc),
                            advice_for(host, rc, errnum));
}
