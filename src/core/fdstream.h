/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stream over a descriptor of this machine: a range of a file, or a pipe. For drivers in this process. */
#pragma once

#include <stdbool.h>
#include <libvirt/libvirt.h>

struct fl_fdstream_options {
    bool writing;     /* the application sends; else it receives */
    bool sparse;      /* holes of a regular file are told and made */
    long long length; /* most bytes, holes included; < 0: to the end of the file, or without limit */
    /* Once, when the stream is finished, aborted or freed; may be NULL. */
    void (*closed)(void *opaque, bool finished);
    void *opaque;
};

/* Connects `st`; takes the descriptor over, from its present offset. -1 with the error set, fd closed. */
int fl_fdstream_open(virStreamPtr st, int fd, const struct fl_fdstream_options *options);
/* The same for a file: opens it (O_CREAT never), seeks to `offset`. */
int fl_fdstream_open_file(virStreamPtr st, const char *path, unsigned long long offset,
                          const struct fl_fdstream_options *options);
