/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemons one program is: names, files, which URIs, and settings that have no effect in some of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glib.h>
#include <string.h>

#include "config/daemon_conf.h"
#include "daemon/paths.h"
#include "daemon/personality.h"

static void found_by_program(void **state)
{
    assert_string_equal(fl_personality_find("virtqemud")->name, "virtqemud");
    assert_string_equal(fl_personality_find("/usr/sbin/virtproxyd")->name, "virtproxyd");
    assert_string_equal(fl_personality_find("./virtxend")->name, "virtxend");
    assert_string_equal(fl_personality_find("virtqemud-test")->name, "libvirtd");
    assert_string_equal(fl_personality_find("/virtqemud/x")->name, "libvirtd");
    assert_string_equal(fl_personality_find("")->name, "libvirtd");
    assert_string_equal(fl_personality_find(NULL)->name, "libvirtd");
    assert_string_equal(fl_personality_own()->name, "libvirtd");
}

static void serves_its_drivers(void **state)
{
    const struct fl_personality *qemu = fl_personality_find("virtqemud");

    assert_true(fl_personality_serves(qemu, "qemu"));
    assert_true(fl_personality_serves(qemu, "test"));
    assert_false(fl_personality_serves(qemu, "xen"));
    assert_true(fl_personality_serves(fl_personality_find("libvirtd"), "xen"));
    assert_true(fl_personality_serves(fl_personality_find("virtproxyd"), "anything"));
}

static void files_of_the_system(void **state)
{
    static const struct {
        const char *name, *conf, *stem, *pid;
    } rows[] = {
        { "libvirtd", "/libvirt/libvirtd.conf", "libvirt", "/libvirtd.pid" },
        { "virtqemud", "/libvirt/virtqemud.conf", "virtqemud", "/virtqemud.pid" },
        { "virtxend", "/libvirt/virtxend.conf", "virtxend", "/virtxend.pid" },
        { "virtproxyd", "/libvirt/virtproxyd.conf", "libvirt", "/virtproxyd.pid" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (int privileged = 0; privileged < 2; privileged++) {
            struct fl_paths paths;

            fl_paths_init(&paths, fl_personality_find(rows[i].name), privileged);
            assert_true(g_str_has_suffix(paths.config_file, rows[i].conf));
            assert_true(g_str_has_suffix(paths.pid_file, rows[i].pid));
            assert_string_equal(fl_personality_find(rows[i].name)->stem, rows[i].stem);
            assert_true(g_str_has_suffix(paths.socket_dir, "/libvirt"));
            fl_paths_fini(&paths);
        }
    }
}

static guint warnings(const char *text, unsigned int kind)
{
    fl_autodaemonconf struct fl_daemon_conf *conf = NULL;

    assert_int_equal(fl_daemon_conf_parse("d.conf", text, strlen(text), kind, &conf), 0);
    for (char **w = conf->warnings; *w; w++)
        assert_non_null(strstr(*w, "d.conf:"));
    return g_strv_length(conf->warnings);
}

static void settings_for_the_network(void **state)
{
    static const char text[] = "listen_tls = 0\nmax_clients = 900\ntcp_min_ssf = 256\n"
                               "tls_allowed_dn_list = [\"a\"]\nsasl_allowed_username_list = [\"b\"]\n";

    assert_int_equal(warnings(text, 0), 0);
    assert_int_equal(warnings(text, FL_DAEMON_CONF_PRIVILEGED), 0);
    assert_int_equal(warnings(text, FL_DAEMON_CONF_UNIX_ONLY), 3);
    assert_int_equal(warnings("unix_sock_dir = \"/x\"\nauth_unix_rw = \"none\"\n", FL_DAEMON_CONF_UNIX_ONLY),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_program),
        cmocka_unit_test(serves_its_drivers),
        cmocka_unit_test(files_of_the_system),
        cmocka_unit_test(settings_for_the_network),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
