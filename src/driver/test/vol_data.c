/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is in a volume. A pool of this driver names folders that are never touched, so the bytes live in
 * memory without a name, from the first upload until the volume goes: zeros where nothing was written. No
 * more than the capacity is taken.
 */
#define FL_FROM VIR_FROM_TEST
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/fdstream.h"
#include "driver/test/ops.h"
#include "driver/test/pool.h"
#include "driver/test/vol_data.h"

void fl_test_vol_data_free(struct fl_test_vol *v)
{
    if (v->data > 0)
        close(v->data);
}

/* The bytes' descriptor number, made when there is none. -1 with the error set. */
static int need_data(struct fl_test_vol *v)
{
    int fd;

    if (v->data > 0)
        return v->data;
    fd = memfd_create("volume", MFD_CLOEXEC);
    if (fd < 0)
        return fl_error_system(errno, "cannot keep the bytes of volume '%s'", v->item.name);
    if (ftruncate(fd, (off_t)v->def->capacity) < 0) {
        fl_error_system(errno, "cannot keep %llu bytes of volume '%s'", v->def->capacity, v->item.name);
        close(fd);
        return -1;
    }
    v->data = fd;
    return fd;
}

/* Each stream has a place of its own in the file: it is opened once more. */
static int open_stream(struct fl_test_vol *v, virStreamPtr st, unsigned long long offset,
                       unsigned long long length, const struct fl_fdstream_options *how)
{
    struct fl_fdstream_options options = *how;
    unsigned long long room = v->def->capacity > offset ? v->def->capacity - offset : 0;
    g_autofree char *path = NULL;
    int fd;

    if (offset > v->def->capacity || length > room)
        return fl_error(VIR_ERR_INVALID_ARG,
                        "volume '%s' has %llu bytes; %llu from byte %llu on go beyond its end", v->item.name,
                        v->def->capacity, length, offset);
    if (st->priv)
        return fl_error(VIR_ERR_OPERATION_INVALID, "the stream is in use for something else already");
    fd = need_data(v);
    if (fd < 0)
        return -1;
    options.length = (long long)(length ? length : room);
    path = g_strdup_printf("/proc/self/fd/%d", fd);
    return fl_fdstream_open_file(st, path, offset, &options);
}

int fl_test_storage_vol_download(virStorageVolPtr vol, virStreamPtr st, unsigned long long offset,
                                 unsigned long long length, unsigned int flags)
{
    const struct fl_fdstream_options how = { .sparse = flags & VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM };
    struct fl_test_vol *v;

    if (fl_check_flags(flags, VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM) < 0)
        return -1;
    TEST_WRITE(vol);
    v = fl_test_vol_of(host, vol);
    return v ? open_stream(v, st, offset, length, &how) : -1;
}

int fl_test_storage_vol_upload(virStorageVolPtr vol, virStreamPtr st, unsigned long long offset,
                               unsigned long long length, unsigned int flags)
{
    const struct fl_fdstream_options how = { .writing = true,
                                             .sparse = flags & VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM };
    struct fl_test_vol *v;

    if (fl_check_flags(flags, VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM) < 0)
        return -1;
    TEST_WRITE(vol);
    v = fl_test_vol_of(host, vol);
    return v ? open_stream(v, st, offset, length, &how) : -1;
}
