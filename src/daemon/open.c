/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening for a client, as the daemon's name allows. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/open.h"

#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "core/connect.h"
#include "core/driver.h"
#include "daemon/forward.h"
#include "daemon/peer.h"
#include "daemon/personality.h"

/* "qemu" of "qemu:///system" and "qemu+unix:///system"; what is no URI is left to who reads it in full. */
static char *scheme_of(const char *name)
{
    size_t length = strcspn(name, "+:");

    return name[length] ? g_ascii_strdown(name, (gssize)length) : NULL;
}

/* Nothing was named: a daemon of one driver opens that one. */
static char *own_default(const struct fl_personality *who)
{
    return who->drivers ? g_strdup_printf("%s:///%s", who->drivers[0], geteuid() == 0 ? "system" : "session")
                        : NULL;
}

static int check_driver(const struct fl_personality *who, const char *name)
{
    g_autofree char *scheme = name ? scheme_of(name) : NULL;

    if (!scheme || !who->drivers)
        return 0;
    if (!fl_personality_serves(who, scheme))
        return fl_error(
            VIR_ERR_NO_CONNECT,
            "%s serves %s:// only and '%s' is none; connect to virt%sd, or to libvirtd or virtproxyd with "
            "mode=legacy",
            who->name, who->drivers[0], name, scheme);
    if (!fl_driver_by_scheme(scheme))
        return fl_error(VIR_ERR_NO_CONNECT, "this %s is built without the %s driver: it cannot open '%s'",
                        who->name, who->driver_title, name);
    return 0;
}

#define NAME_ROOM 64 /* a name that is opened at once is a short one */

/* The name in the arguments of CONNECT_OPEN, without decoding, which would change them. NULL: none, or none
 * as short as that. */
static const char *peek_name(const unsigned char *args, size_t length, char room[NAME_ROOM])
{
    uint32_t words[2]; /* present, length */

    if (length < sizeof(words))
        return NULL;
    memcpy(words, args, sizeof(words));
    if (words[0] != GUINT32_TO_BE(1) || GUINT32_FROM_BE(words[1]) >= NAME_ROOM ||
        GUINT32_FROM_BE(words[1]) > length - sizeof(words))
        return NULL;
    memcpy(room, args + sizeof(words), GUINT32_FROM_BE(words[1]));
    room[GUINT32_FROM_BE(words[1])] = '\0';
    return room;
}

bool fl_open_is_quick(const unsigned char *args, size_t length)
{
    char room[NAME_ROOM];
    const char *name = peek_name(args, length, room);

    for (const struct fl_driver *const *d = fl_drivers; name && *d; d++)
        if ((*d)->opens_at_once && (*d)->opens_at_once(name))
            return !fl_forward_wanted(name);
    return false;
}

virConnectPtr fl_open_for(struct fl_peer *peer, const char *name, unsigned int flags)
{
    const struct fl_personality *who = fl_personality_own();
    g_autofree char *own = NULL;

    (void)peer;
    if (name && !*name)
        name = NULL;
    if (!name)
        name = own = own_default(who);
    if (check_driver(who, name) < 0)
        return NULL;
    /* Aliases are the client's business. */
    return fl_connect_open(name, NULL, flags | VIR_CONNECT_NO_ALIASES, FL_CONNECT_LOCAL_ONLY);
}
