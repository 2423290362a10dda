/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listening sockets: making, checking and removing them. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib-unix.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/notify.h"

static struct fl_listener *add(struct fl_listeners *all, int fd, enum fl_listener_kind kind, const char *name)
{
    struct fl_listener *l;

    all->list = g_renew(struct fl_listener, all->list, all->count + 1);
    l = &all->list[all->count++];
    *l = (struct fl_listener){ .fd = fd, .kind = kind, .name = g_strdup(name) };
    return l;
}

static int unix_address(const char *path, struct sockaddr_un *ret_addr)
{
    if (strlen(path) >= sizeof(ret_addr->sun_path))
        return fl_error(VIR_ERR_INVALID_ARG,
                        "socket path '%s' has %zu characters; a unix socket takes at most %zu", path,
                        strlen(path), sizeof(ret_addr->sun_path) - 1);
    *ret_addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
    strcpy(ret_addr->sun_path, path);
    return 0;
}

/* Somebody answers on the socket: say who. */
static int refuse_live(const char *path, int fd)
{
    struct ucred peer = { .pid = -1 };
    socklen_t length = sizeof(peer);

    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
    return fl_error(
        VIR_ERR_OPERATION_FAILED,
        "socket '%s' is served by process %d already; stop that daemon first or choose another unix_sock_dir",
        path, (int)peer.pid);
}

/* Makes the path free for bind(): 0, or -1 with the error set. */
static int clear_stale(const char *path, const struct sockaddr_un *addr)
{
    struct stat st;
    int fd, result;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : fl_error_system(errno, "cannot look at socket path '%s'", path);
    if (!S_ISSOCK(st.st_mode))
        return fl_error(VIR_ERR_OPERATION_FAILED, "'%s' is in the way of the socket and is %s; remove it",
                        path,
                        S_ISDIR(st.st_mode) ? "a directory (a bind mount of a socket that did not exist yet?)"
                                            : "not a socket");
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fl_error_system(errno, "cannot make a unix socket");
    result = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
    if (result == 0 || errno == EAGAIN)
        result = refuse_live(path, fd);
    else if (errno != ECONNREFUSED)
        result = fl_error_system(errno, "cannot tell whether socket '%s' is in use", path);
    else if (unlink(path) < 0)
        result = fl_error_system(errno, "cannot remove the stale socket '%s'", path);
    else
        result = 0;
    close(fd);
    return result;
}

/* Group and mode are set before listen(): nobody connects under looser ones. */
static int open_to(int fd, const char *path, const struct fl_unix_access *access, int backlog)
{
    if (access->group != (gid_t)-1 && chown(path, (uid_t)-1, access->group) < 0)
        return fl_error_system(errno, "cannot give socket '%s' to group %u", path,
                               (unsigned int)access->group);
    if (chmod(path, access->mode) < 0)
        return fl_error_system(errno, "cannot set mode %04o on socket '%s'", (unsigned int)access->mode,
                               path);
    if (listen(fd, backlog) < 0)
        return fl_error_system(errno, "cannot listen on socket '%s'", path);
    return 0;
}

/* A socket behind which nobody will be is not left behind. */
static int bind_unix(int fd, const char *path, const struct sockaddr_un *addr,
                     const struct fl_unix_access *access, int backlog)
{
    mode_t old = umask(0177);
    int result = bind(fd, (const struct sockaddr *)addr, sizeof(*addr));
    int saved = errno;

    umask(old);
    if (result < 0)
        return fl_error_system(saved, "cannot bind socket '%s'", path);
    if (open_to(fd, path, access, backlog) == 0)
        return 0;
    (void)unlink(path);
    return -1;
}

int fl_listeners_add_unix(struct fl_listeners *all, const char *path, bool read_only,
                          const struct fl_unix_access *access, int backlog)
{
    struct sockaddr_un addr;
    struct fl_listener *l;
    struct stat st;
    int fd;

    if (unix_address(path, &addr) < 0 || clear_stale(path, &addr) < 0)
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fl_error_system(errno, "cannot make a unix socket");
    if (bind_unix(fd, path, &addr, access, backlog) < 0) {
        close(fd);
        return -1;
    }
    l = add(all, fd, FL_LISTENER_UNIX, path);
    l->read_only = read_only;
    if (lstat(path, &st) == 0) {
        l->unlink = true;
        l->dev = st.st_dev;
        l->ino = st.st_ino;
    }
    fl_info("listening on %s%s", path, read_only ? " (read-only)" : "");
    return 0;
}

static char *address_name(const struct sockaddr *addr, socklen_t length)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (getnameinfo(addr, length, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) !=
        0)
        return g_strdup("unknown address");
    return g_strdup_printf("%s port %s", host, port);
}

/* Sockets that are accepted inherit it. */
static void set_no_delay(int fd)
{
    int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int listen_tcp(struct fl_listeners *all, const struct addrinfo *ai, int backlog)
{
    g_autofree char *name = address_name(ai->ai_addr, ai->ai_addrlen);
    int on = 1;
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return fl_error_system(errno, "cannot make a TCP socket for %s", name);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    set_no_delay(fd);
    if (ai->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, backlog) < 0) {
        fl_error_system(errno, "cannot listen on %s", name);
        close(fd);
        return -1;
    }
    add(all, fd, FL_LISTENER_TCP, name);
    fl_info("listening on %s", name);
    return 0;
}

/* A machine without one of the IP families is no error as long as the other one works. */
static bool family_missing(int errnum)
{
    return errnum == EAFNOSUPPORT || errnum == EADDRNOTAVAIL || errnum == EPROTONOSUPPORT;
}

int fl_listeners_add_tcp(struct fl_listeners *all, const char *host, const char *port, int backlog)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *found = NULL;
    unsigned int before = all->count;
    int result = getaddrinfo(host, port, &hints, &found);

    if (result != 0)
        return fl_error(VIR_ERR_INVALID_ARG, "cannot listen on address '%s', port '%s': %s",
                        host ? host : "*", port, gai_strerror(result));
    for (struct addrinfo *ai = found; ai; ai = ai->ai_next) {
        if (listen_tcp(all, ai, backlog) < 0 && !family_missing(fl_error_get()->int1)) {
            freeaddrinfo(found);
            return -1;
        }
    }
    freeaddrinfo(found);
    if (all->count == before)
        return -1; /* the last family's error stands */
    fl_error_reset();
    return 0;
}

int fl_listeners_add_tls(struct fl_listeners *all, const char *host, const char *port, int backlog)
{
    unsigned int before = all->count;

    if (fl_listeners_add_tcp(all, host, port, backlog) < 0)
        return -1;
    for (unsigned int i = before; i < all->count; i++)
        all->list[i].kind = FL_LISTENER_TLS;
    return 0;
}

bool fl_listeners_have(const struct fl_listeners *all, enum fl_listener_kind kind)
{
    for (unsigned int i = 0; i < all->count; i++)
        if (all->list[i].kind == kind)
            return true;
    return false;
}

/* "libvirtd-ro.socket", or "…-ro" where FileDescriptorName= says so. */
static bool is_called(const char *unit, const char *ending)
{
    const char *at = strstr(unit, ending);

    return at && (at[strlen(ending)] == '.' || at[strlen(ending)] == '\0');
}

/* One that takes no connections would never wake the daemon, or always. */
static int check_inherited(int fd)
{
    int listens = 0, type = 0;
    socklen_t length = sizeof(int);

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0)
        return fl_error_system(errno, "inherited descriptor %d is not a socket", fd);
    length = sizeof(int);
    if (type != SOCK_STREAM || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) < 0 || !listens)
        return fl_error(VIR_ERR_INVALID_ARG,
                        "inherited descriptor %d takes no connections; its unit must have ListenStream= and "
                        "Accept=no",
                        fd);
    return 0;
}

/* What an inherited socket is for: by the unit's name if it is told, else by its path or port. */
static int adopt(struct fl_listeners *all, int fd, const char *unit, const char *tls_port)
{
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        struct sockaddr_storage space;
    } addr = { .any.sa_family = AF_UNSPEC };
    socklen_t length = sizeof(addr);
    g_autofree char *name = NULL;
    g_autofree char *tls_end = g_strdup_printf(" port %s", tls_port);

    if (check_inherited(fd) < 0)
        return -1;
    if (getsockname(fd, &addr.any, &length) < 0)
        return fl_error_system(errno, "inherited descriptor %d has no address", fd);
    if (addr.any.sa_family == AF_UNIX) {
        name = g_strndup(addr.un.sun_path, sizeof(addr.un.sun_path));
        if (is_called(unit, "-admin") || g_str_has_suffix(name, "-admin-sock")) {
            fl_warn("inherited socket '%s' is closed: the administration protocol is not built", name);
            close(fd);
            return 0;
        }
        add(all, fd, FL_LISTENER_UNIX, name)->read_only =
            is_called(unit, "-ro") || g_str_has_suffix(name, "-sock-ro");
    } else if (addr.any.sa_family == AF_INET || addr.any.sa_family == AF_INET6) {
        name = address_name(&addr.any, length);
        set_no_delay(fd);
        add(all, fd,
            is_called(unit, "-tls") || g_str_has_suffix(name, tls_end) ? FL_LISTENER_TLS : FL_LISTENER_TCP,
            name);
    } else {
        return fl_error(VIR_ERR_NO_SUPPORT, "inherited descriptor %d is neither a unix nor a TCP socket", fd);
    }
    if (!g_unix_set_fd_nonblocking(fd, TRUE, NULL))
        return fl_error_system(errno, "cannot use inherited socket '%s'", name);
    fl_info("listening on inherited socket %s", name);
    return 0;
}

int fl_listeners_add_inherited(struct fl_listeners *all, const char *tls_port)
{
    g_auto(GStrv) names = NULL;
    int count = fl_notify_listen_fds(&names);

    for (int i = 0; i < count; i++) {
        if (adopt(all, FL_NOTIFY_FIRST_FD + i, names[i], tls_port) < 0)
            return -1;
    }
    return count < 0 ? -1 : 0;
}

void fl_listeners_close(struct fl_listeners *all)
{
    for (unsigned int i = 0; i < all->count; i++) {
        struct fl_listener *l = &all->list[i];
        struct stat st;

        if (l->unlink && lstat(l->name, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
            unlink(l->name);
        l->unlink = false;
        if (l->fd >= 0)
            close(l->fd);
        l->fd = -1;
    }
}

void fl_listeners_fini(struct fl_listeners *all)
{
    fl_listeners_close(all);
    for (unsigned int i = 0; i < all->count; i++)
        g_free(all->list[i].name);
    g_free(all->list);
    *all = (struct fl_listeners){ 0 };
}
