/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The blocking client over a socket pair: calls, their errors and ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <glib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/util.h"
#include "rpc_lab.h"
#include "transport/transport.h"
#include "wire/procs.h"
#include "wire/types.h"

static void one_call(void **state)
{
    struct lab_server sv;
    struct fl_client *c = lab_start(&sv, NULL);

    assert_int_equal(lab_open(c, NULL), 0);
    assert_int_equal(lab_ask(c, 41), 42);
    lab_stop(&sv, c);
}

static void *asker(void *opaque)
{
    struct fl_client *c = opaque;
    static gint base;
    int mine = g_atomic_int_add(&base, 10000);

    for (int i = 0; i < 300; i++) {
        if (lab_ask(c, mine + i) != mine + i + 1)
            return GINT_TO_POINTER(1);
    }
    return NULL;
}

static void many_threads_get_their_own_replies(void **state)
{
    struct lab_server sv;
    struct fl_client *c = lab_start(&sv, NULL);
    GThread *threads[16];

    for (int listening = 0; listening < 2; listening++) {
        for (int i = 0; i < 16; i++)
            threads[i] = g_thread_new("asker", asker, c);
        for (int i = 0; i < 16; i++)
            assert_null(g_thread_join(threads[i]));
        if (!listening)
            assert_int_equal(fl_client_listen(c), 0); /* again with the private thread around */
    }
    fl_client_unlisten(c);
    lab_stop(&sv, c);
}

/* Right, or an error; never another thread's number. */
static void *hasty_asker(void *opaque)
{
    struct fl_client *c = opaque;
    static gint base = 1000000;
    int mine = g_atomic_int_add(&base, 10000);
    intptr_t wrong = 0;

    for (int i = 0; i < 200; i++) {
        int got = lab_ask(c, mine + i);

        wrong += got != mine + i + 1 && got != -1;
    }
    return GINT_TO_POINTER((int)wrong);
}

static void many_threads_give_up_in_the_middle(void **state)
{
    struct fl_client_options opts = { .call_timeout_us = 1000 };
    struct lab_server sv;
    struct fl_client *c = lab_start(&sv, &opts);
    GThread *threads[12];

    g_atomic_int_set(&lab_pause_us, 2000); /* now and then */
    for (int i = 0; i < 12; i++)
        threads[i] = g_thread_new("asker", hasty_asker, c);
    for (int i = 0; i < 12; i++)
        assert_null(g_thread_join(threads[i]));
    g_atomic_int_set(&lab_pause_us, 0);
    assert_true(fl_client_is_open(c));
    lab_stop(&sv, c);
}

static void the_end_wakes_every_waiting_thread(void **state)
{
    struct lab_server sv;
    struct fl_client *c = lab_start(&sv, NULL);
    GThread *threads[12];

    for (int i = 0; i < 12; i++)
        threads[i] = g_thread_new("asker", hasty_asker, c);
    g_usleep(2000);
    lab_open(c, "hangup");
    for (int i = 0; i < 12; i++)
        assert_null(g_thread_join(threads[i]));
    assert_false(fl_client_is_open(c));
    lab_stop(&sv, c);
}

static void errors_come_back(void **state)
{
    struct lab_server sv;
    struct fl_client *c = lab_start(&sv, NULL);

    assert_int_equal(lab_open(c, "fail"), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_NO_DOMAIN);
    assert_string_equal(fl_error_get()->message, "no such thing");
    assert_int_equal(fl_client_call(c, FL_PROGRAM_REMOTE, 9998, FL_XDR_VOID, NULL, FL_XDR_VOID, NULL, NULL),
                     -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_NO_SUPPORT);
    assert_true(fl_client_is_open(c));
    lab_stop(&sv, c);
}

static gint closed_reason;

static void on_closed(void *opaque, int reason)
{
    g_atomic_int_set(&closed_reason, reason);
}

static void a_hang_up_fails_the_call(void **state)
{
    struct fl_client_options opts = { .closed = on_closed };
    struct lab_server sv;
    struct fl_client *c = lab_start(&sv, &opts);

    g_atomic_int_set(&closed_reason, -1);
    assert_int_equal(lab_open(c, "hangup"), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_SYSTEM_ERROR);
    assert_int_equal(closed_reason, VIR_CONNECT_CLOSE_REASON_EOF);
    assert_int_equal(lab_open(c, NULL), -1);
    assert_false(fl_client_is_open(c));
    lab_stop(&sv, c);
}

static void a_deadline_ends_the_call_not_the_connection(void **state)
{
    struct fl_client_options opts = { .call_timeout_us = 50000 };
    struct lab_server sv;
    struct fl_client *c = lab_start(&sv, &opts);
    int got = -1;

    g_atomic_int_set(&lab_goes_on, 0);
    assert_int_equal(lab_open(c, "late"), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_OPERATION_TIMEOUT);
    g_atomic_int_set(&lab_goes_on, 1);
    for (int i = 0; i < 100 && got < 0; i++)
        got = lab_ask(c, 1);  /* 50 ms may be too little on a busy machine */
    assert_int_equal(got, 2); /* the late reply was dropped */
    lab_stop(&sv, c);
}

static void a_pipeline_answers_each(void **state)
{
    struct fl_w_connect_open_args good = { 0 }, bad = { .name = (char *)"fail" };
    struct fl_client_request reqs[] = {
        { FL_PROGRAM_REMOTE, FL_P_CONNECT_OPEN, FL_T_CONNECT_OPEN_ARGS, 0, &good, NULL, 0, NULL },
        { FL_PROGRAM_REMOTE, FL_P_CONNECT_OPEN, FL_T_CONNECT_OPEN_ARGS, 0, &bad, NULL, 0, NULL },
        { FL_PROGRAM_REMOTE, FL_P_CONNECT_OPEN, FL_T_CONNECT_OPEN_ARGS, 0, &good, NULL, 0, NULL },
    };
    struct lab_server sv;
    struct fl_client *c = lab_start(&sv, NULL);
    FL_ARENA(arena);

    assert_int_equal(fl_client_pipeline(c, reqs, G_N_ELEMENTS(reqs), &arena), 0);
    assert_int_equal(reqs[0].result, 0);
    assert_int_equal(reqs[1].result, -1);
    assert_int_equal(reqs[1].error->code, VIR_ERR_NO_DOMAIN);
    assert_int_equal(reqs[2].result, 0);
    fl_error_free(reqs[1].error);
    lab_stop(&sv, c);
}

static void keepalive_notices_a_dead_server(void **state)
{
    struct fl_client_options opts = { .closed = on_closed };
    struct fl_transport *t;
    struct fl_client *c;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    t = fl_transport_from_fd(fds[0]);
    c = fl_client_new(t, &opts);
    g_atomic_int_set(&closed_reason, -1);
    assert_int_equal(fl_client_listen(c), 0);
    assert_int_equal(fl_client_set_keepalive(c, 1, 0), 0);
    assert_int_equal(lab_open(c, NULL), -1); /* nobody answers: the wait ends with the connection */
    for (int i = 0; i < 3000 && g_atomic_int_get(&closed_reason) < 0; i++)
        g_usleep(10000);
    assert_int_equal(closed_reason, VIR_CONNECT_CLOSE_REASON_KEEPALIVE);
    fl_client_unlisten(c);
    fl_client_close(c, VIR_CONNECT_CLOSE_REASON_CLIENT);
    fl_client_unref(c);
    close(fds[1]);
    fl_error_reset();
}

/* What is logged as an error when the server hangs up, the close having been answered. */
static char *errors_at_the_end(bool closing)
{
    struct fl_client_stage stage = {
        .name = "close", .advice = "", .deadline_us = FL_NO_DEADLINE, .closing = closing
    };
    char path[] = "/tmp/fl-rpc-XXXXXX", *text;
    int fd = mkstemp(path);
    g_autofree char *outputs = g_strdup_printf("4:file:%s", path);
    struct lab_server sv;
    struct fl_client *c = lab_start(&sv, NULL);

    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(fl_client_listen(c), 0);
    fl_client_set_stage(c, &stage);
    assert_int_equal(
        fl_client_call(c, FL_PROGRAM_REMOTE, FL_P_CONNECT_CLOSE, FL_XDR_VOID, NULL, FL_XDR_VOID, NULL, NULL),
        0);
    assert_int_equal(fl_log_configure(FL_LOG_ERROR, NULL, outputs), 0);
    assert_int_equal(shutdown(sv.fd, SHUT_RDWR), 0);
    for (int i = 0; i < 60000 && fl_client_is_open(c); i++)
        g_usleep(1000);
    assert_false(fl_client_is_open(c));
    assert_int_equal(fl_log_configure(FL_LOG_ERROR, NULL, NULL), 0);
    assert_int_equal(fl_file_read(path, 10000, &text, NULL), 0);
    unlink(path);
    fl_client_unlisten(c);
    lab_stop(&sv, c);
    return text;
}

static void a_hang_up_after_the_close_is_no_error(void **state)
{
    g_autofree char *agreed = errors_at_the_end(true), *early = errors_at_the_end(false);

    assert_string_equal(agreed, "");
    assert_non_null(strstr(early, "closed the connection"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_call),
        cmocka_unit_test(many_threads_get_their_own_replies),
        cmocka_unit_test(many_threads_give_up_in_the_middle),
        cmocka_unit_test(the_end_wakes_every_waiting_thread),
        cmocka_unit_test(errors_come_back),
        cmocka_unit_test(a_hang_up_fails_the_call),
        cmocka_unit_test(a_deadline_ends_the_call_not_the_connection),
        cmocka_unit_test(a_pipeline_answers_each),
        cmocka_unit_test(keepalive_notices_a_dead_server),
        cmocka_unit_test(a_hang_up_after_the_close_is_no_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
