/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client with a connection in place of the one that broke. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <glib.h>
#include <sys/socket.h>

#include "base/error.h"
#include "rpc/client_again.h"
#include "rpc/client_stream.h"
#include "rpc_lab.h"
#include "wire/procs.h"
#include "wire/types.h"

#define LIVES 8

struct lives {
    struct fl_client *c;
    struct lab_server servers[LIVES];
    unsigned int n;
    GMutex lock;
};

/* As reconnect.c does it: one dials, whoever comes meanwhile waits. */
static int next_life(void *opaque, unsigned int generation, int64_t deadline)
{
    struct lives *l = opaque;
    struct fl_client *fresh;
    int rc = 0;

    g_mutex_lock(&l->lock);
    if (fl_client_generation(l->c) == generation) {
        if (l->n == LIVES) {
            rc = fl_error(VIR_ERR_INTERNAL_ERROR, "no further life");
        } else {
            fresh = lab_start(&l->servers[l->n++], NULL);
            assert_int_equal(fl_client_adopt(l->c, fresh), 0);
            fl_client_unref(fresh);
        }
    }
    g_mutex_unlock(&l->lock);
    return rc;
}

static void lives_begin(struct lives *l)
{
    struct fl_client_options opts = { .opaque = l };

    memset(l, 0, sizeof(*l));
    g_mutex_init(&l->lock);
    l->c = lab_start(&l->servers[l->n++], &opts);
    fl_client_set_revive(l->c, next_life);
}

static void lives_end(struct lives *l)
{
    fl_client_close(l->c, VIR_CONNECT_CLOSE_REASON_CLIENT);
    for (unsigned int i = 0; i < l->n; i++)
        g_thread_join(l->servers[i].thread);
    fl_client_unref(l->c);
    g_mutex_clear(&l->lock);
    fl_error_reset();
}

static void what_had_not_left_is_sent_on_the_next_connection(void **state)
{
    struct lives l;

    lives_begin(&l);
    assert_int_equal(fl_client_generation(l.c), 1);
    shutdown(l.servers[0].fd, SHUT_RDWR);
    g_usleep(20000);
    assert_int_equal(lab_open(l.c, NULL), 0); /* not idempotent, but nobody has seen it */
    assert_int_equal(fl_client_generation(l.c), 2);
    assert_int_equal(lab_ask(l.c, 41), 42);
    assert_true(fl_client_is_open(l.c));
    lives_end(&l);
}

static void what_had_left_is_sent_again_if_it_only_reads(void **state)
{
    struct lives l;

    lives_begin(&l);
    assert_int_equal(lab_open(l.c, "hangup"), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_SYSTEM_ERROR);
    assert_non_null(strstr(fl_error_get()->message, "connect_open had been sent"));
    assert_int_equal(fl_client_generation(l.c), 1); /* and nobody has asked for another connection */
    assert_int_equal(lab_ask(l.c, 1), 2);
    assert_int_equal(fl_client_generation(l.c), 2);
    /* A question that ends the far side each time is asked three times. */
    assert_int_equal(lab_ask(l.c, -7), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_SYSTEM_ERROR);
    assert_int_equal(fl_client_generation(l.c), 4);
    lives_end(&l);
}

static void what_belongs_to_one_connection_stays_there(void **state)
{
    struct lives l;

    lives_begin(&l);
    assert_int_equal(fl_client_call_at(l.c, 1, FL_PROGRAM_REMOTE, FL_P_CONNECT_CLOSE, FL_XDR_VOID, NULL,
                                       FL_XDR_VOID, NULL, NULL),
                     0);
    lab_open(l.c, "hangup");
    assert_int_equal(fl_client_call_at(l.c, 1, FL_PROGRAM_REMOTE, FL_P_CONNECT_CLOSE, FL_XDR_VOID, NULL,
                                       FL_XDR_VOID, NULL, NULL),
                     -1);
    assert_int_equal(fl_client_generation(l.c), 1);
    assert_int_equal(lab_ask(l.c, 1), 2);
    assert_int_equal(fl_client_call_at(l.c, 1, FL_PROGRAM_REMOTE, FL_P_CONNECT_CLOSE, FL_XDR_VOID, NULL,
                                       FL_XDR_VOID, NULL, NULL),
                     -1);
    assert_true(fl_client_is_open(l.c));
    lives_end(&l);
}

static void a_stream_ends_with_its_connection(void **state)
{
    struct fl_w_storage_vol_upload_args args = {
        .vol = { .pool = (char *)"p", .name = (char *)"v", .key = (char *)"k" }
    };
    struct fl_client_stream *st;
    struct lives l;
    char data[10];

    lives_begin(&l);
    assert_int_equal(fl_client_open_stream(l.c, FL_PROGRAM_REMOTE, FL_P_STORAGE_VOL_UPLOAD,
                                           FL_T_STORAGE_VOL_UPLOAD_ARGS, &args, FL_XDR_VOID, NULL, NULL, &st),
                     0);
    lab_open(l.c, "hangup");
    assert_int_equal(lab_ask(l.c, 1), 2);
    assert_int_equal(fl_client_stream_send(st, "abc", 3, false), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_SYSTEM_ERROR);
    assert_int_equal(fl_client_stream_recv(st, data, sizeof(data), false, false), -1);
    fl_client_stream_free(st);
    assert_int_equal(lab_ask(l.c, 1), 2);
    lives_end(&l);
}

#define ASKERS    16
#define QUESTIONS 300

struct asker {
    struct fl_client *c;
    GThread *thread;
    gint answers; /* atomic */
};

static void *restless_asker(void *opaque)
{
    struct asker *a = opaque;

    for (int i = 0; i < QUESTIONS; i++) {
        if (lab_ask(a->c, i) != i + 1)
            return GINT_TO_POINTER(1);
        g_atomic_int_inc(&a->answers);
    }
    return NULL;
}

/* A question is asked three times only, so that no more than one connection may break under each. */
static void wait_for_an_answer_each(struct asker *askers)
{
    gint64 end = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
    gint before[ASKERS], now;

    for (int i = 0; i < ASKERS; i++)
        before[i] = g_atomic_int_get(&askers[i].answers);
    for (int i = 0; i < ASKERS; i++) {
        while ((now = g_atomic_int_get(&askers[i].answers)) == before[i] && now < QUESTIONS) {
            assert_true(g_get_monotonic_time() < end);
            g_usleep(100);
        }
    }
}

static void many_threads_go_on_together(void **state)
{
    struct lives l;
    struct asker askers[ASKERS] = { { 0 } };

    lives_begin(&l);
    assert_int_equal(fl_client_listen(l.c), 0);
    for (int i = 0; i < ASKERS; i++) {
        askers[i].c = l.c;
        askers[i].thread = g_thread_new("asker", restless_asker, &askers[i]);
    }
    for (int i = 0; i < 4; i++) {
        wait_for_an_answer_each(askers);
        lab_open(l.c, "hangup");
    }
    for (int i = 0; i < ASKERS; i++)
        assert_null(g_thread_join(askers[i].thread));
    assert_int_equal(lab_ask(l.c, 1), 2);
    assert_true(l.n >= 2 && l.n <= 6);
    fl_client_unlisten(l.c);
    lives_end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_had_not_left_is_sent_on_the_next_connection),
        cmocka_unit_test(what_had_left_is_sent_again_if_it_only_reads),
        cmocka_unit_test(what_belongs_to_one_connection_stays_there),
        cmocka_unit_test(a_stream_ends_with_its_connection),
        cmocka_unit_test(many_threads_go_on_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
