/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A volume's contents to a file and back, with holes kept on request. */
#include "shell.h"
#include "handlers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int sink(virStreamPtr st, const char *data, size_t n, void *opaque)
{
    int fd = *(int *)opaque;
    size_t done = 0;

    (void)st;
    while (done < n) {
        ssize_t k = write(fd, data + done, n - done);

        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return -1;
        done += (size_t)k;
    }
    return (int)n;
}

static int sink_hole(virStreamPtr st, long long length, void *opaque)
{
    int fd = *(int *)opaque;
    off_t end = lseek(fd, length, SEEK_CUR);

    (void)st;
    return end < 0 || ftruncate(fd, end) < 0 ? -1 : 0;
}

static int source(virStreamPtr st, char *data, size_t n, void *opaque)
{
    ssize_t k;

    (void)st;
    do
        k = read(*(int *)opaque, data, n);
    while (k < 0 && errno == EINTR);
    return (int)k;
}

/* Where in the file are we: in data or in a hole, and how much of it is left. */
static int source_hole(virStreamPtr st, int *in_data, long long *length, void *opaque)
{
    int fd = *(int *)opaque;
    off_t here = lseek(fd, 0, SEEK_CUR), next;

    (void)st;
    if (here < 0)
        return -1;
    next = lseek(fd, here, SEEK_DATA);
    if (next == here) {
        *in_data = 1;
        next = lseek(fd, here, SEEK_HOLE);
    } else {
        *in_data = 0;
        if (next < 0 && errno == ENXIO)
            next = lseek(fd, 0, SEEK_END);
    }
    if (next < 0 || lseek(fd, here, SEEK_SET) < 0)
        return -1;
    *length = next - here;
    return 0;
}

static int source_skip(virStreamPtr st, long long length, void *opaque)
{
    (void)st;
    return lseek(*(int *)opaque, length, SEEK_CUR) < 0 ? -1 : 0;
}

static int copy_options(struct fl_call *c, unsigned long long *offset, unsigned long long *length)
{
    *offset = *length = 0;
    if (fl_arg_size(c, "offset", 1, G_MAXUINT64, offset) < 0 ||
        fl_arg_size(c, "length", 1, G_MAXUINT64, length) < 0)
        return -1;
    return 0;
}

static int finish(struct fl_call *c, virStreamPtr st, int status, const char *what)
{
    /* every call overwrites the library's reason: take it along first */
    g_autofree char *reason = g_strdup(virGetLastErrorMessage());
    const char *name = virStorageVolGetName(c->vol);

    if (status < 0) {
        fl_wrong(c, "failed to %s volume '%s': %s", what, name, reason);
        virStreamAbort(st);
        return -1;
    }
    if (virStreamFinish(st) < 0)
        return fl_fail(c, "failed to finish: the far end did not confirm volume '%s'", name);
    return 0;
}

int fl_cmd_vol_download(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "sparse", VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM, NULL);
    const char *path = fl_arg(c, "file");
    unsigned long long offset, length;
    g_autoptr(virStream) st = NULL;
    int fd, status;
    bool made;

    if (copy_options(c, &offset, &length) < 0)
        return -1;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    made = fd >= 0;
    if (!made && errno == EEXIST)
        fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0)
        return fl_wrong(c, "cannot create the file '%s': %s", path, g_strerror(errno));
    st = virStreamNew(c->conn, 0);
    status = st ? virStorageVolDownload(c->vol, st, offset, length, flags) : -1;
    if (status < 0)
        fl_fail(c, "failed to download volume '%s'", virStorageVolGetName(c->vol));
    else
        status = finish(
            c, st, flags ? virStreamSparseRecvAll(st, sink, sink_hole, &fd) : virStreamRecvAll(st, sink, &fd),
            "download");
    if (close(fd) < 0 && status == 0)
        status = fl_wrong(c, "cannot write the file '%s': %s", path, g_strerror(errno));
    if (status < 0 && made)
        unlink(path);
    return status;
}

int fl_cmd_vol_upload(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "sparse", VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM, NULL);
    const char *path = fl_arg(c, "file");
    unsigned long long offset, length;
    g_autoptr(virStream) st = NULL;
    int fd, status;

    if (copy_options(c, &offset, &length) < 0)
        return -1;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fl_wrong(c, "cannot open the file '%s': %s", path, g_strerror(errno));
    st = virStreamNew(c->conn, 0);
    status = st ? virStorageVolUpload(c->vol, st, offset, length, flags) : -1;
    if (status < 0)
        fl_fail(c, "failed to upload to volume '%s'", virStorageVolGetName(c->vol));
    else
        status = finish(c, st,
                        flags ? virStreamSparseSendAll(st, source, source_hole, source_skip, &fd)
                              : virStreamSendAll(st, source, &fd),
                        "upload to");
    close(fd);
    return status;
}
