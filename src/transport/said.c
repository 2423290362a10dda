/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Beginning and end of what a program says. The listener has a thread of its own: between two calls of an
 * application nobody else would look, and the far end of a connection may say something at any time.
 */
#include "transport/said.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/aside.h"
#include "base/util.h"

#define HEAD_MAX   65536 /* ssh's account of a login lies in it */
#define TAIL_MAX   16384
#define TURN_READS 16 /* who says more than can be taken is left for the next turn */

void fl_said_init(struct fl_said *s)
{
    *s = (struct fl_said){ .head = g_string_new(NULL), .tail = g_string_new(NULL) };
}

/* Text goes on behind a zero, and a zero is nothing to show. */
static void append(GString *to, const char *text, size_t len)
{
    size_t at = to->len;

    g_string_append_len(to, text, (gssize)len);
    for (char *zero; (zero = memchr(to->str + at, '\0', to->len - at)); at = (size_t)(zero - to->str))
        *zero = ' ';
}

void fl_said_add(struct fl_said *s, const char *text, size_t len)
{
    size_t first = MIN(len, HEAD_MAX - s->head->len);

    append(s->head, text, first);
    text += first;
    len -= first;
    if (len > TAIL_MAX) {
        s->cut = TRUE;
        text += len - TAIL_MAX;
        len = TAIL_MAX;
    }
    append(s->tail, text, len);
    if (s->tail->len > 2 * TAIL_MAX) { /* not with every word */
        s->cut = TRUE;
        g_string_erase(s->tail, 0, (gssize)(s->tail->len - TAIL_MAX));
    }
}

char *fl_said_text(const struct fl_said *s)
{
    return g_strconcat(s->head->str, s->cut ? "\n" : "", s->tail->str, NULL);
}

void fl_said_fini(struct fl_said *s)
{
    if (s->head)
        g_string_free(s->head, TRUE);
    if (s->tail)
        g_string_free(s->tail, TRUE);
    s->head = s->tail = NULL;
}

/* ---- the listener ---- */

struct fl_said_listener {
    GMutex lock; /* guards what was said, and reading */
    struct fl_said said;
    int fd;
    int stop_fd;
    GThread *thread;
};

/* Takes what there is now: TRUE while there may be more to come. */
static gboolean take(struct fl_said_listener *l)
{
    char buf[4096];
    ssize_t n = 1;

    g_mutex_lock(&l->lock);
    for (int i = 0; i < TURN_READS && n > 0; i++) {
        n = read(l->fd, buf, sizeof(buf));
        if (n > 0)
            fl_said_add(&l->said, buf, (size_t)n);
    }
    gboolean more = n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
    g_mutex_unlock(&l->lock);
    return more;
}

static void *listen_thread(void *opaque)
{
    struct fl_said_listener *l = opaque;
    struct pollfd p[2] = { { .fd = l->fd, .events = POLLIN }, { .fd = l->stop_fd, .events = POLLIN } };

    while (!p[1].revents)
        if (poll(p, 2, -1) > 0 && p[0].revents && !take(l))
            break;
    return NULL;
}

int fl_said_listen(struct fl_said_listener **ret_l, int *ret_fd)
{
    struct fl_said_listener *l = g_new0(struct fl_said_listener, 1);
    int fds[2] = { -1, -1 }, rc = 0;

    g_mutex_init(&l->lock);
    fl_said_init(&l->said);
    l->fd = l->stop_fd = -1;
    if (pipe2(fds, O_CLOEXEC) < 0 || (l->stop_fd = eventfd(0, EFD_CLOEXEC)) < 0)
        rc = errno;
    l->fd = fds[0];
    if (rc == 0) {
        fl_fd_set_nonblock(l->fd, true);
        l->thread = fl_thread_start("fl-stderr", listen_thread, l);
        rc = l->thread ? 0 : EAGAIN;
    }
    if (rc != 0) {
        fl_fd_close(&fds[1]);
        fl_said_listener_free(l);
        return rc;
    }
    *ret_fd = fds[1];
    *ret_l = l;
    return 0;
}

char *fl_said_heard(struct fl_said_listener *l)
{
    take(l); /* what the thread has not come to */
    g_mutex_lock(&l->lock);
    char *text = fl_said_text(&l->said);
    g_mutex_unlock(&l->lock);
    return text;
}

void fl_said_listener_free(struct fl_said_listener *l)
{
    uint64_t one = 1;

    if (!l)
        return;
    if (l->thread && write(l->stop_fd, &one, sizeof(one)) == sizeof(one))
        g_thread_join(l->thread);
    fl_fd_close(&l->fd);
    fl_fd_close(&l->stop_fd);
    fl_said_fini(&l->said);
    g_mutex_clear(&l->lock);
    g_free(l);
}
