/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Controllers among themselves: their order, the indexes left out, and the USB 1 companions ("ich9-uhci…")
 * that share the index of their USB 2 master.
 */
#include <stdlib.h>

#include <libvirt/virterror.h>

#include "base/error.h"
#include "model/domain_private.h"

/* The family of one chip, and the port at which a companion starts (-1: it is the master). */
static const struct {
    const char *model;
    int port;
} family[] = { { "ich9-ehci1", -1 }, { "ich9-uhci1", 0 }, { "ich9-uhci2", 2 }, { "ich9-uhci3", 4 } };

static int family_member(const struct fl_xml_node *c)
{
    for (unsigned int i = 0; fl_xml_is(c, "type", "usb") && i < G_N_ELEMENTS(family); i++) {
        if (fl_xml_is(c, "model", family[i].model))
            return (int)i;
    }
    return -1;
}

/* -1: left out. */
static long long index_of(const struct fl_xml_node *c)
{
    const char *index = fl_xml_get(c, "index");

    return index ? (long long)strtoul(index, NULL, 10) : -1;
}

static void index_set(struct fl_xml_node *c, long long index)
{
    fl_xml_setf(c, "index", "%lld", index);
    fl_doc_order(fl_controller_rows, c);
}

static void companion_complete(struct fl_xml_node *c)
{
    int member = family_member(c);
    struct fl_xml_node *master;

    if (member < 0 || family[member].port < 0 || fl_xml_child(c, "master"))
        return;
    master = fl_xml_add(c, "master");
    fl_xml_setf(master, "startport", "%d", family[member].port);
    fl_doc_order(fl_controller_rows, c);
}

/* Whether `late`, which is read after `early` of the same type, goes before it. */
static bool goes_before(const struct fl_xml_node *late, const struct fl_xml_node *early)
{
    long long a = index_of(late), b = index_of(early);

    return a >= 0 && (a < b || (a == b && fl_xml_child(early, "master") && !fl_xml_child(late, "master")));
}

/* Where `c` goes: among those of its type by index, after them without one; a new type at the end. */
static guint place_of(const GPtrArray *list, const struct fl_xml_node *c)
{
    guint place = list->len;
    bool found = false;

    for (guint i = list->len; i-- > 0;) {
        const struct fl_xml_node *other = g_ptr_array_index(list, i);

        if (g_strcmp0(fl_xml_get(other, "type"), fl_xml_get(c, "type")) != 0)
            continue;
        if (goes_before(c, other))
            place = i;
        else if (!found)
            place = i + 1;
        found = true;
    }
    return place;
}

static GPtrArray *controllers_sort(struct fl_xml_node *devices)
{
    GPtrArray *list = g_ptr_array_new();
    struct fl_xml_node *next;

    for (struct fl_xml_node *c = fl_xml_child(devices, "controller"); c; c = next) {
        next = fl_xml_next(c, "controller");
        companion_complete(c);
        g_ptr_array_insert(list, (gint)place_of(list, c), c);
    }
    for (guint i = 0; i < list->len; i++) {
        fl_xml_unlink(g_ptr_array_index(list, i));
        fl_xml_append(devices, g_ptr_array_index(list, i));
    }
    return list;
}

static long long free_index(GHashTable *taken, const char *type)
{
    long long index = 0;

    for (;; index++) {
        g_autofree char *key = g_strdup_printf("%s/%lld", type, index);

        if (!g_hash_table_contains(taken, key))
            return index;
    }
}

static void taken_add(GHashTable *taken, const struct fl_xml_node *c)
{
    g_hash_table_add(taken, g_strdup_printf("%s/%lld", fl_xml_get(c, "type"), index_of(c)));
}

/*
 * The first free index of the type; but a member of the USB family joins the chip listed before it, unless
 * that one has such a member already.
 */
static void controllers_number(const GPtrArray *list)
{
    g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    long long chip = -1;      /* index of the chip listed last */
    unsigned int members = 0; /* of that chip, a bit each */

    for (guint i = 0; i < list->len; i++) {
        if (index_of(g_ptr_array_index(list, i)) >= 0)
            taken_add(taken, g_ptr_array_index(list, i));
    }
    for (guint i = 0; i < list->len; i++) {
        struct fl_xml_node *c = g_ptr_array_index(list, i);
        int member = family_member(c);
        bool joins = member >= 0 && members && !(members & 1U << member);

        if (index_of(c) < 0) {
            index_set(c, joins ? chip : free_index(taken, fl_xml_get(c, "type")));
            taken_add(taken, c);
        }
        if (!fl_xml_is(c, "type", "usb"))
            continue;
        members = member < 0 ? 0 : (index_of(c) == chip ? members : 0) | 1U << member;
        chip = index_of(c);
    }
}

static int check_usb(struct fl_doc_ctx *ctx, const GPtrArray *list, const struct fl_xml_node *devices)
{
    const struct fl_xml_node *none = NULL, *companion = NULL;
    unsigned int n = 0, masters = 0;

    for (guint i = 0; i < list->len; i++) {
        const struct fl_xml_node *c = g_ptr_array_index(list, i);

        if (!fl_xml_is(c, "type", "usb"))
            continue;
        n++;
        none = fl_xml_is(c, "model", "none") ? c : none;
        companion = fl_xml_child(c, "master") ? c : companion;
        masters += !fl_xml_child(c, "master");
    }
    if (none && n > 1)
        return fl_doc_error(ctx, none, VIR_ERR_XML_DETAIL,
                            "<controller>: expected no other USB controller beside model 'none'");
    if (companion && !masters)
        return fl_doc_error(ctx, companion, VIR_ERR_XML_DETAIL,
                            "<controller>: expected a USB controller without <master> beside those with one");
    for (const struct fl_xml_node *in = fl_xml_child(devices, "input"); none && in;
         in = fl_xml_next(in, "input")) {
        if (fl_xml_is(in, "bus", "usb"))
            return fl_doc_error(ctx, in, VIR_ERR_CONFIG_UNSUPPORTED,
                                "<input>: expected another bus: the USB controller has model 'none'");
    }
    return 0;
}

int fl_controllers_complete(struct fl_doc_ctx *ctx, struct fl_xml_node *devices)
{
    g_autoptr(GPtrArray) list = controllers_sort(devices);

    controllers_number(list);
    return check_usb(ctx, list, devices);
}
