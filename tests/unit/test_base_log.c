/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log: levels, filters and outputs as the settings say; bad settings are refused by item. Deadlines,
 * UUIDs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/util.h"

static char path[64];

static int begin(void **state)
{
    g_snprintf(path, sizeof(path), "/tmp/fl-log-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    fl_error_reset();
    return 0;
}

static int end(void **state)
{
    unlink(path);
    return 0;
}

static char *configure_and_read(int level, const char *filters, int at)
{
    g_autofree char *outputs = g_strdup_printf("%d:file:%s", at, path);
    char *text;
    assert_int_equal(fl_log_configure(level, filters, outputs), 0);
    fl_log_write(FL_LOG_DEBUG, "../src/rpc/client.c", 7, "a %s", "debug");
    fl_log_write(FL_LOG_INFO, "../src/rpc/client.c", 8, "an info");
    fl_log_write(FL_LOG_WARN, "src/core/hub.c", 9, "a warning");
    assert_int_equal(fl_file_read(path, 10000, &text, NULL), 0);
    return text;
}

static void a_line_names_level_and_source(void **state)
{
    g_autofree char *text = configure_and_read(FL_LOG_DEBUG, NULL, 1);
    assert_non_null(strstr(text, ": debug : rpc.client:7 : a debug\n"));
    assert_non_null(strstr(text, ": warning : core.hub:9 : a warning\n"));
    assert_int_equal(fl_log_threshold, FL_LOG_DEBUG);
}

static void the_level_keeps_lines_out(void **state)
{
    g_autofree char *text = configure_and_read(FL_LOG_WARN, NULL, 1);
    assert_null(strstr(text, "an info"));
    assert_non_null(strstr(text, "a warning"));
    assert_int_equal(fl_log_threshold, FL_LOG_WARN);
}

static void the_first_filter_that_matches_decides(void **state)
{
    g_autofree char *text = configure_and_read(FL_LOG_ERROR, "2:rpc 1:+rp* 4:core", 1);
    assert_null(strstr(text, "a debug"));
    assert_non_null(strstr(text, "an info"));
    assert_null(strstr(text, "a warning"));
}

static void an_output_has_its_own_level(void **state)
{
    g_autofree char *text = configure_and_read(FL_LOG_DEBUG, NULL, 3);
    assert_null(strstr(text, "an info"));
    assert_non_null(strstr(text, "a warning"));
    assert_int_equal(fl_log_threshold, FL_LOG_WARN);
}

static void a_minute_has_room_for_a_few(void **state)
{
    const int64_t minute = 60 * G_USEC_PER_SEC;
    struct fl_log_seldom s = { 0 };
    unsigned int missed;

    for (int64_t now = minute; now < minute + FL_LOG_SELDOM; now++) {
        assert_true(fl_log_seldom_take(&s, now, &missed));
        assert_int_equal(missed, 0);
    }
    for (int i = 0; i < 7; i++)
        assert_false(fl_log_seldom_take(&s, 2 * minute - 1, &missed));
    assert_true(fl_log_seldom_take(&s, 2 * minute, &missed));
    assert_int_equal(missed, 7);
    assert_true(fl_log_seldom_take(&s, 2 * minute, &missed));
    assert_int_equal(missed, 0);
}

static char *flood(int level)
{
    g_autofree char *outputs = g_strdup_printf("1:file:%s", path);
    struct fl_log_seldom s = { 0 };
    char *text;

    assert_int_equal(fl_log_configure(level, NULL, outputs), 0);
    for (int i = 0; i < 1000; i++)
        fl_log_write_seldom(&s, "src/daemon/peer.c", 1, "stranger <%d>", i);
    s.until = 0; /* a minute has gone by */
    fl_log_write_seldom(&s, "src/daemon/peer.c", 1, "stranger <%d>", 1000);
    assert_int_equal(fl_file_read(path, 1000000, &text, NULL), 0);
    return text;
}

static unsigned int lines_with(const char *text, const char *what)
{
    unsigned int n = 0;

    while ((text = strstr(text, what)) != NULL) {
        n++;
        text++;
    }
    return n;
}

static void a_flood_is_counted_not_written(void **state)
{
    g_autofree char *text = flood(FL_LOG_WARN);

    assert_int_equal(lines_with(text, "\n"), FL_LOG_SELDOM + 1);
    assert_non_null(strstr(text, "stranger <4>\n"));
    assert_null(strstr(text, "stranger <5>"));
    assert_non_null(strstr(text, ": warning : daemon.peer:1 : stranger <1000> (and 995 more"));
}

static void for_debugging_a_flood_is_written(void **state)
{
    g_autofree char *text = flood(FL_LOG_DEBUG);

    assert_int_equal(lines_with(text, ": warning : "), FL_LOG_SELDOM + 1);
    assert_int_equal(lines_with(text, ": debug : "), 1000 - FL_LOG_SELDOM);
}

static void bad_settings_are_refused(void **state)
{
    static const char *const filters[] = { "rpc", "5:rpc", "1", "1:", "1:+", "0:x" };
    static const char *const outputs[] = { "stderr", "1:nowhere", "1:file:relative",
                                           "1:syslog:", "9:stderr" };
    for (size_t i = 0; i < G_N_ELEMENTS(filters); i++) {
        fl_error_reset();
        assert_int_equal(fl_log_configure(1, filters[i], NULL), -1);
        assert_int_equal(fl_error_get()->code, VIR_ERR_CONF_SYNTAX);
        assert_non_null(strstr(fl_error_get()->message, filters[i]));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(outputs); i++)
        assert_int_equal(fl_log_configure(1, NULL, outputs[i]), -1);
    assert_int_equal(fl_log_configure(1, NULL, "1:file:/nonexistent/x"), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_SYSTEM_ERROR);
}

static void deadlines_become_poll_timeouts(void **state)
{
    assert_int_equal(fl_deadline_poll_ms(FL_NO_DEADLINE), -1);
    assert_int_equal(fl_deadline_poll_ms(0), 0);
    assert_true(fl_deadline_in_ms(-1) == FL_NO_DEADLINE);
    int ms = fl_deadline_poll_ms(fl_deadline_in_ms(10000));
    assert_true(ms > 9000 && ms <= 10000);
    assert_int_equal(fl_deadline_poll_ms(fl_deadline_in_ms(INT64_MAX / 4)), -1);
}

static void a_silent_descriptor_times_out(void **state)
{
    int p[2];
    char c;
    assert_int_equal(pipe(p), 0);
    assert_int_equal(fl_fd_set_nonblock(p[0], true), 0);
    assert_int_equal(fl_fd_wait(p[0], POLLIN, fl_deadline_in_ms(1)), -ETIMEDOUT);
    assert_int_equal(fl_fd_read_all(p[0], &c, 1, fl_deadline_in_ms(1)), -ETIMEDOUT);
    assert_int_equal(fl_fd_write_all(p[1], "x", 1, FL_NO_DEADLINE), 1);
    assert_int_equal(fl_fd_read_all(p[0], &c, 1, FL_NO_DEADLINE), 1);
    fl_fd_close(&p[1]);
    assert_int_equal(p[1], -1);
    assert_int_equal(fl_fd_read_all(p[0], &c, 1, FL_NO_DEADLINE), 0);
    fl_fd_close(&p[0]);
}

static void uuids_are_read_in_every_spelling(void **state)
{
    static const char *const bad[] = { "",
                                       "6695eb01",
                                       "6695eb01-f6a4-8304-79aa-97f2502e193",
                                       "x695eb01f6a4830479aa97f2502e193f",
                                       "6695eb01-f6a4-8304-79aa-97f2502e193f0",
                                       "6695eb01-f6a4-8304-79aa-97f2502e193f x" };
    unsigned char uuid[16];
    char text[37];
    assert_true(fl_uuid_parse("6695eb01-f6a4-8304-79aa-97f2502e193f", uuid));
    fl_uuid_format(uuid, text);
    assert_string_equal(text, "6695eb01-f6a4-8304-79aa-97f2502e193f");
    assert_true(fl_uuid_parse(" 6695EB01F6A4830479AA97F2502E193F ", uuid));
    fl_uuid_format(uuid, text);
    assert_string_equal(text, "6695eb01-f6a4-8304-79aa-97f2502e193f");
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_false(fl_uuid_parse(bad[i], uuid));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_names_level_and_source, begin, end),
        cmocka_unit_test_setup_teardown(the_level_keeps_lines_out, begin, end),
        cmocka_unit_test_setup_teardown(the_first_filter_that_matches_decides, begin, end),
        cmocka_unit_test_setup_teardown(an_output_has_its_own_level, begin, end),
        cmocka_unit_test(a_minute_has_room_for_a_few),
        cmocka_unit_test_setup_teardown(a_flood_is_counted_not_written, begin, end),
        cmocka_unit_test_setup_teardown(for_debugging_a_flood_is_written, begin, end),
        cmocka_unit_test_setup_teardown(bad_settings_are_refused, begin, end),
        cmocka_unit_test(deadlines_become_poll_timeouts),
        cmocka_unit_test(a_silent_descriptor_times_out),
        cmocka_unit_test(uuids_are_read_in_every_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
