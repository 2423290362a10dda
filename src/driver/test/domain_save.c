/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Save files, core dumps and managed save images. A save file is the peer's: "TestGuestMagic" with its zero,
 * the length of the document as an int, the document.
 */
#define FL_FROM VIR_FROM_TEST
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "driver/test/domain.h"
#include "driver/test/ops.h"

static const char magic[15] = "TestGuestMagic";
#define SAVE_MAX (64 << 20)

/* Writes all parts to a new file; removes it when that fails. */
static int file_write(const char *path, const char *what, const char *xml)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0)
        return fl_error_system(errno, "%s: cannot create '%s'", what, path);
    int len = xml ? strlen(xml) : 0;
    bool ok = write(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic) &&
              (!xml || (write(fd, &len, sizeof(len)) == (ssize_t)sizeof(len) && write(fd, xml, len) == len));
    int err = ok ? 0 : errno;
    if (close(fd) < 0 && ok)
        err = errno;
    if (err == 0)
        return 0;
    unlink(path);
    return fl_error_system(err, "%s: cannot write '%s'", what, path);
}

/* Reads exactly `len` bytes. */
static int read_part(int fd, const char *path, void *buf, gsize len, const char *what)
{
    gsize got = 0;
    while (got < len) {
        ssize_t n = read(fd, (char *)buf + got, len - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fl_error_system(errno, "cannot read the save file '%s'", path);
        if (n == 0)
            return fl_error(VIR_ERR_SYSTEM_ERROR, "'%s' is too short to be a save file: it ends in %s", path,
                            what);
        got += n;
    }
    return 0;
}

static char *image_read(const char *path)
{
    char head[sizeof(magic)];
    int len, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        fl_error_system(errno, "cannot open the save file '%s'", path);
        return NULL;
    }
    char *xml = NULL;
    if (read_part(fd, path, head, sizeof(head), "its first line") < 0) {
        /* said */
    } else if (memcmp(head, magic, sizeof(magic)) != 0) {
        fl_error(VIR_ERR_INTERNAL_ERROR, "'%s' is no save file of the test driver: it begins differently",
                 path);
    } else if (read_part(fd, path, &len, sizeof(len), "the length of its document") < 0) {
        /* said */
    } else if (len < 1 || len > SAVE_MAX) {
        fl_error(VIR_ERR_INTERNAL_ERROR,
                 "the save file '%s' claims a document of %d bytes; 1 to %d were expected", path, len,
                 SAVE_MAX);
    } else {
        xml = g_malloc(len + 1);
        xml[len] = '\0';
        if (read_part(fd, path, xml, len, "its document") < 0)
            g_clear_pointer(&xml, g_free);
    }
    close(fd);
    return xml;
}

static struct fl_domain_def *image_load(const char *path)
{
    struct fl_domain_def *def;
    g_autofree char *xml = image_read(path);
    return xml && fl_domain_def_parse(xml, path, 0, &def) == 0 ? def : NULL;
}

static int no_changes(const char *dxml)
{
    return dxml
               ? fl_error(VIR_ERR_ARGUMENT_UNSUPPORTED,
                          "the test driver saves and restores a definition as it is: give no XML of your own")
               : 0;
}

/* The running domain's definition and id, without keeping the host locked. */
static int snapshot_running(virDomainPtr dom, char **ret_xml, int *ret_id)
{
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_running(host, dom);
    if (!d || !(*ret_xml = fl_domain_def_format(d->def, VIR_DOMAIN_XML_SECURE)))
        return -1;
    *ret_id = d->item.id;
    return 0;
}

/* Turns the domain off if it is still in the run `id`. */
static int stop_run(virDomainPtr dom, int id, int reason, int detail)
{
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_running(host, dom);
    if (!d)
        return -1;
    if (d->item.id != id)
        return fl_error(VIR_ERR_OPERATION_INVALID,
                        "domain '%s' was stopped and started while its file was written", dom->name);
    dom->id = -1;
    fl_test_domain_stop(host, d, reason, detail);
    return 0;
}

int fl_test_domain_save_flags(virDomainPtr dom, const char *to, const char *dxml, unsigned int flags)
{
    g_autofree char *xml = NULL;
    int id;
    if (fl_check_flags(flags, 0) < 0 || no_changes(dxml) < 0 || snapshot_running(dom, &xml, &id) < 0 ||
        file_write(to, "saving the domain", xml) < 0)
        return -1;
    return stop_run(dom, id, VIR_DOMAIN_SHUTOFF_SAVED, VIR_DOMAIN_EVENT_STOPPED_SAVED);
}

int fl_test_domain_save(virDomainPtr dom, const char *to)
{
    return fl_test_domain_save_flags(dom, to, NULL, 0);
}

int fl_test_domain_restore_flags(virConnectPtr conn, const char *from, const char *dxml, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0 || no_changes(dxml) < 0)
        return -1;
    struct fl_domain_def *def = image_load(from);
    if (!def)
        return -1;
    TEST_WRITE_CONN(conn);
    struct fl_test_domain *d = fl_test_domain_add(host, def, FL_TEST_ADD_LIVE);
    if (!d)
        return -1;
    fl_test_domain_start(host, d, VIR_DOMAIN_RUNNING_RESTORED);
    fl_test_domain_emit(host, d, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_RESTORED);
    return 0;
}

int fl_test_domain_restore(virConnectPtr conn, const char *from)
{
    return fl_test_domain_restore_flags(conn, from, NULL, 0);
}

char *fl_test_domain_save_image_get_xml_desc(virConnectPtr conn, const char *file, unsigned int flags)
{
    if (fl_check_flags(flags, VIR_DOMAIN_SAVE_IMAGE_XML_SECURE) < 0)
        return NULL;
    struct fl_domain_def *def = image_load(file);
    if (!def)
        return NULL;
    char *xml =
        fl_domain_def_format(def, flags & VIR_DOMAIN_SAVE_IMAGE_XML_SECURE ? VIR_DOMAIN_XML_SECURE : 0);
    fl_domain_def_free(def);
    return xml;
}

int fl_test_domain_save_image_define_xml(virConnectPtr conn, const char *file, const char *dxml,
                                         unsigned int flags)
{
    struct fl_domain_def *def, *old;
    const unsigned int both = VIR_DOMAIN_SAVE_RUNNING | VIR_DOMAIN_SAVE_PAUSED;
    if (fl_check_flags(flags, both) < 0)
        return -1;
    if ((flags & both) == both)
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                            "a save file cannot be restored both running and paused");
    if (fl_domain_def_parse(dxml, NULL, 0, &def) < 0)
        return -1;
    int rc = -1;
    if ((old = image_load(file))) {
        g_autofree char *xml = fl_domain_def_format(def, VIR_DOMAIN_XML_SECURE);
        if (xml)
            rc = file_write(file, "changing the save file", xml);
    }
    fl_domain_def_free(old);
    fl_domain_def_free(def);
    return rc;
}

int fl_test_domain_core_dump_with_format(virDomainPtr dom, const char *to, unsigned int format,
                                         unsigned int flags)
{
    if (fl_check_flags(flags, VIR_DUMP_CRASH) < 0)
        return -1;
    if (format >= VIR_DOMAIN_CORE_DUMP_FORMAT_LAST)
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "%u is no format of core dumps", format);
    g_autofree char *xml = NULL;
    int id;
    if (snapshot_running(dom, &xml, &id) < 0)
        return -1;
    if (format != VIR_DOMAIN_CORE_DUMP_FORMAT_RAW)
        return fl_error(VIR_ERR_OPERATION_UNSUPPORTED,
                        "the test driver writes raw core dumps only, not format %u", format);
    if (file_write(to, "dumping the domain's core", NULL) < 0)
        return -1;
    return flags & VIR_DUMP_CRASH
               ? stop_run(dom, id, VIR_DOMAIN_SHUTOFF_CRASHED, VIR_DOMAIN_EVENT_STOPPED_CRASHED)
               : 0;
}

int fl_test_domain_core_dump(virDomainPtr dom, const char *to, unsigned int flags)
{
    return fl_test_domain_core_dump_with_format(dom, to, VIR_DOMAIN_CORE_DUMP_FORMAT_RAW, flags);
}

int fl_test_domain_managed_save(virDomainPtr dom, unsigned int flags)
{
    if (fl_check_flags(flags,
                       VIR_DOMAIN_SAVE_BYPASS_CACHE | VIR_DOMAIN_SAVE_RUNNING | VIR_DOMAIN_SAVE_PAUSED) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_running(host, dom);
    if (!d)
        return -1;
    if (!d->persistent)
        return fl_error(VIR_ERR_OPERATION_INVALID,
                        "domain '%s' is transient: there would be nothing left to restore the image into",
                        dom->name);
    dom->id = -1;
    d->managed_save = true;
    fl_test_domain_stop(host, d, VIR_DOMAIN_SHUTOFF_SAVED, VIR_DOMAIN_EVENT_STOPPED_SAVED);
    return 0;
}

int fl_test_domain_has_managed_save_image(virDomainPtr dom, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    return d ? d->managed_save : -1;
}

int fl_test_domain_managed_save_remove(virDomainPtr dom, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return -1;
    d->managed_save = false;
    return 0;
}
