/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The walk: opening a connection passes named stages, and each says what it tries and finds. Whoever opens
 * marks the stages; a watcher on the same thread (virsh doctor, the error of a failed opening) reads the
 * record. Where nobody watches, only the name of the present stage is kept: a mark costs a store.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>
#include <libvirt/virterror.h>

enum fl_stage {
    FL_STAGE_NONE,
    FL_STAGE_RESOLVE, /* text -> route */
    FL_STAGE_LOOKUP,  /* host name -> addresses */
    FL_STAGE_CONNECT, /* socket, TCP connection, command */
    FL_STAGE_SSH,     /* "ssh-auth": host key and login */
    FL_STAGE_HELPER,  /* the far end of an ssh login: virt-ssh-helper or netcat, and its socket */
    FL_STAGE_TLS,     /* handshake and certificates */
    FL_STAGE_AUTH,    /* none, sasl, polkit */
    FL_STAGE_OPEN,    /* the daemon opens the driver */
    FL_NSTAGES
};

struct fl_walk_stage {
    enum fl_stage stage;
    char *target;         /* "/run/libvirt/libvirt-sock", "host 'h' port 16514"; may be NULL */
    GPtrArray *lines;     /* char *: what was tried and found, in order */
    int64_t begun, ended; /* g_get_monotonic_time(); ended 0 = not over */
    virErrorPtr error;    /* NULL: passed */
};

/* The record of one walk: struct fl_walk_stage in order. */
struct fl_walk {
    GPtrArray *stages;
    struct fl_walk *outer; /* what this thread watched before */
    enum fl_stage stage;
    /* Set after fl_walk_begin(). */
    bool look_only; /* see fl_walk_look_only() */
    /* Told of each stage when it begins, and when it has passed for certain: when the second one after it
     * begins. The rest is in `stages` after fl_walk_end(), from `told` on. NULL: only there. */
    void (*tell)(const struct fl_walk_stage *stage, bool begins, void *opaque);
    void *opaque;
    guint told;
};

/* Watches this thread from begin to end. */
void fl_walk_begin(struct fl_walk *walk);
/* `error`: the walk ended with it (copied), in the stage its text begins with, else in the last one; NULL:
 * all is well. */
void fl_walk_end(struct fl_walk *walk, const virError *error);
void fl_walk_fini(struct fl_walk *walk);
/* Whether this thread may leave no trace: no daemon started, no host key remembered, no file written. */
bool fl_walk_look_only(void);
/* Whether somebody watches: what costs time (a separate question, a wait) may be done for the record. */
bool fl_walk_watched(void);

/* A stage begins; the one before it has passed. The same one again goes on, with the new target if there is
 * one. */
void fl_stage_enter(enum fl_stage stage, const char *target_fmt, ...) G_GNUC_PRINTF(2, 3);
/* Opening is over. */
void fl_stage_leave(void);
/* One attempt or finding of the present stage: "127.0.0.1: Connection refused". Formatted only when watched.
 */
void fl_stage_note(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
/* FL_STAGE_NONE before and after a walk. */
enum fl_stage fl_stage_now(void);
const char *fl_stage_name(enum fl_stage stage); /* "connect" */

/* The stage that an error's text begins with: "tls: ...", "Authentication failed: auth: ...".
 * FL_STAGE_NONE: it names none. *ret_rest (may be NULL) is what follows. */
enum fl_stage fl_stage_of_error(const virError *error, const char **ret_rest);
/* The thread's error is one of opening: makes its text begin with the name of the present stage, unless it
 * names one already. */
void fl_stage_name_error(void);
/* The thread's error, worded as one of opening, came after it: without stage and advice. */
void fl_stage_unname_error(void);
/* Puts "STAGE: WHO: " before the detail of the thread's error: it is somebody else's word. */
void fl_stage_name_teller(enum fl_stage stage, const char *who);
/* Adds "; TODO" to the thread's error: the last clause of an error of opening is the one thing to do. */
void fl_stage_advise(const char *todo_fmt, ...) G_GNUC_PRINTF(1, 2);
/* The same in the place of the advice it has: the reason is another than whoever gave it could know. */
void fl_stage_advise_instead(const char *todo_fmt, ...) G_GNUC_PRINTF(1, 2);
/* Adds " (REMARK)" to it: what may have been meant, where nobody here can know whether it matters. */
void fl_stage_remark(const char *remark_fmt, ...) G_GNUC_PRINTF(1, 2);
