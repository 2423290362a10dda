/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where certificates and keys are: below /etc/pki as daemons and root's clients look for them, flat in
 * ~/.pki/libvirt or a folder for pkipath=. Writes them so that a key is never readable by others.
 */
#include "pki.h"
#include "shell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void flat(struct fl_pki *pki, const char *dir)
{
    pki->ca_cert = g_build_filename(dir, "cacert.pem", NULL);
    pki->ca_key = g_build_filename(dir, "cakey.pem", NULL);
    pki->server_cert = g_build_filename(dir, "servercert.pem", NULL);
    pki->server_key = g_build_filename(dir, "serverkey.pem", NULL);
    pki->client_cert = g_build_filename(dir, "clientcert.pem", NULL);
    pki->client_key = g_build_filename(dir, "clientkey.pem", NULL);
}

static void deep(struct fl_pki *pki, const char *dir)
{
    pki->ca_cert = g_build_filename(dir, "CA", "cacert.pem", NULL);
    pki->ca_key = g_build_filename(dir, "CA", "private", "cakey.pem", NULL);
    pki->server_cert = g_build_filename(dir, "libvirt", "servercert.pem", NULL);
    pki->server_key = g_build_filename(dir, "libvirt", "private", "serverkey.pem", NULL);
    pki->client_cert = g_build_filename(dir, "libvirt", "clientcert.pem", NULL);
    pki->client_key = g_build_filename(dir, "libvirt", "private", "clientkey.pem", NULL);
}

int fl_pki_places(struct fl_call *c, struct fl_pki *ret)
{
    const char *dir = fl_arg(c, "dir");
    bool user = fl_flag(c, "user");

    if (fl_exclusive(c, "dir", "user") < 0)
        return -1;
    if (fl_flag(c, "flat") && !dir)
        return fl_wrong(c, "option --flat goes with --dir DIR");
    if (dir && fl_flag(c, "flat")) {
        flat(ret, dir);
    } else if (dir || (!user && geteuid() == 0)) {
        deep(ret, dir ? dir : FL_SYSCONFDIR "/pki");
    } else {
        g_autofree char *own = g_build_filename(g_get_home_dir(), ".pki", "libvirt", NULL);

        flat(ret, own);
    }
    return 0;
}

int fl_pki_authority(struct fl_call *c, const char *dir, struct fl_pki *pki)
{
    struct fl_pki tries[2] = { { NULL } };
    int found = -1;

    flat(&tries[0], dir);
    deep(&tries[1], dir);
    for (int i = 0; i < 2 && found < 0; i++)
        if (access(tries[i].ca_cert, F_OK) == 0)
            found = i;
    if (found >= 0) {
        g_free(pki->ca_cert);
        g_free(pki->ca_key);
        pki->ca_cert = g_steal_pointer(&tries[found].ca_cert);
        pki->ca_key = g_steal_pointer(&tries[found].ca_key);
    } else {
        fl_wrong(c, "there is no authority in '%s': neither %s nor %s", dir, tries[0].ca_cert,
                 tries[1].ca_cert);
    }
    fl_pki_clear(&tries[0]);
    fl_pki_clear(&tries[1]);
    return found < 0 ? -1 : 0;
}

void fl_pki_clear(struct fl_pki *pki)
{
    g_free(pki->ca_cert);
    g_free(pki->ca_key);
    g_free(pki->server_cert);
    g_free(pki->server_key);
    g_free(pki->client_cert);
    g_free(pki->client_key);
    *pki = (struct fl_pki){ NULL };
}

/* Only "private" is closed: what lies beside it is for everybody to read. Folders that were made for it are
 * noted. */
static int make_folder(const char *dir, GPtrArray *made)
{
    g_autofree char *parent = g_path_get_dirname(dir);

    if (access(dir, F_OK) == 0)
        return 0;
    if (make_folder(parent, made) < 0)
        return -1;
    if (mkdir(dir, g_str_has_suffix(dir, "/private") ? 0700 : 0755) < 0)
        return errno == EEXIST ? 0 : -1;
    g_ptr_array_add(made, g_strdup(dir));
    return 0;
}

static int write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

static int write_aside(struct fl_call *c, const struct fl_pki_file *f, GPtrArray *made, char **ret_aside)
{
    g_autofree char *dir = g_path_get_dirname(f->path), *aside = g_strdup_printf("%s.XXXXXX", f->path);
    int fd, reason = 0;

    if (make_folder(dir, made) < 0)
        return fl_wrong(c, "cannot make the folder '%s': %s", dir, g_strerror(errno));
    fd = mkostemp(aside, O_CLOEXEC); /* 0600 from the beginning */
    if (fd < 0)
        return fl_wrong(c, "cannot write in '%s': %s", dir, g_strerror(errno));
    *ret_aside = g_steal_pointer(&aside);
    if (write_all(fd, f->text, f->len) < 0 || fchmod(fd, f->secret ? 0600 : 0644) < 0 || fsync(fd) < 0)
        reason = errno;
    if (close(fd) < 0 && !reason)
        reason = errno;
    return reason ? fl_wrong(c, "cannot write '%s': %s", f->path, g_strerror(reason)) : 0;
}

/* link() where nothing may be replaced: it fails when a file has come there meanwhile. */
static int put_in_place(struct fl_call *c, const char *aside, const char *path, bool force)
{
    if (force ? rename(aside, path) == 0 : link(aside, path) == 0)
        return 0;
    return fl_wrong(c, "cannot put '%s' in place: %s", path, g_strerror(errno));
}

static int check_absent(struct fl_call *c, const struct fl_pki_file *files, size_t n)
{
    struct stat st;

    for (size_t i = 0; i < n; i++)
        if (lstat(files[i].path, &st) == 0)
            return fl_wrong(c, "'%s' is there already; --force replaces it", files[i].path);
    return 0;
}

/* Nothing half done is left: what was put in place, unless it took the place of another, and empty folders.
 */
static void take_back(const struct fl_pki_file *files, size_t n_placed, GPtrArray *made)
{
    for (size_t i = 0; i < n_placed; i++)
        unlink(files[i].path);
    for (guint i = made->len; i > 0; i--)
        rmdir(made->pdata[i - 1]);
}

int fl_pki_write(struct fl_call *c, const struct fl_pki_file *files, size_t n, bool force)
{
    g_autofree char **asides = g_new0(char *, n + 1);
    g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(g_free);
    int status = force ? 0 : check_absent(c, files, n);
    size_t placed = 0;

    for (size_t i = 0; i < n && status == 0; i++)
        status = write_aside(c, &files[i], made, &asides[i]);
    for (; placed < n && status == 0; placed += status == 0)
        status = put_in_place(c, asides[placed], files[placed].path, force);
    for (size_t i = 0; i < n && asides[i]; i++) {
        unlink(asides[i]); /* gone already after a rename */
        g_free(asides[i]);
    }
    if (status < 0)
        take_back(files, force ? 0 : placed, made);
    return status;
}
