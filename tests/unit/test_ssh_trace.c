/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where ssh stands by what it says, and names that were meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <glib.h>

#include "base/walk.h"
#include "transport/ssh_trace.h"
#include "uri/suggest.h"

/* As OpenSSH 9.2 prints it. */
#define CONFIG  "debug1: Reading configuration data /etc/ssh/ssh_config\r\n"
#define CONNECT "debug1: Connecting to box [192.0.2.1] port 22.\r\n"
#define FIRST   "debug1: connect to address 192.0.2.1 port 22: Connection refused\r\n"
#define THERE   "debug1: Connection established.\r\n"
#define KEY     "debug1: Server host key: ssh-ed25519 SHA256:abc\r\n"
#define METHOD  "debug1: Next authentication method: publickey\r\n"
#define IN      "Authenticated to box ([192.0.2.1]:22) using \"publickey\".\r\n"
#define COMMAND "debug1: Sending command: sh -c 'x'\r\n"
#define MUX     "debug1: mux_client_request_session: master session id: 2\r\n"
#define END     "debug1: Exit status 1\r\nTransferred: sent 1, received 2 bytes, in 0.1 seconds\r\n"

static void stages(void **state)
{
    static const struct {
        const char *text;
        enum fl_stage stage;
    } rows[] = {
        { "", FL_STAGE_NONE },
        { "Permission denied (publickey).\r\n", FL_STAGE_NONE },
        { CONFIG, FL_STAGE_LOOKUP },
        { CONFIG CONNECT, FL_STAGE_CONNECT },
        { CONFIG CONNECT FIRST, FL_STAGE_CONNECT },
        { CONFIG CONNECT THERE, FL_STAGE_SSH },
        { CONFIG CONNECT THERE KEY METHOD, FL_STAGE_SSH },
        { CONFIG CONNECT THERE KEY METHOD IN, FL_STAGE_SSH },
        { CONFIG CONNECT THERE KEY METHOD IN COMMAND, FL_STAGE_HELPER },
        { CONFIG CONNECT THERE KEY METHOD IN COMMAND CONFIG, FL_STAGE_HELPER },
        { CONFIG MUX, FL_STAGE_HELPER },
        { CONFIG "debug1: Executing proxy command: exec ssh jump\r\n", FL_STAGE_CONNECT },
        { "not a line debug1: Sending command: x\n", FL_STAGE_NONE },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        assert_int_equal(fl_ssh_trace_stage(rows[i].text), rows[i].stage);
}

static void what_people_read(void **state)
{
    g_autofree char *left = fl_ssh_trace_strip(CONFIG CONNECT "sh: 1: nc: not found\r\n" IN END "last");

    assert_string_equal(left, "sh: 1: nc: not found\r\nlast\n");
    g_autofree char *split = fl_ssh_trace_strip(
        COMMAND "nc: debug1: client_input_channel_req: channel 0 rtype exit-status reply 0\r\n" END
                "/run/x: No such file or directory\n" END "nc: " CONNECT);
    assert_string_equal(split, "nc: /run/x: No such file or directory\nnc: \n");
    g_autofree char *none = fl_ssh_trace_strip("");
    assert_string_equal(none, "");
}

/* In pieces, as they come. */
static void marks(void **state)
{
    const char *text = CONFIG CONNECT THERE KEY METHOD IN COMMAND;
    struct fl_walk walk;
    size_t seen = 0;

    fl_walk_begin(&walk);
    for (size_t len = 0; len <= strlen(text); len++) {
        g_autofree char *so_far = g_strndup(text, len);
        seen += fl_ssh_trace_mark(so_far + seen, "ssh box");
    }
    assert_int_equal(seen, strlen(text));
    fl_walk_end(&walk, NULL);
    assert_int_equal(walk.stages->len, 4);
    const struct fl_walk_stage *login = walk.stages->pdata[2];
    assert_int_equal(login->stage, FL_STAGE_SSH);
    assert_string_equal(login->target, "ssh box");
    assert_int_equal(login->lines->len, 3);
    assert_string_equal(login->lines->pdata[0], "Server host key: ssh-ed25519 SHA256:abc");
    fl_walk_fini(&walk);
}

static void names_that_were_meant(void **state)
{
    static const char *const names[] = { "hail", "sleet", "no_verify", "connect_timeout", "ab", NULL };
    static const struct {
        const char *word, *meant;
    } rows[] = {
        { "hial", "hail" },
        { "hai", "hail" },
        { "haill", "hail" },
        { "hall", "hail" },
        { "hail", NULL },
        { "rain", NULL },
        { "no_verfy", "no_verify" },
        { "connect_timout", "connect_timeout" },
        { "konnect_timeoud", "connect_timeout" },
        { "konnect_dimeoud", NULL },
        { "aa", NULL },
        { "", NULL },
        { "a_word_much_longer_than_any_name_that_is_looked_for", NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *meant = fl_suggest(rows[i].word, names);

        if (rows[i].meant)
            assert_string_equal(meant, rows[i].meant);
        else
            assert_null(meant);
    }
    assert_string_equal(fl_suggest_driver("qmeu"), "qemu");
    assert_null(fl_suggest_driver("qemu"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages),
        cmocka_unit_test(what_people_read),
        cmocka_unit_test(marks),
        cmocka_unit_test(names_that_were_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
