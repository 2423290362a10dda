/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clients that wait, and clients beside them: `block` opens connections that somebody makes wait, `during`
 * asks for some seconds, whatever happens meanwhile. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib.h"

/* ---- calls that block ---- */

static atomic_size_t answered;

static void *open_blocked(void *arg)
{
    virConnectPtr c = lib.virConnectOpen(bench_uri);

    (void)arg;
    if (c)
        atomic_fetch_add(&answered, 1);
    else
        fprintf(stderr, "bench-client: %s\n", lib.virGetLastErrorMessage());
    return c;
}

/* Says {"waiting": N} when all have begun, and at the end how many were answered and when the last. */
void bench_block(char **args)
{
    size_t n = strtoul(args[0], NULL, 10);
    pthread_t *t = calloc(n, sizeof(*t));
    double begun = bench_now_us();

    for (size_t i = 0; i < n; i++)
        pthread_create(&t[i], NULL, open_blocked, NULL);
    usleep(500000); /* all of them have arrived */
    printf("{\"what\": \"block\", \"waiting\": %zu}\n", n - atomic_load(&answered));
    fflush(stdout);
    for (size_t i = 0; i < n; i++) {
        void *c = NULL;

        pthread_join(t[i], &c);
        if (c)
            lib.virConnectClose(c);
    }
    printf("{\"what\": \"block\", \"answered\": %zu, \"seconds\": %.2f}\n", atomic_load(&answered),
           (bench_now_us() - begun) / 1e6);
    free(t);
}

/* ---- calls beside them ---- */

static void is_active(virConnectPtr c, virDomainPtr d)
{
    (void)c;
    if (lib.virDomainIsActive(d) < 0)
        bench_die("call");
}

static void define(virConnectPtr c, virDomainPtr d)
{
    char xml[256];
    virDomainPtr made;

    (void)d;
    snprintf(
        xml, sizeof(xml),
        "<domain type='test'><name>beside-%d</name><memory>8192</memory><vcpu>1</vcpu><os><type>hvm</type>"
        "</os></domain>",
        getpid());
    made = lib.virDomainDefineXML(c, xml);
    if (!made || lib.virDomainUndefine(made) < 0)
        bench_die("define and undefine");
    lib.virDomainFree(made);
}

/* The question that a worker of our daemon answers. */
static void stats(virConnectPtr c, virDomainPtr d)
{
    virDomainStatsRecordPtr *all;

    (void)d;
    if (lib.virConnectGetAllDomainStats(c, VIR_DOMAIN_STATS_STATE, &all, 0) < 0)
        bench_die("statistics");
    lib.virDomainStatsRecordListFree(all);
}

static void reopen(virConnectPtr c, virDomainPtr d)
{
    (void)c, (void)d;
    lib.virConnectClose(bench_open());
}

static const struct {
    const char *name;
    void (*once)(virConnectPtr c, virDomainPtr d);
} kinds[] = { { "call", is_active }, { "define", define }, { "stats", stats }, { "open", reopen } };

void bench_during(char **args)
{
    const size_t most = 1000000;
    double seconds = strtod(args[1], NULL), *us = calloc(most, sizeof(*us)), end;
    virConnectPtr c = bench_open();
    virDomainPtr d = bench_find(c, "test");
    char line[8];
    size_t n = 0, kind = 0;

    while (strcmp(args[0], kinds[kind].name) != 0) {
        if (++kind == sizeof(kinds) / sizeof(kinds[0]))
            bench_die("there is call, define, stats and open");
    }
    for (size_t i = 0; i < 20; i++)
        kinds[kind].once(c, d);
    printf("{\"what\": \"ready\"}\n");
    fflush(stdout);
    if (!fgets(line, sizeof(line), stdin))
        return;
    end = bench_now_us() + seconds * 1e6;
    while (n < most && bench_now_us() < end) {
        double t = bench_now_us();

        kinds[kind].once(c, d);
        us[n++] = bench_now_us() - t;
    }
    bench_report(args[0], us, n);
    free(us);
    lib.virDomainFree(d);
    lib.virConnectClose(c);
}
