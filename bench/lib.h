/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the bench's client uses of the library under test, which is named on the command line and loaded by
 * path, so that the same code measures every library. */
#pragma once

#include <stddef.h>
#include <stdnoreturn.h>
#include <libvirt/libvirt.h>

#define BENCH_CALLS(X)                                                                                       \
    X(virConnectOpen)                                                                                        \
    X(virConnectClose)                                                                                       \
    X(virConnectDomainEventRegisterAny)                                                                      \
    X(virConnectGetAllDomainStats)                                                                           \
    X(virConnectListAllDomains)                                                                              \
    X(virDomainDefineXML)                                                                                    \
    X(virDomainDestroy)                                                                                      \
    X(virDomainFree)                                                                                         \
    X(virDomainGetXMLDesc)                                                                                   \
    X(virDomainIsActive)                                                                                     \
    X(virDomainLookupByID)                                                                                   \
    X(virDomainLookupByName)                                                                                 \
    X(virDomainLookupByUUIDString)                                                                           \
    X(virDomainResume)                                                                                       \
    X(virDomainStatsRecordListFree)                                                                          \
    X(virDomainSuspend)                                                                                      \
    X(virDomainUndefine)                                                                                     \
    X(virEventRegisterDefaultImpl)                                                                           \
    X(virEventRunDefaultImpl)                                                                                \
    X(virGetLastErrorMessage)                                                                                \
    X(virSetErrorFunc)                                                                                       \
    X(virStorageVolDownload)                                                                                 \
    X(virStorageVolFree)                                                                                     \
    X(virStorageVolLookupByPath)                                                                             \
    X(virStorageVolUpload)                                                                                   \
    X(virStreamFinish)                                                                                       \
    X(virStreamFree)                                                                                         \
    X(virStreamNew)                                                                                          \
    X(virStreamRecv)                                                                                         \
    X(virStreamSend)

#define BENCH_DECLARE(call) __typeof__(call) *call;
extern struct bench_lib {
    BENCH_CALLS(BENCH_DECLARE)
} lib;

/* Opened by every measure. */
extern const char *bench_uri;

void bench_load(const char *path); /* ends the program when it cannot */
noreturn void bench_die(const char *what);
double bench_now_us(void);
/* Sorts; prints {"what", "n", "mean_us", "p50_us", "p99_us"}. */
void bench_report(const char *what, double *us, size_t n);

virConnectPtr bench_open(void);
virDomainPtr bench_find(virConnectPtr c, const char *name);

/* The measures: arguments as the user wrote them behind the measure's name. */
void bench_call(char **args);    /* N */
void bench_reopen(char **args);  /* N */
void bench_threads(char **args); /* T N: a connection each */
void bench_shared(char **args);  /* T N: one connection */
void bench_hold(char **args);    /* N: opens N, one call each, waits for a line on stdin */
void bench_many(char **args);    /* N ROUNDS: a host with N domains d0...: lists, XML, stats, lookups */
void bench_events(char **args);  /* SUBSCRIBERS EVENTS */
void bench_stream(char **args);  /* up|down VOLUME BYTES */
void bench_block(char **args);   /* N: opens N at once, each of which somebody makes wait */
void bench_during(char **args);  /* call|define|stats|open SECONDS: from a line on stdin on */
