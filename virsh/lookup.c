/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Words to objects. Domains are tried as id, UUID and name, the others as
 * UUID and name; a first attempt that misses leaves no error behind.
 */
#include "shell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool looks_like_uuid(const char *text)
{
    return strlen(text) == VIR_UUID_STRING_BUFLEN - 1;
}

static bool looks_like_id(const char *text, int *ret)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < 0 || value > G_MAXINT)
        return false;
    *ret = (int)value;
    return true;
}

virDomainPtr fl_domain_by(struct fl_call *c, const char *text, unsigned int by)
{
    virDomainPtr dom = NULL;
    int id;

    if (!dom && (by & FL_BY_ID) && looks_like_id(text, &id))
        dom = virDomainLookupByID(c->conn, id);
    if (!dom && (by & FL_BY_UUID) && looks_like_uuid(text))
        dom = virDomainLookupByUUIDString(c->conn, text);
    if (!dom && (by & FL_BY_NAME)) {
        virResetLastError();
        dom = virDomainLookupByName(c->conn, text);
    }
    if (!dom)
        fl_fail(c, "failed to get domain '%s'", text);
    return dom;
}

virNetworkPtr fl_network_by(struct fl_call *c, const char *text, unsigned int by)
{
    virNetworkPtr net = NULL;

    if ((by & FL_BY_UUID) && looks_like_uuid(text))
        net = virNetworkLookupByUUIDString(c->conn, text);
    if (!net && (by & FL_BY_NAME)) {
        virResetLastError();
        net = virNetworkLookupByName(c->conn, text);
    }
    if (!net)
        fl_fail(c, "failed to get network '%s'", text);
    return net;
}

virStoragePoolPtr fl_pool_by(struct fl_call *c, const char *text, unsigned int by)
{
    virStoragePoolPtr pool = NULL;

    if ((by & FL_BY_UUID) && looks_like_uuid(text))
        pool = virStoragePoolLookupByUUIDString(c->conn, text);
    if (!pool && (by & FL_BY_NAME)) {
        virResetLastError();
        pool = virStoragePoolLookupByName(c->conn, text);
    }
    if (!pool)
        fl_fail(c, "failed to get pool '%s'", text);
    return pool;
}

virStorageVolPtr fl_volume_by(struct fl_call *c, const char *text, const char *pool_name)
{
    g_autoptr(virStoragePool) pool = NULL;
    virStorageVolPtr vol = NULL;

    if (pool_name && !(pool = fl_pool_by(c, pool_name, FL_BY_UUID | FL_BY_NAME)))
        return NULL;
    if (pool && virStoragePoolIsActive(pool) == 0) {
        fl_wrong(c, "pool '%s' is not running; start it with 'pool-start'", pool_name);
        return NULL;
    }
    if (pool)
        vol = virStorageVolLookupByName(pool, text);
    if (!vol) {
        virResetLastError();
        vol = virStorageVolLookupByKey(c->conn, text);
    }
    if (!vol) {
        virResetLastError();
        vol = virStorageVolLookupByPath(c->conn, text);
    }
    if (!vol && pool)
        fl_fail(c, "failed to get vol '%s' in pool '%s'", text, pool_name);
    else if (!vol)
        fl_fail(c, "failed to get vol '%s'; a volume's name needs --pool beside it", text);
    return vol;
}

static virInterfacePtr interface_by(struct fl_call *c, const char *text, unsigned int by)
{
    virInterfacePtr iface = virInterfaceLookupByName(c->conn, text);

    if (!iface && (by & FL_BY_UUID) && strchr(text, ':')) {
        virResetLastError();
        iface = virInterfaceLookupByMACString(c->conn, text);
    }
    if (!iface)
        fl_fail(c, "failed to get interface '%s'", text);
    return iface;
}

static virNodeDevicePtr device_by(struct fl_call *c, const char *text)
{
    g_auto(GStrv) wwns = g_strsplit(text, ",", 0);
    virNodeDevicePtr dev;

    if (g_strv_length(wwns) == 2)
        dev = virNodeDeviceLookupSCSIHostByWWN(c->conn, wwns[0], wwns[1], 0);
    else
        dev = virNodeDeviceLookupByName(c->conn, text);
    if (!dev)
        fl_fail(c, "failed to get node device '%s'", text);
    return dev;
}

static virSecretPtr secret_by(struct fl_call *c, const char *text)
{
    virSecretPtr secret = virSecretLookupByUUIDString(c->conn, text);

    if (!secret)
        fl_fail(c, "failed to get secret '%s'", text);
    return secret;
}

static virNWFilterPtr filter_by(struct fl_call *c, const char *text)
{
    virNWFilterPtr filter = NULL;

    if (looks_like_uuid(text))
        filter = virNWFilterLookupByUUIDString(c->conn, text);
    if (!filter) {
        virResetLastError();
        filter = virNWFilterLookupByName(c->conn, text);
    }
    if (!filter)
        fl_fail(c, "failed to get network filter '%s'", text);
    return filter;
}

static virNWFilterBindingPtr binding_by(struct fl_call *c, const char *text)
{
    virNWFilterBindingPtr binding = virNWFilterBindingLookupByPortDev(c->conn, text);

    if (!binding)
        fl_fail(c, "failed to get the filter binding of port '%s'", text);
    return binding;
}

/* What was missed is not what the command takes: the library has no part in that. */
static int not_taken(struct fl_call *c, const char *kind, const char *text, unsigned int by)
{
    int id;

    if (by & FL_BY_NAME)
        return 0;
    if (looks_like_uuid(text) || ((by & FL_BY_ID) && looks_like_id(text, &id)))
        return 0;
    return fl_wrong(c, "'%s' takes %sthe UUID of a %s, and '%s' is none", c->args->command->name,
                    by & FL_BY_ID ? "the id or " : "", kind, text);
}

/* Commands that translate one form into another do not take what they print. */
static unsigned int accepted(const struct fl_call *c)
{
    static const struct {
        const char *command;
        unsigned int by;
    } rules[] = {
        { "domid", FL_BY_NAME | FL_BY_UUID }, { "domname", FL_BY_ID | FL_BY_UUID },
        { "domuuid", FL_BY_NAME | FL_BY_ID }, { "net-name", FL_BY_UUID },
        { "net-uuid", FL_BY_NAME },           { "pool-name", FL_BY_UUID },
        { "pool-uuid", FL_BY_NAME },          { "iface-mac", FL_BY_NAME },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
        if (strcmp(rules[i].command, c->args->command->name) == 0)
            return rules[i].by;
    return FL_BY_ANY;
}

/* What '@name' in a row stands for. */
static int lookup_one(struct fl_call *c, const char *name, const char *text)
{
    unsigned int by = accepted(c);

    fl_debug(c->sh, FL_DEBUG_ALL, "%s: looking up %s '%s'", c->args->command->name, name, text);
    if (not_taken(c, name, text, by) < 0)
        return -1;
    if (strcmp(name, "domain") == 0)
        return (c->dom = fl_domain_by(c, text, by)) ? 0 : -1;
    if (strcmp(name, "network") == 0)
        return (c->net = fl_network_by(c, text, by)) ? 0 : -1;
    if (strcmp(name, "pool") == 0)
        return (c->pool = fl_pool_by(c, text, by)) ? 0 : -1;
    if (strcmp(name, "vol") == 0)
        return (c->vol = fl_volume_by(c, text, fl_arg(c, "pool"))) ? 0 : -1;
    if (strcmp(name, "interface") == 0)
        return (c->iface = interface_by(c, text, by)) ? 0 : -1;
    if (strcmp(name, "device") == 0)
        return (c->dev = device_by(c, text)) ? 0 : -1;
    if (strcmp(name, "secret") == 0)
        return (c->secret = secret_by(c, text)) ? 0 : -1;
    if (strcmp(name, "nwfilter") == 0)
        return (c->filter = filter_by(c, text)) ? 0 : -1;
    if (strcmp(name, "binding") == 0)
        return (c->binding = binding_by(c, text)) ? 0 : -1;
    g_assert_not_reached();
}

int fl_lookup_objects(struct fl_call *c)
{
    for (size_t i = 0; i < c->args->n_options; i++) {
        const struct fl_option *o = &c->args->options[i];

        if (o->object && lookup_one(c, o->name, c->args->values[i]) < 0)
            return -1;
    }
    return 0;
}

void fl_release_objects(struct fl_call *c)
{
    virErrorPtr kept = virSaveLastError();

    g_clear_pointer(&c->vol, virStorageVolFree);
    g_clear_pointer(&c->pool, virStoragePoolFree);
    g_clear_pointer(&c->dom, virDomainFree);
    g_clear_pointer(&c->net, virNetworkFree);
    g_clear_pointer(&c->iface, virInterfaceFree);
    g_clear_pointer(&c->dev, virNodeDeviceFree);
    g_clear_pointer(&c->secret, virSecretFree);
    g_clear_pointer(&c->filter, virNWFilterFree);
    g_clear_pointer(&c->binding, virNWFilterBindingFree);
    if (kept)
        virFreeError(kept);
}
