/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a text would become, counted before a tree is made of it. */
#include "model/xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void check(const char *text, unsigned int nodes, unsigned int attrs)
{
    struct fl_xml_extent extent;

    fl_xml_scan(text, &extent);
    assert_int_equal(extent.nodes, nodes);
    assert_int_equal(extent.attrs, attrs);
    assert_false(extent.has_type);
}

static void test_elements(void **state)
{
    (void)state;
    check("", 0, 0);
    check("no element", 0, 0);
    check("<a/>", 1, 0);
    check("<a><b></b><b/>text &lt; </a>", 3, 0);
    check("<?xml version='1.0'?><a/>", 2, 0);
}

static void test_attributes(void **state)
{
    (void)state;
    check("<a x='1' y = \"2\"><b z=''/></a>", 2, 2);
    check("<a x='>' y='<b c=1>=' z=\"'\"/>", 1, 3);
}

static void test_what_is_no_element(void **state)
{
    (void)state;
    check("<a><!-- <b x='1'/> --><![CDATA[<c><d/></c>]]></a>", 3, 0);
    check("<a><!----><?pi <b/> ?></a>", 3, 0);
}

/* What is wrong with them is for the reader to say. */
static void test_ends_in_the_middle(void **state)
{
    static const char *const texts[] = { "<",    "<a",          "<a x",         "<a x='",  "<a x='1'",
                                         "<!--", "<!-- <b> --", "<![CDATA[ <b", "<?a <b>", "</a" };
    struct fl_xml_extent extent;

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        fl_xml_scan(texts[i], &extent);
        assert_in_range(extent.nodes, 0, 1);
    }
}

static void test_document_type(void **state)
{
    struct fl_xml_extent extent;

    (void)state;
    fl_xml_scan("<?xml version='1.0'?><!DOCTYPE a [ <!ENTITY b 'c'> ]><a/>", &extent);
    assert_true(extent.has_type);
}

/* What only begins like one is not well-formed, and the reader says so. */
static void test_no_document_type(void **state)
{
    (void)state;
    check("<a><!b></a>", 1, 0);
    check("<a><!DOCTYPE a></a>", 1, 0);
    check("<a/><!DOCTYPE a>", 1, 0);
    check("<!doctype a><a/>", 0, 0);
    check("<a><![CDAT[b]]></a>", 1, 0);
    check("<?xml version='1.0'?><!ELEMENT a ANY><a/>", 1, 0);
}

/* No library is needed to refuse these, nor a tree. */
static void test_refused_before_the_reader(void **state)
{
    g_autoptr(GString) many = g_string_new("<a");
    struct fl_xml_node *root = NULL;

    (void)state;
    for (unsigned int i = 0; i <= FL_XML_MAX_ATTRS; i++)
        g_string_append_printf(many, " a%u=''", i);
    g_string_append(many, "/>");
    assert_int_equal(fl_xml_parse(many->str, "doc", &root), -1);
    g_string_assign(many, "<a>");
    for (unsigned int i = 0; i < FL_XML_MAX_NODES; i++)
        g_string_append(many, "<b/>");
    g_string_append(many, "</a>");
    assert_int_equal(fl_xml_parse(many->str, "doc", &root), -1);
    assert_null(root);
}

/* One less is read. */
static void test_taken_at_the_limit(void **state)
{
    g_autoptr(GString) text = g_string_new("<a");
    FL_XML_AUTO *root = NULL;

    (void)state;
    for (unsigned int i = 0; i < FL_XML_MAX_ATTRS; i++)
        g_string_append_printf(text, " a%u=''", i);
    g_string_append(text, ">");
    for (unsigned int i = 1; i < FL_XML_MAX_NODES; i++)
        g_string_append(text, "<b/>");
    g_string_append(text, "</a>");
    assert_int_equal(fl_xml_parse(text->str, "doc", &root), 0);
    assert_int_equal(fl_xml_count(root, "b"), FL_XML_MAX_NODES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements),           cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_what_is_no_element), cmocka_unit_test(test_ends_in_the_middle),
        cmocka_unit_test(test_document_type),      cmocka_unit_test(test_refused_before_the_reader),
        cmocka_unit_test(test_taken_at_the_limit), cmocka_unit_test(test_no_document_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
