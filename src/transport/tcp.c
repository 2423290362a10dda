/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tcp transport: plain TCP, port 16509. Every address of the name is tried, a new one joining in when the
 * earlier ones hesitate, and the first to answer wins; when none does the error says what each one did. tls
 * will stand on this channel.
 */
#define FL_FROM VIR_FROM_REMOTE
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/util.h"
#include "base/walk.h"
#include "transport/channel.h"
#include "transport/lookup.h"
#include "transport/tcp.h"
#include "uri/route.h"

#define DEFAULT_PORT  16509
#define ADDRESSES_MAX 16
#define STAGGER_MS    250 /* as RFC 8305 recommends */

struct attempt {
    int fd; /* -1: not begun, or over */
    int errnum;
    bool begun;
};

#define NAME_ROOM 128 /* of an address in figures, with a zone */

struct race {
    struct addrinfo *order[ADDRESSES_MAX];
    struct attempt try[ADDRESSES_MAX];
    size_t n, begun, pending;
};

static void race_init(struct race *r, struct addrinfo *list)
{
    *r = (struct race){ 0 };
    for (struct addrinfo *a = list; a && r->n < ADDRESSES_MAX; a = a->ai_next) {
        r->try[r->n].fd = -1;
        r->order[r->n++] = a;
    }
}

static const char *address_text(const struct race *r, size_t i, char room[NAME_ROOM])
{
    const struct addrinfo *a = r->order[i];
    return getnameinfo(a->ai_addr, a->ai_addrlen, room, NAME_ROOM, NULL, 0, NI_NUMERICHOST) == 0 ? room : "?";
}

static void attempt_over(struct race *r, struct attempt *try, int errnum)
{
    try->errnum = errnum;
    fl_fd_close(&try->fd);
    r->pending--;
}

/* True when the connection is there at once. */
static bool attempt_begin(struct race *r)
{
    struct addrinfo *a = r->order[r->begun];
    struct attempt *try = &r->try[r->begun++];
    try->begun = true;
    r->pending++;
    try->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (try->fd >= 0 && connect(try->fd, a->ai_addr, a->ai_addrlen) == 0)
        return true;
    if (try->fd < 0 || errno != EINPROGRESS)
        attempt_over(r, try, errno);
    return false;
}

/* The descriptor that won, or -1: nobody yet. */
static int race_look(struct race *r, int timeout_ms)
{
    struct pollfd pfd[ADDRESSES_MAX];
    for (size_t i = 0; i < r->begun; i++)
        pfd[i] = (struct pollfd){ .fd = r->try[i].fd, .events = POLLOUT };
    if (poll(pfd, r->begun, timeout_ms) <= 0)
        return -1;
    for (size_t i = 0; i < r->begun; i++) {
        int err = 0;
        socklen_t len = sizeof(err);
        if (r->try[i].fd < 0 || !pfd[i].revents)
            continue;
        if (getsockopt(r->try[i].fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
            err = errno;
        if (err == 0)
            return (int)i;
        attempt_over(r, &r->try[i], err);
    }
    return -1;
}

/* Index of the winner, -1 when all failed or the deadline passed. */
static int race_run(struct race *r, int64_t deadline)
{
    int64_t next_start = 0;
    while (r->begun < r->n || r->pending > 0) {
        int64_t now = g_get_monotonic_time();
        if (now >= deadline)
            return -1;
        if (r->begun < r->n && (r->pending == 0 || now >= next_start)) {
            if (attempt_begin(r))
                return (int)r->begun - 1;
            next_start = now + STAGGER_MS * 1000;
            continue;
        }
        int won = race_look(
            r, fl_deadline_poll_ms(r->begun < r->n ? fl_deadline_min(deadline, next_start) : deadline));
        if (won >= 0)
            return won;
    }
    return -1;
}

/* Takes the winner's descriptor out (if any), closes the others. */
static int race_fini(struct race *r, int won)
{
    int fd = won >= 0 ? r->try[won].fd : -1;
    for (size_t i = 0; i < r->n; i++)
        if ((int)i != won)
            fl_fd_close(&r->try[i].fd);
    return fd;
}

static const char *attempt_result(const struct attempt *try)
{
    return try->errnum  ? g_strerror(try->errnum)
           : try->begun ? "no answer before the deadline"
                        : "not reached before the deadline";
}

static void note_race(const struct race *r, int port, int won)
{
    char room[NAME_ROOM];
    for (size_t i = 0; fl_walk_watched() && i < r->n; i++)
        if (r->try[i].begun || won < 0)
            fl_stage_note("%s port %d: %s", address_text(r, i, room), port,
                          (int)i == won                 ? "connected"
                          : won < 0 || r->try[i].errnum ? attempt_result(&r->try[i])
                                                        : "slower than another");
}

static int race_failed(const struct race *r, const char *host, int port, const char *who, const char *todo)
{
    g_autoptr(GString) tried = g_string_new(NULL);
    char room[NAME_ROOM];
    int worst = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct attempt *try = &r->try[i];
        int err = try->errnum ? try->errnum : ETIMEDOUT;
        g_string_append_printf(tried, "%s%s: %s", i ? ", " : "", address_text(r, i, room),
                               attempt_result(try));
        if (worst == 0 || err == ECONNREFUSED)
            worst = err;
    }
    if (worst != ECONNREFUSED)
        todo = "check the address, the network and firewalls between";
    return fl_channel_error(worst, "connect: no %s reached at host '%s' port %d: %s; %s", who, host, port,
                            tried->str, todo);
}

int fl_tcp_dial(const char *host, int port, int64_t deadline_us, const char *who, const char *todo,
                int *ret_fd)
{
    struct addrinfo *list = NULL;
    struct race race;
    const int on = 1;

    if (fl_lookup_host(host, port, deadline_us, &list) < 0)
        return -1;
    race_init(&race, list);
    fl_stage_enter(FL_STAGE_CONNECT, "host '%s' port %d", host, port);
    int won = race_run(&race, deadline_us);
    note_race(&race, port, won);
    int fd = race_fini(&race, won);
    if (won < 0)
        race_failed(&race, host, port, who, todo);
    freeaddrinfo(list);
    if (won < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    *ret_fd = fd;
    return 0;
}

void fl_tcp_hasten(int fd)
{
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

static int tcp_open(struct fl_transport *t, const struct fl_endpoint *ep)
{
    const struct fl_route *route = ep->route;
    const char *host = route->host && route->host[0] ? route->host : "localhost";
    int port = route->port > 0 ? route->port : ep->default_port > 0 ? ep->default_port : DEFAULT_PORT;
    const char *todo = ep->default_port > 0
                           ? "check the port, and that the daemon there listens for TLS (libvirtd "
                             "--listen, or libvirtd-tls.socket)"
                           : "check the port, and that the daemon there listens on TCP (libvirtd "
                             "--listen, or libvirtd-tcp.socket)";

    t->target = g_strdup_printf("host '%s' port %d", host, port);
    return fl_tcp_dial(host, port, ep->deadline_us, "daemon", todo, &t->fd);
}

const struct fl_transport_ops fl_transport_tcp = {
    .name = "tcp",
    .open = tcp_open,
    .read = fl_channel_read,
    .write = fl_channel_write,
    .write2 = fl_channel_write2,
    .read2 = fl_channel_read2,
    .half_close = fl_channel_half_close,
    .close = fl_channel_close,
};
