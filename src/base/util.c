/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Deadlines, descriptors and whole-file replacement for every room above. */
#define FL_FROM VIR_FROM_NONE
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

int64_t fl_deadline_in_ms(int64_t ms)
{
    if (ms < 0 || ms > INT64_MAX / 2000)
        return FL_NO_DEADLINE;
    return g_get_monotonic_time() + ms * 1000;
}

int fl_deadline_poll_ms(int64_t deadline)
{
    if (deadline == FL_NO_DEADLINE)
        return -1;
    int64_t left = deadline - g_get_monotonic_time();
    if (left <= 0)
        return 0;
    left = (left + 999) / 1000;
    return left > INT_MAX ? INT_MAX : (int)left;
}

static int fd_set_flag(int fd, int get, int set, int flag, bool on)
{
    int flags = fcntl(fd, get);
    if (flags < 0)
        return -errno;
    int want = on ? flags | flag : flags & ~flag;
    if (want != flags && fcntl(fd, set, want) < 0)
        return -errno;
    return 0;
}

int fl_fd_set_nonblock(int fd, bool on)
{
    return fd_set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

int fl_fd_set_cloexec(int fd, bool on)
{
    return fd_set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

int fl_fd_wait(int fd, short events, int64_t deadline)
{
    struct pollfd p = { .fd = fd, .events = events };
    for (;;) {
        int n = poll(&p, 1, fl_deadline_poll_ms(deadline));
        if (n > 0)
            return p.revents;
        if (n == 0 && fl_deadline_poll_ms(deadline) == 0)
            return -ETIMEDOUT;
        if (n < 0 && errno != EINTR)
            return -errno;
    }
}

/* After a failed read or write: 0 = try again, else the -errno to return. */
static int fd_retry(int fd, short events, int64_t deadline)
{
    if (errno == EINTR)
        return 0;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        return -errno;
    int r = fl_fd_wait(fd, events, deadline);
    return r < 0 ? r : 0;
}

ssize_t fl_fd_read_all(int fd, void *buf, size_t len, int64_t deadline)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = read(fd, (char *)buf + done, len - done);
        if (n == 0)
            break;
        if (n > 0) {
            done += n;
            continue;
        }
        int r = fd_retry(fd, POLLIN, deadline);
        if (r < 0)
            return r;
    }
    return done;
}

ssize_t fl_fd_write_all(int fd, const void *buf, size_t len, int64_t deadline)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = write(fd, (const char *)buf + done, len - done);
        if (n >= 0) {
            done += n;
            continue;
        }
        int r = fd_retry(fd, POLLOUT, deadline);
        if (r < 0)
            return r;
    }
    return done;
}

void fl_fd_close(int *fd)
{
    int saved = errno;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}

/* A pipe in place of a file has its bytes soon, or nobody writes to it. */
#define PIPE_MS 3000

static int open_to_read(const char *path, int64_t *ret_deadline)
{
    struct stat st;
    bool is_pipe = stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
    /* A file is opened as usual: somebody may hold a lease on it, and that is waited for. */
    int r = 0, fd = open(path, O_RDONLY | O_CLOEXEC | (is_pipe ? O_NONBLOCK : 0));
    if (fd < 0)
        return fl_error_system(errno, "cannot open '%s'", path);
    *ret_deadline = is_pipe ? fl_deadline_in_ms(PIPE_MS) : FL_NO_DEADLINE;
    if (is_pipe)
        r = fl_fd_wait(fd, POLLIN, *ret_deadline);
    if (r >= 0)
        return fd;
    fl_fd_close(&fd);
    return fl_error_system(-r, "'%s' is a pipe that nobody writes to", path);
}

int fl_file_read(const char *path, size_t max, char **ret_text, size_t *ret_len)
{
    int64_t deadline;
    int fd = open_to_read(path, &deadline);
    if (fd < 0)
        return -1;
    size_t have = 0, room = MIN(max, (size_t)4096) + 1;
    g_autofree char *buf = g_malloc(room);
    for (;;) {
        ssize_t n = fl_fd_read_all(fd, buf + have, room - have, deadline);
        if (n < 0) {
            fl_fd_close(&fd);
            return fl_error_system((int)-n, "cannot read '%s'", path);
        }
        have += n;
        if (have < room)
            break;
        if (have > max) {
            fl_fd_close(&fd);
            return fl_error(VIR_ERR_READ_FAILED, "'%s' is larger than the %zu bytes allowed for it", path,
                            max);
        }
        room = MIN(room * 2, max + 1);
        buf = g_realloc(buf, room);
    }
    fl_fd_close(&fd);
    buf[have] = '\0';
    *ret_text = g_steal_pointer(&buf);
    if (ret_len)
        *ret_len = have;
    return 0;
}

static int folder_sync(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fsync(fd) < 0 ? -errno : 0;
    fl_fd_close(&fd);
    return r;
}

int fl_file_replace(const char *path, const void *data, size_t len, mode_t mode)
{
    g_autofree char *aside = g_strdup_printf("%s.new.XXXXXX", path);
    int fd = g_mkstemp_full(aside, O_WRONLY | O_CLOEXEC, (int)mode);
    if (fd < 0)
        return fl_error_system(errno, "cannot create '%s'", aside);
    int r = (int)MIN(fl_fd_write_all(fd, data, len, FL_NO_DEADLINE), 0);
    if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0)) /* fchmod: the umask has no say in state files */
        r = -errno;
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(aside, path) < 0)
        r = -errno;
    if (r < 0) {
        unlink(aside);
        return fl_error_system(-r, "cannot write '%s'", path);
    }
    r = folder_sync(path);
    return r < 0 ? fl_error_system(-r, "cannot flush the folder of '%s'", path) : 0;
}

bool fl_uuid_parse(const char *text, unsigned char uuid[16])
{
    unsigned char out[16];
    while (g_ascii_isspace(*text))
        text++;
    for (int i = 0; i < 16; i++) {
        while (*text == '-')
            text++;
        int hi = g_ascii_xdigit_value(text[0]);
        int lo = hi < 0 ? -1 : g_ascii_xdigit_value(text[1]);
        if (lo < 0)
            return false;
        out[i] = (unsigned char)(hi << 4 | lo);
        text += 2;
    }
    while (g_ascii_isspace(*text))
        text++;
    if (*text)
        return false;
    memcpy(uuid, out, sizeof(out));
    return true;
}

void fl_uuid_format(const unsigned char uuid[16], char text[37])
{
    static const char digits[] = "0123456789abcdef";
    char *p = text;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = digits[uuid[i] >> 4];
        *p++ = digits[uuid[i] & 15];
    }
    *p = '\0';
}

/* ---- what people may see ---- */

#define AUTHORITY_ENDS "/?# \t\n'\""

/* The '@' of the authority that begins at `from`, if it has a password before it: *ret_colon. A password with
 * characters in it that end an authority makes no URI, and is what the error about that is worded with. */
static char *password_end(char *from, char **ret_colon)
{
    char *colon = from + strcspn(from, ":" AUTHORITY_ENDS), *at;

    if (*colon != ':' || *from == '[')
        return NULL;
    *ret_colon = colon;
    at = g_strrstr_len(colon, (gssize)strcspn(colon, AUTHORITY_ENDS), "@");
    if (at)
        return at;
    if (strchr(AUTHORITY_ENDS, colon[1 + strspn(colon + 1, "0123456789")])) /* a port; or the text's end */
        return NULL;
    return g_strrstr_len(colon, (gssize)strcspn(colon, "'\"\n"), "@");
}

char *fl_passwords_hide(char *text)
{
    char *slashes = text ? strstr(text, "//") : NULL, *done = text, *colon, *at;
    GString *out = NULL;

    for (; slashes; slashes = strstr(slashes + 2, "//")) {
        at = password_end(slashes + 2, &colon);
        if (!at)
            continue;
        if (!out)
            out = g_string_new(NULL);
        g_string_append_len(out, done, colon + 1 - done);
        g_string_append(out, "***");
        done = at;
    }
    if (!out)
        return text;
    g_string_append(out, done);
    g_free(text);
    return g_string_free(out, FALSE);
}

char *fl_user_shown(const char *user)
{
    const char *colon = user ? strchr(user, ':') : NULL;

    return colon ? g_strdup_printf("%.*s:***", (int)(colon - user), user) : g_strdup(user);
}
