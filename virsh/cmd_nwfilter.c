/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network filters and what they are bound to. */
#include "shell.h"
#include "handlers.h"
#include "list.h"

#include <string.h>

FL_LIST_HELPERS(NWFilter)

int fl_cmd_nwfilter_list(struct fl_call *c)
{
    virNWFilterPtr *all = NULL;
    int n = virConnectListAllNWFilters(c->conn, &all, 0);
    struct fl_table *t;

    if (n < 0)
        return fl_fail(c, "failed to list network filters");
    sort_NWFilter(all, n);
    t = fl_table_new("UUID", "uuid", "Name", "name", NULL);
    for (int i = 0; i < n; i++) {
        char uuid[VIR_UUID_STRING_BUFLEN] = "";

        virNWFilterGetUUIDString(all[i], uuid);
        fl_table_add(t, uuid, virNWFilterGetName(all[i]), NULL);
    }
    fl_table_print(c, t);
    free_NWFilter(all, n);
    return 0;
}

int fl_cmd_nwfilter_define(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "validate", VIR_NWFILTER_DEFINE_VALIDATE, NULL);
    g_autofree char *xml = NULL;
    g_autoptr(virNWFilter) filter = NULL;

    if (fl_arg_file(c, "file", &xml) < 0)
        return -1;
    filter = flags ? virNWFilterDefineXMLFlags(c->conn, xml, flags) : virNWFilterDefineXML(c->conn, xml);
    if (!filter)
        return fl_fail(c, "failed to define a network filter from '%s'", fl_arg(c, "file"));
    fl_extra(c, "Network filter %s defined from %s\n", virNWFilterGetName(filter), fl_arg(c, "file"));
    return 0;
}

int fl_cmd_nwfilter_undefine(struct fl_call *c)
{
    return fl_result(c, virNWFilterUndefine(c->filter), "undefine network filter",
                     virNWFilterGetName(c->filter), "Network filter %s undefined\n");
}

int fl_cmd_nwfilter_dumpxml(struct fl_call *c)
{
    return fl_take_xml(c, virNWFilterGetXMLDesc(c->filter, 0), "the network filter");
}

int fl_cmd_nwfilter_edit(struct fl_call *c)
{
    const char *name = virNWFilterGetName(c->filter);
    g_autofree char *xml = virNWFilterGetXMLDesc(c->filter, 0), *edited = NULL;
    g_autoptr(virNWFilter) filter = NULL;
    int changed;

    if (!xml)
        return fl_fail(c, "failed to get the XML of network filter '%s'", name);
    changed = fl_edit_text(c, xml, &edited);
    if (changed <= 0) {
        if (changed == 0)
            fl_extra(c, "Network filter %s XML configuration not changed.\n", name);
        return changed;
    }
    filter = virNWFilterDefineXML(c->conn, edited);
    if (!filter)
        return fl_fail(c, "the edited XML of network filter '%s' was refused; it is unchanged", name);
    fl_extra(c, "Network filter %s XML configuration edited.\n", virNWFilterGetName(filter));
    return 0;
}

int fl_cmd_nwfilter_binding_list(struct fl_call *c)
{
    virNWFilterBindingPtr *all = NULL;
    int n = virConnectListAllNWFilterBindings(c->conn, &all, 0);
    struct fl_table *t;

    if (n < 0)
        return fl_fail(c, "failed to list filter bindings");
    t = fl_table_new("Port Dev", "port", "Filter", "filter", NULL);
    for (int i = 0; i < n; i++) {
        fl_table_add(t, virNWFilterBindingGetPortDev(all[i]), virNWFilterBindingGetFilterName(all[i]), NULL);
        virNWFilterBindingFree(all[i]);
    }
    free(all);
    fl_table_print(c, t);
    return 0;
}

int fl_cmd_nwfilter_binding_create(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "validate", VIR_NWFILTER_BINDING_CREATE_VALIDATE, NULL);
    g_autofree char *xml = NULL;
    g_autoptr(virNWFilterBinding) binding = NULL;

    if (fl_arg_file(c, "file", &xml) < 0)
        return -1;
    binding = virNWFilterBindingCreateXML(c->conn, xml, flags);
    if (!binding)
        return fl_fail(c, "failed to bind a filter as %s describes", fl_arg(c, "file"));
    fl_extra(c, "Network filter binding on %s created from %s\n", virNWFilterBindingGetPortDev(binding),
             fl_arg(c, "file"));
    return 0;
}

int fl_cmd_nwfilter_binding_delete(struct fl_call *c)
{
    return fl_result(c, virNWFilterBindingDelete(c->binding), "delete the filter binding of",
                     virNWFilterBindingGetPortDev(c->binding), "Network filter binding on %s deleted\n");
}

int fl_cmd_nwfilter_binding_dumpxml(struct fl_call *c)
{
    return fl_take_xml(c, virNWFilterBindingGetXMLDesc(c->binding, 0), "the filter binding");
}
