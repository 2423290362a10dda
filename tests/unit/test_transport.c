/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The transport seam without a network: the list, layers, descriptors over a socket, and which sockets a
 * route means. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "transport/channel.h"
#include "transport/child.h"
#include "transport/sockets.h"

static void names_known_and_unknown(void **state)
{
    assert_non_null(fl_transport_by_name("unix"));
    assert_non_null(fl_transport_by_name("tcp"));
    assert_non_null(fl_transport_by_name("ssh"));
    assert_non_null(fl_transport_by_name("ext"));

    assert_null(fl_transport_by_name("tls")); /* no module lies beside this program */
    assert_int_equal(fl_error_get()->code, VIR_ERR_CONFIG_UNSUPPORTED);
    assert_non_null(strstr(fl_error_get()->message, "the 'tls' transport needs a module"));
    assert_null(fl_transport_by_name("pigeon"));
    assert_int_equal(fl_error_get()->code, VIR_ERR_INVALID_ARG);
    assert_non_null(strstr(fl_error_get()->message, "pigeon"));
}

static void pair(struct fl_transport *ret_t[2])
{
    int sv[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
    ret_t[0] = fl_transport_from_fd(sv[0]);
    ret_t[1] = fl_transport_from_fd(sv[1]);
}

static void bytes_pass_and_end(void **state)
{
    struct fl_transport *t[2];
    char buf[8];
    pair(t);
    assert_true(t[0]->local);
    assert_int_equal(fcntl(t[0]->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fl_transport_read(t[1], buf, sizeof(buf)), -FL_AGAIN);
    assert_int_equal(fl_transport_write(t[0], "abc", 3), 3);
    assert_int_equal(fl_transport_read(t[1], buf, sizeof(buf)), 3);
    assert_memory_equal(buf, "abc", 3);

    assert_int_equal(fl_transport_half_close(t[0]), 0);
    assert_int_equal(fl_transport_read(t[1], buf, sizeof(buf)), 0);
    assert_int_equal(fl_transport_write(t[1], "x", 1), 1); /* the other direction goes on */
    assert_int_equal(fl_transport_read(t[0], buf, sizeof(buf)), 1);
    fl_transport_free(t[0]);
    fl_transport_free(t[1]);
}

/* No handler, no mask: SIGPIPE would end this program. */
static void writing_to_a_closed_peer_is_an_error(void **state)
{
    struct fl_transport *t[2];
    pair(t);
    fl_transport_free(t[1]);
    assert_int_equal(fl_transport_write(t[0], "x", 1), -1);
    assert_int_equal(fl_error_get()->int1, EPIPE);
    fl_transport_close(t[0]);
    fl_transport_close(t[0]); /* any number of times */
    assert_int_equal(fl_transport_write(t[0], "x", 1), -1);
    assert_int_equal(fl_error_get()->int1, EBADF);
    fl_transport_free(t[0]);
    fl_transport_free(NULL);
}

static void writing_stops_when_full(void **state)
{
    struct fl_transport *t[2];
    char block[65536] = { 0 };
    pair(t);
    ssize_t n;
    size_t total = 0;
    while ((n = fl_transport_write(t[0], block, sizeof(block))) > 0 && total < (64u << 20))
        total += (size_t)n;
    assert_int_equal(n, -FL_AGAIN);
    fl_transport_free(t[0]);
    fl_transport_free(t[1]);
}

static void descriptors_travel(void **state)
{
    struct fl_transport *t[2];
    int p[2], got = -1;
    char c = 0;
    pair(t);
    assert_int_equal(fl_transport_recv_fd(t[1], &got), -FL_AGAIN);
    assert_int_equal(pipe(p), 0);
    assert_int_equal(fl_transport_send_fd(t[0], p[1]), 0);
    assert_int_equal(fl_transport_recv_fd(t[1], &got), 0);
    assert_int_equal(fcntl(got, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(write(got, "z", 1), 1);
    assert_int_equal(read(p[0], &c, 1), 1);
    assert_int_equal(c, 'z');

    /* A byte where a descriptor should be, and the end of the stream. */
    assert_int_equal(fl_transport_write(t[0], "x", 1), 1);
    assert_int_equal(fl_transport_recv_fd(t[1], &got), -1);
    fl_transport_close(t[0]);
    assert_int_equal(fl_transport_recv_fd(t[1], &got), -1);
    close(got);
    close(p[0]);
    close(p[1]);
    fl_transport_free(t[0]);
    fl_transport_free(t[1]);
}

static int open_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Three descriptors in one message: the first is taken, the others are closed. */
static void surplus_descriptors_are_closed(void **state)
{
    int sv[2], got = -1, fds[3] = { 0, 0, 0 };
    char byte = 0;
    struct iovec iov = { &byte, 1 };
    char ctl[CMSG_SPACE(sizeof(fds))] = { 0 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl)
    };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(c), fds, sizeof(fds));
    assert_int_equal(sendmsg(sv[0], &msg, 0), 1);

    struct fl_transport *t = fl_transport_from_fd(sv[1]);
    int before = open_descriptors();
    assert_int_equal(fl_transport_recv_fd(t, &got), 0);
    assert_int_equal(open_descriptors(), before + 1);
    close(got);
    close(sv[0]);
    fl_transport_free(t);
}

static short turned(struct fl_transport *t, short events)
{
    return POLLOUT;
}

static size_t seven(struct fl_transport *t)
{
    return 7;
}

static void empty_slots_pass_through(void **state)
{
    static const struct fl_transport_ops layer = { .name = "layer", .want = turned, .pending = seven };
    struct fl_transport *t[2];
    char buf[4];
    int got;
    pair(t);
    struct fl_transport *top = g_new0(struct fl_transport, 1);
    top->ops = &layer;
    top->below = t[0];
    top->fd = t[0]->fd;
    assert_int_equal(fl_transport_write(top, "ab", 2), 2);
    assert_int_equal(fl_transport_read(t[1], buf, sizeof(buf)), 2);
    assert_int_equal(fl_transport_want(top, POLLIN), POLLOUT);
    assert_int_equal(fl_transport_want(t[0], POLLIN), POLLIN);
    assert_int_equal(fl_transport_pending(top), 7);
    assert_int_equal(fl_transport_recv_fd(top, &got), -1); /* a layer has no place for descriptors */
    assert_int_equal(fl_error_get()->code, VIR_ERR_OPERATION_INVALID);
    assert_int_equal(fl_transport_half_close(top), 0);
    fl_transport_free(top); /* and what is below */
    assert_int_equal(fl_transport_read(t[1], buf, sizeof(buf)), 0);
    fl_transport_free(t[1]);
}

static void check_sockets(const struct fl_route *r, bool ro, bool privileged, const char *first,
                          const char *second)
{
    struct fl_sockets s;
    fl_sockets_init(&s, r, ro, privileged);
    assert_int_equal(s.n, second ? 2 : 1);
    assert_string_equal(s.item[0].path, first);
    if (second)
        assert_string_equal(s.item[1].path, second);
    fl_sockets_fini(&s);
}

static void sockets_by_mode(void **state)
{
    struct fl_route r = { .driver = (char *)"qemu", .path = (char *)"/system" };
    check_sockets(&r, false, true, "/run/libvirt/virtqemud-sock", "/run/libvirt/libvirt-sock");
    check_sockets(&r, true, true, "/run/libvirt/virtqemud-sock-ro", "/run/libvirt/libvirt-sock-ro");
    check_sockets(&r, false, false, "/run/libvirt/virtqemud-sock", "/run/libvirt/libvirt-sock");
    r.mode = FL_MODE_DIRECT;
    check_sockets(&r, false, true, "/run/libvirt/virtqemud-sock", NULL);
    r.mode = FL_MODE_LEGACY;
    check_sockets(&r, false, true, "/run/libvirt/libvirt-sock", NULL);
    r.socket = (char *)"/x";
    check_sockets(&r, true, true, "/x", NULL);
    struct fl_route none = { .mode = FL_MODE_LEGACY };
    check_sockets(&none, false, true, "/run/libvirt/libvirt-sock", NULL);
}

/* Which one is started, or advised to be: libvirtd's where it is among them. */
static void main_socket(void **state)
{
    static const struct {
        const char *driver;
        enum fl_route_mode mode;
        size_t n;
        const char *daemon;
    } rows[] = {
        { "qemu", FL_MODE_AUTO, 2, "libvirtd" },   { "qemu", FL_MODE_DIRECT, 1, "virtqemud" },
        { "qemu", FL_MODE_LEGACY, 1, "libvirtd" }, { NULL, FL_MODE_AUTO, 3, "libvirtd" },
        { NULL, FL_MODE_LEGACY, 1, "libvirtd" },   { NULL, FL_MODE_DIRECT, 0, NULL },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct fl_route r = { .driver = (char *)rows[i].driver, .mode = rows[i].mode };
        struct fl_sockets s;
        fl_sockets_init(&s, &r, false, true);
        assert_int_equal(s.n, rows[i].n);
        if (s.n)
            assert_string_equal(s.item[s.main].daemon, rows[i].daemon);
        fl_sockets_fini(&s);
    }
}

static void sockets_of_a_session(void **state)
{
    struct fl_route r = { .driver = (char *)"xen", .path = (char *)"/session" };
    g_setenv("XDG_RUNTIME_DIR", "/r", TRUE);
    check_sockets(&r, true, false, "/r/libvirt/virtxend-sock", "/r/libvirt/libvirt-sock");
    check_sockets(&r, false, true, "/run/libvirt/virtxend-sock", "/run/libvirt/libvirt-sock");
    g_setenv("XDG_RUNTIME_DIR", "relative", TRUE);
    g_autofree char *cache = g_build_filename(g_get_user_cache_dir(), "libvirt", NULL);
    g_autofree char *dir = fl_sockets_session_dir();
    assert_string_equal(dir, cache);
}

/* As the incumbent's client chooses, seen from its connect() calls. */
static void session_or_system(void **state)
{
    static const struct {
        const char *driver, *path;
        bool session;
    } rows[] = {
        { "qemu", "/session", true }, { "qemu", "/system", false }, { "qemu", "/", false },
        { "qemu", "", false },        { "qemu", "/sys", false },    { "qemu", "/session/x", false },
        { "xen", "/", false },        { "vbox", "/session", true }, { "test", "/default", true },
        { "test", "/", true },        { "test", "/system", true },  { "testx", "/a", false },
        { NULL, NULL, true },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct fl_route r = { .driver = (char *)rows[i].driver, .path = (char *)rows[i].path };
        assert_int_equal(fl_sockets_is_session(&r, false), rows[i].session);
        assert_false(fl_sockets_is_session(&r, true));
    }
}

static int ended(struct fl_transport *t, int status, const char *text)
{
    return fl_channel_error(ECONNRESET, "status %d: %s", status, text);
}

/* A loop of children leaves no process and no descriptor. */
static void children_leave_nothing(void **state)
{
    static const struct fl_transport_ops ops = { .name = "child",
                                                 .read = fl_child_read,
                                                 .write = fl_child_write,
                                                 .half_close = fl_child_half_close,
                                                 .close = fl_child_close };
    char *const cat[] = { (char *)"cat", NULL };
    char *const failing[] = { (char *)"sh", (char *)"-c", (char *)"echo why >&2; exit 3", NULL };
    int before = open_descriptors();
    for (int i = 0; i < 20; i++) {
        struct fl_transport *t = g_new0(struct fl_transport, 1);
        char buf[4];
        t->ops = &ops;
        t->fd = -1;
        assert_int_equal(fl_child_spawn(t, i % 2 ? failing : cat, "a program", ended), 0);
        if (i % 2 == 0)
            assert_int_equal(fl_transport_write(t, "abc", 3), 3);
        assert_true(fl_fd_wait(t->fd, POLLIN, fl_deadline_in_ms(5000)) > 0);
        assert_int_equal(fl_transport_read(t, buf, sizeof(buf)), i % 2 ? -1 : 3);
        if (i % 2)
            assert_string_equal(fl_error_get()->message, "status 3: why");
        fl_transport_free(t);
    }
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_known_and_unknown),
        cmocka_unit_test(bytes_pass_and_end),
        cmocka_unit_test(writing_to_a_closed_peer_is_an_error),
        cmocka_unit_test(writing_stops_when_full),
        cmocka_unit_test(descriptors_travel),
        cmocka_unit_test(surplus_descriptors_are_closed),
        cmocka_unit_test(empty_slots_pass_through),
        cmocka_unit_test(sockets_by_mode),
        cmocka_unit_test(main_socket),
        cmocka_unit_test(sockets_of_a_session),
        cmocka_unit_test(session_or_system),
        cmocka_unit_test(children_leave_nothing),
    };
    return cmocka_run_group_tests_name("transport", tests, NULL, NULL);
}
