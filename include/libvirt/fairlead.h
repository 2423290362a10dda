/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What Fairlead's libvirt.so.0 offers beyond the interface of libvirt: what a URI means and why, and a
 * connection that explains itself. Other makes of the library do not have these calls: a program that is
 * to run with them too looks each one up with dlsym(RTLD_DEFAULT, "fairleadDiagnose") and does without it
 * when it is not there. Structures only ever grow at their end.
 */
#ifndef LIBVIRT_FAIRLEAD_H
#define LIBVIRT_FAIRLEAD_H

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Flags of the calls below; VIR_CONNECT_RO and VIR_CONNECT_NO_ALIASES mean what they mean to
 * virConnectOpenAuth. */
typedef enum {
    FAIRLEAD_READ_ONLY = VIR_CONNECT_RO,
    FAIRLEAD_NO_ALIASES = VIR_CONNECT_NO_ALIASES,
    /* fairleadDiagnose, fairleadOpen: may leave traces as an ordinary opening does: start a session daemon,
     * remember a host key. Otherwise nothing is started and no file is written. */
    FAIRLEAD_MAY_CHANGE = 1 << 8,
    /* fairleadDiagnose: stages are told while the opening goes on, also with FAIRLEAD_BEGUN: to show where it
     * waits. A stage that has passed is told when that is certain: when the second one after it begins. */
    FAIRLEAD_LIVE = 1 << 9
} fairleadFlags;

/* One thing that was decided. */
typedef struct _fairleadItem {
    const char *key;   /* "URI", "driver", "transport", "socket", "connect_timeout", ... */
    const char *value; /* "qemu+ssh://host/system" */
    const char *why;   /* "alias at /etc/libvirt/libvirt.conf:12" */
} fairleadItem;

/*
 * What `name` (as given to virConnectOpen; may be NULL) resolves to, and which rule chose each item: the
 * argument, the environment, a line of libvirt.conf, an alias, a parameter, a probe. Nothing is opened. Where
 * there is no URI at all: each daemon's socket with its state ("socket candidate"), and the URI that the one
 * found stands for ("would open").
 *
 * fairleadExplainURI: a text, a line per item; the caller frees it with free(). NULL: virGetLastError().
 * fairleadRouteInfo: the same as a list in order; keys may repeat ("socket candidate"). Returns how many,
 * or -1; *items is freed with fairleadItemsFree().
 */
char *fairleadExplainURI(const char *name, unsigned int flags);
int fairleadRouteInfo(const char *name, unsigned int flags, fairleadItem **items);
void fairleadItemsFree(fairleadItem *items);

typedef enum {
    FAIRLEAD_PASSED = 0,
    FAIRLEAD_FAILED = 1,
    FAIRLEAD_NOT_REACHED = 2,
    FAIRLEAD_BEGUN = 3
} fairleadVerdict;

/* A stage of opening. All of it is only good during the callback; texts may be NULL unless said otherwise. */
typedef struct _fairleadStage {
    const char *name;   /* never NULL: "resolve" "lookup" "connect" "ssh-auth" "helper" "tls" "auth" "open" */
    const char *target; /* "/run/libvirt/libvirt-sock", "host 'h' port 16509" */
    int verdict;        /* fairleadVerdict */
    double milliseconds;         /* how long it took; 0 where it was not reached */
    const char *const *findings; /* what was tried and found, in order; never NULL */
    unsigned int nfindings;
    const char *error;  /* FAIRLEAD_FAILED: what went wrong */
    int code;           /* virErrorNumber of it, else 0 */
    int domain;         /* virErrorDomain of it, else 0 */
    const char *advice; /* the one thing to do about it */
} fairleadStage;

typedef void (*fairleadStageCallback)(const fairleadStage *stage, void *opaque);

/*
 * Opens `name` as virConnectOpenAuth would, tells every stage that belongs to the way there, in order, and
 * closes again. `auth` may be NULL: nobody is asked then. 0: it opens; 1: a stage failed (it was told, and
 * virGetLastError() has the error); -1: nothing could be tried, virGetLastError() says why.
 */
int fairleadDiagnose(const char *name, virConnectAuthPtr auth, unsigned int flags, fairleadStageCallback cb,
                     void *opaque);

/* As virConnectOpenAuth, but without FAIRLEAD_MAY_CHANGE nothing is started or remembered on the way: to see
 * whether somebody is there. */
virConnectPtr fairleadOpen(const char *name, virConnectAuthPtr auth, unsigned int flags);

#ifdef __cplusplus
}
#endif
#endif
