/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams over a local descriptor. Regular files never make the caller wait; pipes and sockets do, unless the
 * stream is non-blocking. Events come from the application's loop: by the descriptor, or for regular files,
 * which not every loop can watch, by a timer, since they are always ready.
 */
#define FL_FROM VIR_FROM_STREAMS
#include "core/fdstream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/event.h"
#include "base/util.h"
#include "core/objects.h"
#include "core/stream.h"

/* The application's wish to be told; outlives the stream while the loop may still call it. */
struct fd_watch {
    gint refs;
    virStreamPtr st; /* held */
    int events;
    virStreamEventCallback cb;
    void *opaque;
    virFreeCallback ff;
};

struct fdstream {
    struct fl_fdstream_options options;
    int fd; /* open until nobody is at it any longer */
    bool regular;
    GMutex lock;        /* guards the two below */
    unsigned int users; /* threads at the descriptor */
    bool ended;         /* finished or aborted, perhaps while another thread moves bytes */
    long long left;     /* of options.length; LLONG_MAX: no limit */
    struct fd_watch *watch;
    int watch_id; /* a handle, or for regular files a timer */
};

static bool is_ended(struct fdstream *fs)
{
    g_mutex_lock(&fs->lock);
    bool ended = fs->ended;
    g_mutex_unlock(&fs->lock);
    return ended;
}

static int refuse_ended(void)
{
    return fl_error(VIR_ERR_OPERATION_INVALID, "the stream is closed already");
}

/* Whoever begins has the descriptor until leave(), whoever ends the stream meanwhile. */
static int enter(struct fdstream *fs, bool writing)
{
    g_mutex_lock(&fs->lock);
    bool ended = fs->ended, right = fs->options.writing == writing;
    fs->users += !ended && right;
    g_mutex_unlock(&fs->lock);
    if (ended)
        return refuse_ended();
    return right
               ? 0
               : fl_error(VIR_ERR_OPERATION_INVALID, "this stream only %s data", writing ? "gives" : "takes");
}

static void leave(struct fdstream *fs)
{
    g_mutex_lock(&fs->lock);
    bool last = --fs->users == 0 && fs->ended;
    g_mutex_unlock(&fs->lock);
    if (last)
        close(fs->fd);
}

/* 0 = try again, -2 would block, -1 error. */
static int io_retry(virStreamPtr st, const struct fdstream *fs, short events, const char *what)
{
    if (errno == EINTR)
        return 0;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        return fl_error_system(errno, "cannot %s the stream's file", what);
    if (st->flags & VIR_STREAM_NONBLOCK)
        return FL_STREAM_WOULD_BLOCK;
    int r = fl_fd_wait(fs->fd, events, FL_NO_DEADLINE);
    return r < 0 ? fl_error_system(-r, "cannot wait for the stream's file") : 0;
}

static size_t room_of(const struct fdstream *fs, size_t nbytes)
{
    return (size_t)MIN((unsigned long long)fs->left, MIN((unsigned long long)nbytes, INT_MAX));
}

static void took(struct fdstream *fs, long long n)
{
    if (fs->left != LLONG_MAX)
        fs->left -= n;
}

static int send_bytes(virStreamPtr st, const char *data, size_t nbytes)
{
    struct fdstream *fs = st->priv;
    size_t want = room_of(fs, nbytes);
    if (nbytes > 0 && want == 0)
        return fl_error_system(ENOSPC, "all of the %lld bytes that this stream takes were sent",
                               fs->options.length);
    for (;;) {
        ssize_t n = write(fs->fd, data, want);
        if (n >= 0) {
            took(fs, n);
            return (int)n;
        }
        int r = io_retry(st, fs, POLLOUT, "write");
        if (r < 0)
            return r;
        if (is_ended(fs))
            return refuse_ended();
    }
}

static int fd_send(virStreamPtr st, const char *data, size_t nbytes)
{
    if (enter(st->priv, true) < 0)
        return -1;
    int n = send_bytes(st, data, nbytes);
    leave(st->priv);
    return n;
}

/* Where data goes on at or after `at`; the end of the file when there is none. -1 with errno set. */
static off_t data_from(int fd, off_t at)
{
    off_t data = lseek(fd, at, SEEK_DATA);
    return data < 0 && errno == ENXIO ? lseek(fd, 0, SEEK_END) : data;
}

/* Bytes of hole at the present offset, not beyond what is left; 0 in data or at the end. */
static int hole_here(struct fdstream *fs, long long *ret_length)
{
    *ret_length = 0;
    if (!fs->regular || !fs->options.sparse)
        return 0;
    off_t at = lseek(fs->fd, 0, SEEK_CUR);
    off_t data = at < 0 ? -1 : data_from(fs->fd, at);
    if (data < 0 || lseek(fs->fd, at, SEEK_SET) < 0)
        return fl_error_system(errno, "cannot look for holes in the stream's file");
    *ret_length = MIN(MAX((long long)(data - at), 0), fs->left);
    return 0;
}

/* Bytes of data from here to the next hole. */
static int data_here(struct fdstream *fs, size_t *want)
{
    off_t at = lseek(fs->fd, 0, SEEK_CUR);
    off_t hole = at < 0 ? -1 : lseek(fs->fd, at, SEEK_HOLE);
    if (hole < 0 && errno == ENXIO) /* at the end */
        return 0;
    if (hole < 0 || lseek(fs->fd, at, SEEK_SET) < 0)
        return fl_error_system(errno, "cannot look for holes in the stream's file");
    *want = MIN(*want, (size_t)(hole - at));
    return 0;
}

static int recv_bytes(virStreamPtr st, char *data, size_t nbytes, unsigned int flags)
{
    struct fdstream *fs = st->priv;
    size_t want = room_of(fs, nbytes);
    if (want == 0)
        return 0;
    if ((flags & VIR_STREAM_RECV_STOP_AT_HOLE) && fs->regular && fs->options.sparse) {
        long long hole;
        if (hole_here(fs, &hole) < 0)
            return -1;
        if (hole > 0)
            return FL_STREAM_AT_HOLE;
        if (data_here(fs, &want) < 0)
            return -1;
    }
    for (;;) {
        ssize_t n = read(fs->fd, data, want);
        if (n >= 0) {
            took(fs, n);
            return (int)n;
        }
        int r = io_retry(st, fs, POLLIN, "read");
        if (r < 0)
            return r;
        if (is_ended(fs))
            return refuse_ended();
    }
}

static int fd_recv(virStreamPtr st, char *data, size_t nbytes, unsigned int flags)
{
    if (enter(st->priv, false) < 0)
        return -1;
    int n = recv_bytes(st, data, nbytes, flags);
    leave(st->priv);
    return n;
}

static int fd_file(virStreamPtr st)
{
    struct fdstream *fs = st->priv;
    if (!fs->regular || fs->options.writing)
        return -1;
    if (enter(fs, false) < 0) {
        fl_error_reset();
        return -1;
    }
    int fd = fcntl(fs->fd, F_DUPFD_CLOEXEC, 0);
    leave(fs);
    return fd;
}

static ssize_t next_piece(struct fdstream *fs, size_t most, unsigned int flags, off_t *ret_at)
{
    struct stat sb;
    size_t want = room_of(fs, most);
    if ((flags & VIR_STREAM_RECV_STOP_AT_HOLE) && fs->options.sparse) {
        long long hole;
        if (hole_here(fs, &hole) < 0)
            return -1;
        if (hole > 0 || data_here(fs, &want) < 0)
            return hole > 0 ? 0 : -1;
    }
    off_t at = lseek(fs->fd, 0, SEEK_CUR);
    /* Beyond what it says to be its size there may be bytes all the same, as in /proc. */
    if (want == 0 || at < 0 || fstat(fs->fd, &sb) < 0 || at >= sb.st_size)
        return 0;
    want = MIN(want, (size_t)(sb.st_size - at));
    if (lseek(fs->fd, at + (off_t)want, SEEK_SET) < 0)
        return fl_error_system(errno, "cannot go on in the stream's file");
    took(fs, (long long)want);
    *ret_at = at;
    return (ssize_t)want;
}

static ssize_t fd_pass(virStreamPtr st, size_t most, unsigned int flags, off_t *ret_at)
{
    if (enter(st->priv, false) < 0)
        return -1;
    ssize_t n = next_piece(st->priv, most, flags, ret_at);
    leave(st->priv);
    return n;
}

/* Not on a disk. Asked before the stream is anybody else's. */
static bool fd_quick(virStreamPtr st)
{
    const struct fdstream *fs = st->priv;
    struct statfs sf;
    return fs->regular && fstatfs(fs->fd, &sf) == 0 && sf.f_type == TMPFS_MAGIC;
}

static int skip_hole(struct fdstream *fs, long long *length, unsigned int flags)
{
    long long hole;
    if (hole_here(fs, &hole) < 0)
        return -1;
    if (flags)
        return fl_error(VIR_ERR_INVALID_ARG, "no flags are known for holes, 0x%x were given", flags);
    if (hole > 0 && lseek(fs->fd, hole, SEEK_CUR) < 0)
        return fl_error_system(errno, "cannot skip a hole in the stream's file");
    took(fs, hole);
    *length = hole;
    return 0;
}

static int fd_recv_hole(virStreamPtr st, long long *length, unsigned int flags)
{
    if (enter(st->priv, false) < 0)
        return -1;
    int r = skip_hole(st->priv, length, flags);
    leave(st->priv);
    return r;
}

static int make_hole(struct fdstream *fs, long long length, unsigned int flags)
{
    struct stat sb;
    if (flags)
        return fl_error(VIR_ERR_INVALID_ARG, "no flags are known for holes, 0x%x were given", flags);
    if (!fs->regular || !fs->options.sparse)
        return fl_error(VIR_ERR_OPERATION_UNSUPPORTED, "this stream was not opened for holes");
    if (length > fs->left)
        return fl_error_system(ENOSPC, "a hole of %lld bytes is more than this stream takes", length);
    off_t at = lseek(fs->fd, 0, SEEK_CUR);
    if (at < 0 || fstat(fs->fd, &sb) < 0 ||
        (length > 0 && fallocate(fs->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length) < 0) ||
        (at + length > sb.st_size && ftruncate(fs->fd, at + length) < 0) ||
        lseek(fs->fd, length, SEEK_CUR) < 0)
        return fl_error_system(errno, "cannot make a hole of %lld bytes in the stream's file", length);
    took(fs, length);
    return 0;
}

static int fd_send_hole(virStreamPtr st, long long length, unsigned int flags)
{
    if (enter(st->priv, true) < 0)
        return -1;
    int r = make_hole(st->priv, length, flags);
    leave(st->priv);
    return r;
}

static void watch_unref(struct fd_watch *w)
{
    if (!g_atomic_int_dec_and_test(&w->refs))
        return;
    if (w->ff)
        w->ff(w->opaque);
    fl_stream_unref(w->st);
    g_free(w);
}

static void watch_gone(void *opaque)
{
    watch_unref(opaque);
}

static void watch_call(struct fd_watch *w, int events)
{
    g_atomic_int_inc(&w->refs);
    w->cb(w->st, events, w->opaque);
    watch_unref(w);
}

/* VIR_EVENT_HANDLE_* and VIR_STREAM_EVENT_* have the same values. */
static void on_handle(int id, int fd, int events, void *opaque)
{
    watch_call(opaque, events);
}

static void on_timer(int id, void *opaque)
{
    struct fd_watch *w = opaque;
    int events = g_atomic_int_get(&w->events) & (VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_WRITABLE);
    if (events)
        watch_call(w, events);
}

static void watch_stop(struct fdstream *fs)
{
    struct fd_watch *w = g_steal_pointer(&fs->watch);
    if (!w)
        return;
    if (fs->regular)
        fl_event_remove_timeout(fs->watch_id);
    else
        fl_event_remove_handle(fs->watch_id);
    watch_unref(w);
}

static int fd_event_add(virStreamPtr st, int events, virStreamEventCallback cb, void *opaque,
                        virFreeCallback ff)
{
    struct fdstream *fs = st->priv;
    if (is_ended(fs))
        return refuse_ended();
    if (fs->watch)
        return fl_error(VIR_ERR_OPERATION_INVALID, "the stream has an event callback already");
    struct fd_watch *w = g_new0(struct fd_watch, 1);
    *w = (struct fd_watch){ .refs = 2, .st = st, .events = events, .cb = cb, .opaque = opaque, .ff = ff };
    fl_stream_ref(st);
    fs->watch_id = fs->regular ? fl_event_add_timeout(events ? 0 : -1, on_timer, w, watch_gone)
                               : fl_event_add_handle(fs->fd, events, on_handle, w, watch_gone);
    if (fs->watch_id < 0) {
        fl_stream_unref(st);
        g_free(w); /* ff is the caller's business when adding fails */
        return -1;
    }
    fs->watch = w;
    return 0;
}

static int fd_event_update(virStreamPtr st, int events)
{
    struct fdstream *fs = st->priv;
    if (!fs->watch)
        return fl_error(VIR_ERR_OPERATION_INVALID, "the stream has no event callback");
    g_atomic_int_set(&fs->watch->events, events);
    if (fs->regular)
        fl_event_update_timeout(fs->watch_id, events ? 0 : -1);
    else
        fl_event_update_handle(fs->watch_id, events);
    return 0;
}

static int fd_event_remove(virStreamPtr st)
{
    struct fdstream *fs = st->priv;
    if (!fs->watch)
        return fl_error(VIR_ERR_OPERATION_INVALID, "the stream has no event callback");
    watch_stop(fs);
    return 0;
}

static int fs_close(struct fdstream *fs, bool finished)
{
    g_mutex_lock(&fs->lock);
    bool again = fs->ended, last = fs->users == 0;
    fs->ended = true;
    g_mutex_unlock(&fs->lock);
    if (again)
        return 0;
    watch_stop(fs);
    int r = last && close(fs->fd) < 0 && errno != EINTR ? -errno : 0;
    if (fs->options.closed)
        fs->options.closed(fs->options.opaque, finished && r == 0);
    return r < 0 && finished ? fl_error_system(-r, "cannot finish writing the stream's file") : 0;
}

static int fd_finish(virStreamPtr st)
{
    return fs_close(st->priv, true);
}

static int fd_abort(virStreamPtr st)
{
    return fs_close(st->priv, false);
}

static void fd_free(virStreamPtr st)
{
    struct fdstream *fs = st->priv;
    fs_close(fs, false);
    g_mutex_clear(&fs->lock);
    g_free(fs);
}

static const struct fl_stream_ops fdstream_ops = {
    .send = fd_send,
    .recv = fd_recv,
    .send_hole = fd_send_hole,
    .recv_hole = fd_recv_hole,
    .finish = fd_finish,
    .abort = fd_abort,
    .file = fd_file,
    .pass = fd_pass,
    .quick = fd_quick,
    .event_add = fd_event_add,
    .event_update = fd_event_update,
    .event_remove = fd_event_remove,
    .free = fd_free,
};

int fl_fdstream_open(virStreamPtr st, int fd, const struct fl_fdstream_options *options)
{
    struct stat sb;
    int r = 0;
    if (st->ops)
        r = fl_error(VIR_ERR_OPERATION_INVALID, "the stream is in use already");
    else if (fstat(fd, &sb) < 0)
        r = fl_error_system(errno, "cannot look at the stream's file");
    else if (!S_ISREG(sb.st_mode) && fl_fd_set_nonblock(fd, true) < 0)
        r = fl_error_system(errno, "cannot make the stream's file non-blocking");
    if (r < 0) {
        close(fd);
        return -1;
    }
    struct fdstream *fs = g_new0(struct fdstream, 1);
    fs->options = *options;
    g_mutex_init(&fs->lock);
    fs->fd = fd;
    fs->regular = S_ISREG(sb.st_mode);
    fs->left = options->length < 0 ? LLONG_MAX : options->length;
    st->priv = fs;
    st->ops = &fdstream_ops;
    return 0;
}

int fl_fdstream_open_file(virStreamPtr st, const char *path, unsigned long long offset,
                          const struct fl_fdstream_options *options)
{
    if (offset > LLONG_MAX)
        return fl_error(VIR_ERR_OVERFLOW, "offset %llu is beyond what a file can hold", offset);
    int fd = open(path, (options->writing ? O_WRONLY : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fl_error_system(errno, "cannot open '%s'", path);
    if (offset && lseek(fd, (off_t)offset, SEEK_SET) < 0) {
        int err = errno;
        close(fd);
        return fl_error_system(err, "cannot go to offset %llu of '%s'", offset, path);
    }
    return fl_fdstream_open(st, fd, options);
}
