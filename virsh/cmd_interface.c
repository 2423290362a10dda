/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interfaces of the host. */
#include "shell.h"
#include "handlers.h"
#include "list.h"

#include <string.h>

FL_LIST_HELPERS(Interface)

int fl_cmd_iface_list(struct fl_call *c)
{
    virInterfacePtr *all = NULL;
    unsigned int flags =
        fl_flags(c, "inactive", VIR_CONNECT_LIST_INTERFACES_INACTIVE, "all",
                 VIR_CONNECT_LIST_INTERFACES_ACTIVE | VIR_CONNECT_LIST_INTERFACES_INACTIVE, NULL);
    struct fl_table *t;
    int n;

    if (!flags)
        flags = VIR_CONNECT_LIST_INTERFACES_ACTIVE;
    n = virConnectListAllInterfaces(c->conn, &all, flags);
    if (n < 0)
        return fl_fail(c, "failed to list interfaces");
    sort_Interface(all, n);
    t = fl_table_new("Name", "name", "State", "state", "MAC Address", "mac", NULL);
    for (int i = 0; i < n; i++) {
        int active = virInterfaceIsActive(all[i]);
        const char *unknown = fl_json(c) ? NULL : "unknown";

        fl_table_add(t, virInterfaceGetName(all[i]),
                     active < 0 ? unknown
                     : active   ? "active"
                                : "inactive",
                     virInterfaceGetMACString(all[i]), NULL);
    }
    virResetLastError();
    fl_table_print(c, t);
    free_Interface(all, n);
    return 0;
}

int fl_cmd_iface_name(struct fl_call *c)
{
    g_autoptr(virInterface) iface = virInterfaceLookupByMACString(c->conn, fl_arg(c, "interface"));

    if (!iface)
        return fl_fail(c, "failed to get interface '%s'", fl_arg(c, "interface"));
    fl_out(c, "%s\n", virInterfaceGetName(iface));
    return 0;
}

int fl_cmd_iface_mac(struct fl_call *c)
{
    if (fl_json(c))
        fl_json_set(fl_document(c), "mac", fl_json_string(virInterfaceGetMACString(c->iface)));
    fl_out(c, "%s\n", virInterfaceGetMACString(c->iface));
    return 0;
}

int fl_cmd_iface_define(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "validate", VIR_INTERFACE_DEFINE_VALIDATE, NULL);
    g_autofree char *xml = NULL;
    g_autoptr(virInterface) iface = NULL;

    if (fl_arg_file(c, "file", &xml) < 0)
        return -1;
    iface = virInterfaceDefineXML(c->conn, xml, flags);
    if (!iface)
        return fl_fail(c, "failed to define an interface from '%s'", fl_arg(c, "file"));
    fl_extra(c, "Interface %s defined from %s\n", virInterfaceGetName(iface), fl_arg(c, "file"));
    return 0;
}

int fl_cmd_iface_undefine(struct fl_call *c)
{
    return fl_result(c, virInterfaceUndefine(c->iface), "undefine interface", virInterfaceGetName(c->iface),
                     "Interface %s undefined\n");
}

int fl_cmd_iface_start(struct fl_call *c)
{
    return fl_result(c, virInterfaceCreate(c->iface, 0), "start interface", virInterfaceGetName(c->iface),
                     "Interface %s started\n");
}

int fl_cmd_iface_destroy(struct fl_call *c)
{
    return fl_result(c, virInterfaceDestroy(c->iface, 0), "destroy interface", virInterfaceGetName(c->iface),
                     "Interface %s destroyed\n");
}

int fl_cmd_iface_dumpxml(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "inactive", VIR_INTERFACE_XML_INACTIVE, NULL);

    return fl_take_xml(c, virInterfaceGetXMLDesc(c->iface, flags), "the interface");
}

int fl_cmd_iface_edit(struct fl_call *c)
{
    const char *name = virInterfaceGetName(c->iface);
    g_autofree char *xml = virInterfaceGetXMLDesc(c->iface, VIR_INTERFACE_XML_INACTIVE), *edited = NULL;
    g_autoptr(virInterface) iface = NULL;
    int changed;

    if (!xml)
        return fl_fail(c, "failed to get the XML of interface '%s'", name);
    changed = fl_edit_text(c, xml, &edited);
    if (changed <= 0) {
        if (changed == 0)
            fl_extra(c, "Interface %s XML configuration not changed.\n", name);
        return changed;
    }
    iface = virInterfaceDefineXML(c->conn, edited, 0);
    if (!iface)
        return fl_fail(c, "the edited XML of interface '%s' was refused; the definition is unchanged", name);
    fl_extra(c, "Interface %s XML configuration edited.\n", virInterfaceGetName(iface));
    return 0;
}

int fl_cmd_iface_begin(struct fl_call *c)
{
    if (virInterfaceChangeBegin(c->conn, 0) < 0)
        return fl_fail(c, "failed to begin a change of the host's interfaces");
    fl_extra(c, "Network config change transaction started\n");
    return 0;
}

int fl_cmd_iface_commit(struct fl_call *c)
{
    if (virInterfaceChangeCommit(c->conn, 0) < 0)
        return fl_fail(c, "failed to keep the changes of the host's interfaces");
    fl_extra(c, "Network config change transaction committed\n");
    return 0;
}

int fl_cmd_iface_rollback(struct fl_call *c)
{
    if (virInterfaceChangeRollback(c->conn, 0) < 0)
        return fl_fail(c, "failed to undo the changes of the host's interfaces");
    fl_extra(c, "Network config change transaction rolled back\n");
    return 0;
}
