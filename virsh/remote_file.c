/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt.conf on disk; see remote_file.h. A crash at any moment leaves the old file or the new one. */
#include "remote_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remote_edit.h"

enum { LOCK_TRIES = 250 }; /* five seconds: others change it in milliseconds */

char *fl_remote_file_path(void)
{
    const char *base = g_getenv("XDG_CONFIG_HOME");
    g_autofree char *home = NULL;

    if (geteuid() == 0)
        return g_strdup(FL_SYSCONFDIR "/libvirt/libvirt.conf");
    if (!base || !g_path_is_absolute(base))
        base = home = g_build_filename(g_get_home_dir(), ".config", NULL);
    return g_build_filename(base, "libvirt", "libvirt.conf", NULL);
}

static int wrong(const char *what, const char *path, char **ret_error)
{
    *ret_error = g_strdup_printf("cannot %s '%s': %s", what, path, g_strerror(errno));
    return -1;
}

/* The file a link leads to; a link to nothing is not replaced by a file. */
static int find_real(struct fl_remote_file *f, char **ret_error)
{
    char *real = realpath(f->path, NULL);
    struct stat st;

    if (real) {
        f->real = g_strdup(real);
        free(real);
        return 0;
    }
    if (errno != ENOENT && errno != ENOTDIR)
        return wrong("look at", f->path, ret_error);
    if (lstat(f->path, &st) == 0) {
        *ret_error = g_strdup_printf("'%s' is a symbolic link that leads nowhere", f->path);
        return -1;
    }
    f->real = g_strdup(f->path);
    return 0;
}

/* The folder is what is locked: the file itself is replaced. */
static int lock_folder(struct fl_remote_file *f, char **ret_error)
{
    g_autofree char *dir = g_path_get_dirname(f->real);

    if (g_mkdir_with_parents(dir, geteuid() == 0 ? 0755 : 0700) < 0)
        return wrong("make the folder", dir, ret_error);
    f->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->lock < 0)
        return wrong("open the folder", dir, ret_error);
    for (int i = 0; flock(f->lock, LOCK_EX | LOCK_NB) < 0; i++) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || i >= LOCK_TRIES)
            return wrong("lock the folder", dir, ret_error);
        g_usleep(20000);
    }
    return 0;
}

static int read_text(struct fl_remote_file *f, char **ret_error)
{
    int fd = open(f->real, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    g_autoptr(GString) text = g_string_new("");
    struct stat st;
    char part[4096];
    ssize_t n = 0;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        f->text = g_strdup("");
        return 0;
    }
    if (fd < 0)
        return wrong("open", f->path, ret_error);
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        close(fd);
        *ret_error = g_strdup_printf("'%s' is not a file", f->path);
        return -1;
    }
    while (text->len <= FL_REMOTES_MAX_BYTES && (n = read(fd, part, sizeof(part))) > 0)
        g_string_append_len(text, part, n);
    close(fd);
    if (n < 0)
        return wrong("read", f->path, ret_error);
    if (strlen(text->str) != text->len) {
        *ret_error = g_strdup_printf("'%s' holds a NUL byte; it is no text", f->path);
        return -1;
    }
    f->text = g_string_free(g_steal_pointer(&text), FALSE);
    return 0;
}

int fl_remote_file_open(struct fl_remote_file *f, gboolean writing, char **ret_error)
{
    memset(f, 0, sizeof(*f));
    f->lock = -1;
    f->path = fl_remote_file_path();
    if (find_real(f, ret_error) == 0 && (!writing || lock_folder(f, ret_error) == 0) &&
        read_text(f, ret_error) == 0)
        return 0;
    fl_remote_file_close(f);
    return -1;
}

static int write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Another owner than before would lock somebody out: then it is not done. */
static int like_before(const struct fl_remote_file *f, int fd)
{
    struct stat old, new;

    if (stat(f->real, &old) < 0)
        return errno == ENOENT ? fchmod(fd, 0644) : -1;
    if (fstat(fd, &new) < 0)
        return -1;
    if ((old.st_uid != new.st_uid || old.st_gid != new.st_gid) && fchown(fd, old.st_uid, old.st_gid) < 0)
        return -1;
    return fchmod(fd, old.st_mode & 07777);
}

int fl_remote_file_replace(struct fl_remote_file *f, const char *text, char **ret_error)
{
    g_autofree char *aside = g_strdup_printf("%s.XXXXXX", f->real);
    int fd = mkostemp(aside, O_CLOEXEC);
    bool good;

    if (fd < 0)
        return wrong("make a file beside", f->path, ret_error);
    good = like_before(f, fd) == 0 && write_all(fd, text, strlen(text)) == 0 && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    if (!good || rename(aside, f->real) < 0) {
        wrong("replace", f->path, ret_error);
        unlink(aside);
        return -1;
    }
    fsync(f->lock); /* the new name is in the folder now; where folders cannot be synced nothing is lost */
    return 0;
}

void fl_remote_file_close(struct fl_remote_file *f)
{
    g_clear_pointer(&f->path, g_free);
    g_clear_pointer(&f->real, g_free);
    g_clear_pointer(&f->text, g_free);
    if (f->lock >= 0)
        close(f->lock);
    f->lock = -1;
}
