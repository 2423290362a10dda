/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The walk: opening a connection passes named stages, and each says what it tries and finds. Whoever opens
 * marks the stages; a watcher on the same thread (virsh doctor, the error of a failed opening) reads the
 * record. Where nobody watches, only the name of the present stage is kept: a mark costs a store.
 */
#pragma once

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
};

/* Watches this thread from begin to end. */
void fl_walk_begin(struct fl_walk *walk);
/* `error`: the walk ended in its last stage with it (copied); NULL: all is well. */
void fl_walk_end(struct fl_walk *walk, const virError *error);
void fl_walk_fini(struct fl_walk *walk);

/* A stage begins; the one before it has passed. */
void fl_stage_enter(enum fl_stage stage, const char *target_fmt, ...) G_GNUC_PRINTF(2, 3);
/* One attempt or finding of the present stage: "127.0.0.1: Connection refused". Formatted only when watched.
 */
void fl_stage_note(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
/* FL_STAGE_NONE before and after a walk. */
enum fl_stage fl_stage_now(void);
const char *fl_stage_name(enum fl_stage stage); /* "connect" */
