/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measures over many of something: connections, domains, subscribers. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib.h"

void bench_hold(char **args)
{
    size_t n = strtoul(args[0], NULL, 10), done = 0;
    virConnectPtr *c = calloc(n, sizeof(virConnectPtr));
    double begun = bench_now_us(), opened;
    char line[8];

    for (; done < n && (c[done] = lib.virConnectOpen(bench_uri)); done++)
        ;
    opened = bench_now_us() - begun;
    for (size_t i = 0; i < done; i++) {
        virDomainPtr d = bench_find(c[i], "test");

        if (lib.virDomainIsActive(d) < 0)
            bench_die("call");
        lib.virDomainFree(d);
    }
    printf("{\"what\": \"hold\", \"n\": %zu, \"opens_per_s\": %.0f, \"served_s\": %.2f}\n", done,
           (double)done / opened * 1e6, (bench_now_us() - begun) / 1e6);
    fflush(stdout);
    if (!fgets(line, sizeof(line), stdin)) /* whoever measures the daemon says when it is enough */
        return;
    for (size_t i = 0; i < done; i++)
        lib.virConnectClose(c[i]);
    free(c);
}

/* ---- a host with many domains ---- */

static double list_all(virConnectPtr c, size_t n)
{
    virDomainPtr *all;
    double t = bench_now_us();
    int got = lib.virConnectListAllDomains(c, &all, 0);

    if (got != (int)n)
        bench_die("list: another number of domains");
    t = bench_now_us() - t;
    for (int i = 0; i < got; i++)
        lib.virDomainFree(all[i]);
    free(all);
    return t;
}

static double stats_all(virConnectPtr c, size_t n)
{
    virDomainStatsRecordPtr *all;
    double t = bench_now_us();

    if (lib.virConnectGetAllDomainStats(c, VIR_DOMAIN_STATS_STATE, &all, 0) != (int)n)
        bench_die("stats: another number of domains");
    t = bench_now_us() - t;
    lib.virDomainStatsRecordListFree(all);
    return t;
}

static double xml_all(virConnectPtr c, size_t n)
{
    virDomainPtr *all;
    int got = lib.virConnectListAllDomains(c, &all, 0);
    double t = bench_now_us();

    for (int i = 0; i < got; i++) {
        char *xml = lib.virDomainGetXMLDesc(all[i], 0);

        if (!xml)
            bench_die("XML");
        free(xml);
        lib.virDomainFree(all[i]);
    }
    free(all);
    return bench_now_us() - t;
}

enum { BY_NAME, BY_UUID, BY_ID };

static double lookups(virConnectPtr c, size_t n, int by)
{
    const size_t count = 1000;
    double t = bench_now_us();

    for (size_t i = 0; i < count; i++) {
        size_t which = i * 7919 % n;
        char key[64];
        virDomainPtr d;

        snprintf(key, sizeof(key), by == BY_NAME ? "d%zu" : "00000000-0000-4000-8000-%012zx", which);
        d = by == BY_NAME   ? lib.virDomainLookupByName(c, key)
            : by == BY_UUID ? lib.virDomainLookupByUUIDString(c, key)
                            : lib.virDomainLookupByID(c, (int)which + 1);
        if (!d)
            bench_die("lookup");
        lib.virDomainFree(d);
    }
    return (bench_now_us() - t) / (double)count;
}

static double least(double a, double b)
{
    return a == 0 || b < a ? b : a;
}

void bench_many(char **args)
{
    size_t n = strtoul(args[0], NULL, 10), rounds = strtoul(args[1], NULL, 10);
    virConnectPtr c = bench_open();
    double list = 0, xml = 0, stats = 0, by[3] = { 0 };

    for (size_t i = 0; i < rounds; i++) {
        list = least(list, list_all(c, n));
        stats = least(stats, stats_all(c, n));
        xml = least(xml, xml_all(c, n));
        for (int k = BY_NAME; k <= BY_ID; k++)
            by[k] = least(by[k], lookups(c, n, k));
    }
    printf("{\"what\": \"many\", \"n\": %zu, \"list_ms\": %.3f, \"xml_ms\": %.3f, \"stats_ms\": %.3f, "
           "\"name_us\": "
           "%.2f, \"uuid_us\": %.2f, \"id_us\": %.2f}\n",
           n, list / 1e3, xml / 1e3, stats / 1e3, by[BY_NAME], by[BY_UUID], by[BY_ID]);
    lib.virConnectClose(c);
}

/* ---- events ---- */

static atomic_size_t received;

static int on_event(virConnectPtr c, virDomainPtr d, int event, int detail, void *opaque)
{
    (void)c, (void)d, (void)event, (void)detail, (void)opaque;
    atomic_fetch_add(&received, 1);
    return 0;
}

static void *run_loop(void *arg)
{
    (void)arg;
    for (;;)
        lib.virEventRunDefaultImpl();
    return NULL;
}

void bench_events(char **args)
{
    size_t subscribers = strtoul(args[0], NULL, 10), events = strtoul(args[1], NULL, 10);
    pthread_t loop;
    virConnectPtr maker;
    virDomainPtr d;
    double begun, sent, until;

    if (lib.virEventRegisterDefaultImpl() < 0)
        bench_die("event loop");
    pthread_create(&loop, NULL, run_loop, NULL);
    for (size_t i = 0; i < subscribers; i++) {
        virConnectPtr c = bench_open();

        if (lib.virConnectDomainEventRegisterAny(c, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                 VIR_DOMAIN_EVENT_CALLBACK(on_event), NULL, NULL) < 0)
            bench_die("subscribe");
    }
    maker = bench_open();
    d = bench_find(maker, "test");
    begun = bench_now_us();
    for (size_t i = 0; i < events; i++) {
        if ((i % 2 ? lib.virDomainResume(d) : lib.virDomainSuspend(d)) < 0)
            bench_die("suspend and resume");
    }
    sent = bench_now_us() - begun;
    until = bench_now_us() + 60e6;
    while (atomic_load(&received) < subscribers * events && bench_now_us() < until)
        usleep(500);
    printf("{\"what\": \"events\", \"subscribers\": %zu, \"sent_s\": %.3f, \"events_per_s\": %.0f, \"lost\": "
           "%zu}\n",
           subscribers, sent / 1e6, (double)events / (bench_now_us() - begun) * 1e6,
           subscribers * events - atomic_load(&received));
    fflush(stdout);
    _exit(0); /* the loop runs on */
}
