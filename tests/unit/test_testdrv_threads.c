/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many threads on one test host: readers and writers of every noun at once. Meant for ThreadSanitizer too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>

#include "core/connect_private.h"
#include "driver/test/ops.h"
#include "driver/test/state.h"
#include "uri/route.h"

#define THREADS 4
#define ROUNDS  200

static virConnectPtr conn;

static int begin(void **state)
{
    struct fl_route route = { .uri = (char *)"test:///default", .path = (char *)"/default" };
    conn = fl_connect_new("test:///default", 0);
    conn->driver = &fl_driver_test;
    conn->ops = fl_driver_test.ops;
    return fl_driver_test.open(conn, &route, NULL, 0);
}

static int end(void **state)
{
    fl_driver_test.close(conn);
    conn->driver = NULL;
    return virConnectClose(conn);
}

/* Everybody starts, pauses, prints and stops a domain of his own, and looks at everybody else's. */
static void *domains(void *opaque)
{
    g_autofree char *name = g_strdup_printf("thread%d", GPOINTER_TO_INT(opaque));
    g_autofree char *xml = g_strdup_printf("<domain type='test'><name>%s</name><memory>1024</memory>"
                                           "<os><type>hvm</type></os></domain>",
                                           name);
    for (int i = 0; i < ROUNDS; i++) {
        virDomainPtr dom = fl_test_domain_create_xml(conn, xml, 0), *all = NULL;
        if (!dom)
            return (void *)"could not create";
        if (fl_test_domain_suspend(dom) < 0 || fl_test_domain_resume(dom) < 0)
            return (void *)"could not pause and resume";
        int n = fl_test_connect_list_all_domains(conn, &all, 0);
        for (int k = 0; k < n; k++) {
            g_free(fl_test_domain_get_xml_desc(all[k], 0)); /* it may be gone by now */
            fl_domain_unref(all[k]);
        }
        g_free(all);
        if (n < 1 || fl_test_domain_destroy(dom) < 0)
            return (void *)"could not list or destroy";
        fl_domain_unref(dom);
    }
    return NULL;
}

static void *volumes(void *opaque)
{
    g_autofree char *name = g_strdup_printf("vol%d", GPOINTER_TO_INT(opaque));
    g_autofree char *xml = g_strdup_printf("<volume><name>%s</name><capacity>1000</capacity></volume>", name);
    virStoragePoolPtr pool = fl_test_storage_pool_lookup_by_name(conn, "default-pool");
    for (int i = 0; i < ROUNDS; i++) {
        virStorageVolPtr vol = fl_test_storage_vol_create_xml(pool, xml, 0);
        if (!vol || fl_test_storage_vol_delete(vol, 0) < 0)
            return (void *)"could not make and delete";
        fl_storage_vol_unref(vol);
        g_free(fl_test_storage_pool_get_xml_desc(pool, 0));
    }
    fl_storage_pool_unref(pool);
    return NULL;
}

/* ---- readers one after the other */

#define READERS    8
#define ATTEMPTS   30
#define MOST_READS 20000 /* so that the test ends */

static struct fl_test_host *busy_host;
static gint reads, enough;

static void *read_on(void *opaque)
{
    (void)opaque;
    while (!g_atomic_int_get(&enough) && g_atomic_int_get(&reads) < MOST_READS) {
        g_autoptr(GRWLockReaderLocker) locker = fl_test_host_reader(busy_host);

        (void)locker;   /* held to the end of the turn */
        g_usleep(2000); /* with another one under way all the time */
        g_atomic_int_inc(&reads);
    }
    return NULL;
}

/* Who reads already is waited for, who comes later is not. On a busy machine a reader may have passed before
 * this thread has even begun to wait, so the best of many attempts counts. */
static void a_writer_is_not_kept_waiting_by_readers(void **state)
{
    GThread *threads[READERS];
    int fewest = G_MAXINT;

    (void)state;
    busy_host = conn->priv;
    for (int i = 0; i < READERS; i++) {
        threads[i] = g_thread_new("reader", read_on, NULL);
        g_usleep(300);
    }
    for (int i = 0; i < ATTEMPTS; i++) {
        int before = g_atomic_int_get(&reads);
        GRWLockWriterLocker *locker = fl_test_host_writer(busy_host);

        fewest = MIN(fewest, g_atomic_int_get(&reads) - before);
        g_rw_lock_writer_locker_free(locker);
        g_usleep(5000);
    }
    g_atomic_int_set(&enough, 1);
    for (int i = 0; i < READERS; i++)
        g_thread_join(threads[i]);
    assert_true(fewest <= READERS);
}

static void run(void *(*body)(void *))
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, GINT_TO_POINTER(i)), 0);
    for (int i = 0; i < THREADS; i++) {
        void *problem = NULL;
        assert_int_equal(pthread_join(threads[i], &problem), 0);
        if (problem)
            fail_msg("%s", (const char *)problem);
    }
}

static void domains_of_many_threads_do_not_disturb_each_other(void **state)
{
    run(domains);
    assert_int_equal(fl_test_connect_num_of_domains(conn), 1);
}

static void a_pool_counts_right_under_many_threads(void **state)
{
    virStoragePoolInfo info;
    run(volumes);
    virStoragePoolPtr pool = fl_test_storage_pool_lookup_by_name(conn, "default-pool");
    assert_int_equal(fl_test_storage_pool_get_info(pool, &info), 0);
    assert_int_equal(info.allocation, 0);
    assert_int_equal(fl_test_storage_pool_num_of_volumes(pool), 0);
    fl_storage_pool_unref(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(domains_of_many_threads_do_not_disturb_each_other, begin, end),
        cmocka_unit_test_setup_teardown(a_pool_counts_right_under_many_threads, begin, end),
        cmocka_unit_test_setup_teardown(a_writer_is_not_kept_waiting_by_readers, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
