/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Jobs on a domain's disks: pull, commit, copy, and steering them. */
#include "shell.h"
#include "handlers.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* MiB/s, or bytes/s with --bytes */
static int bandwidth(struct fl_call *c, unsigned long long *ret, unsigned int *flags, unsigned int bytes_flag)
{
    *ret = 0;
    if (fl_arg_size(c, "bandwidth", 1, G_MAXUINT64, ret) < 0)
        return -1;
    if (fl_flag(c, "bytes"))
        *flags |= bytes_flag;
    return 0;
}

static int pivot(struct fl_call *c, const char *path, unsigned int flags)
{
    return virDomainBlockJobAbort(c->dom, path, flags) < 0
               ? fl_fail(c, "failed to finish the job of disk '%s'", path)
               : 0;
}

/* Polls the job until it is over (or ready, when it waits to be finished). 1 over, 2 ready. */
static int follow(struct fl_call *c, const char *path, const char *label, int timeout)
{
    gint64 end = g_get_monotonic_time() + (gint64)timeout * G_USEC_PER_SEC;
    virDomainBlockJobInfo info;
    int status = 0;

    fl_interrupt_watch(FL_GRACE_JOB);
    while (status == 0) {
        int n = virDomainGetBlockJobInfo(c->dom, path, &info, 0);

        if (n < 0)
            status = fl_fail(c, "failed to get the job of disk '%s'", path);
        else if (n == 0)
            status = 1;
        else if (info.end && info.cur == info.end &&
                 (info.type == VIR_DOMAIN_BLOCK_JOB_TYPE_COPY ||
                  info.type == VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT))
            status = 2;
        else if (fl_interrupted || (timeout > 0 && g_get_monotonic_time() > end)) {
            virDomainBlockJobAbort(c->dom, path, fl_flag(c, "async") ? VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC : 0);
            status = fl_wrong(c, "%s of disk '%s' was given up: %s", label, path,
                              fl_interrupted ? "interrupted" : "the time is over");
        }
        if (n > 0 && fl_flag(c, "verbose") && info.end)
            fprintf(stderr, "\r%s: [%3d %%]", label, (int)(100.0 * (double)info.cur / (double)info.end));
        if (status == 0)
            poll(NULL, 0, 200);
    }
    if (fl_flag(c, "verbose"))
        fputc('\n', stderr);
    fl_interrupt_unwatch();
    return status;
}

static int wait_options(struct fl_call *c, int *timeout)
{
    *timeout = 0;
    if (fl_arg_int(c, "timeout", timeout) < 0)
        return -1;
    if (fl_flag(c, "timeout") && *timeout < 1)
        return fl_wrong(c, "option --timeout is 1 or more seconds");
    return 0;
}

static bool waits(struct fl_call *c)
{
    return fl_flag(c, "wait") || fl_flag(c, "pivot") || fl_flag(c, "finish") || fl_flag(c, "keep-overlay");
}

int fl_cmd_blockpull(struct fl_call *c)
{
    const char *path = fl_arg(c, "path"), *base = fl_arg(c, "base");
    unsigned long long speed;
    unsigned int flags = fl_flags(c, "keep-relative", VIR_DOMAIN_BLOCK_REBASE_RELATIVE, NULL);
    int timeout, status;

    if (bandwidth(c, &speed, &flags, VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES) < 0 ||
        wait_options(c, &timeout) < 0)
        return -1;
    if (base || flags)
        status = virDomainBlockRebase(c->dom, path, base, (unsigned long)speed, flags);
    else
        status = virDomainBlockPull(c->dom, path, (unsigned long)speed, 0);
    if (status < 0)
        return fl_fail(c, "failed to pull into disk '%s'", path);
    if (!waits(c)) {
        fl_extra(c, "Block Pull started");
        return 0;
    }
    if (follow(c, path, "Block Pull", timeout) < 0)
        return -1;
    fl_extra(c, "\nPull complete");
    return 0;
}

int fl_cmd_blockcommit(struct fl_call *c)
{
    const char *path = fl_arg(c, "path");
    unsigned long long speed;
    unsigned int flags = fl_flags(
        c, "shallow", VIR_DOMAIN_BLOCK_COMMIT_SHALLOW, "delete", VIR_DOMAIN_BLOCK_COMMIT_DELETE, "active",
        VIR_DOMAIN_BLOCK_COMMIT_ACTIVE, "pivot", VIR_DOMAIN_BLOCK_COMMIT_ACTIVE, "keep-overlay",
        VIR_DOMAIN_BLOCK_COMMIT_ACTIVE, "keep-relative", VIR_DOMAIN_BLOCK_COMMIT_RELATIVE, NULL);
    int timeout, status;

    if (fl_exclusive(c, "pivot", "keep-overlay") < 0 ||
        bandwidth(c, &speed, &flags, VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES) < 0 ||
        wait_options(c, &timeout) < 0)
        return -1;
    if (virDomainBlockCommit(c->dom, path, fl_arg(c, "base"), fl_arg(c, "top"), (unsigned long)speed, flags) <
        0)
        return fl_fail(c, "failed to commit disk '%s'", path);
    if (!waits(c)) {
        fl_extra(c, "%s",
                 flags & VIR_DOMAIN_BLOCK_COMMIT_ACTIVE ? "Active Block Commit started"
                                                        : "Block Commit started");
        return 0;
    }
    status = follow(c, path, "Block commit", timeout);
    if (status < 0)
        return -1;
    if (fl_flag(c, "pivot")) {
        if (pivot(c, path, VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) < 0)
            return -1;
        fl_extra(c, "\nSuccessfully pivoted");
    } else if (fl_flag(c, "keep-overlay")) {
        if (pivot(c, path, 0) < 0)
            return -1;
        fl_extra(c, "\nCommit complete, overlay image kept");
    } else {
        fl_extra(c, status == 2 ? "\nNow in synchronized phase" : "\nCommit complete");
    }
    return 0;
}

static int copy_params(struct fl_call *c, virTypedParameterPtr *params, int *n, unsigned long long speed)
{
    unsigned int granularity = 0;
    unsigned long long size = 0;
    int max = 0;

    if (fl_arg_uint(c, "granularity", &granularity) < 0 || fl_arg_ull(c, "buf-size", &size) < 0)
        return -1;
    if (speed) {
        if (!fl_flag(c, "bytes") && speed > G_MAXUINT64 >> 20)
            return fl_wrong(c, "option --bandwidth is too large");
        virTypedParamsAddULLong(params, n, &max, VIR_DOMAIN_BLOCK_COPY_BANDWIDTH,
                                fl_flag(c, "bytes") ? speed : speed << 20);
    }
    if (granularity)
        virTypedParamsAddUInt(params, n, &max, VIR_DOMAIN_BLOCK_COPY_GRANULARITY, granularity);
    if (size)
        virTypedParamsAddULLong(params, n, &max, VIR_DOMAIN_BLOCK_COPY_BUF_SIZE, size);
    return 0;
}

static char *copy_xml(struct fl_call *c)
{
    GString *s = g_string_new("");
    const char *dest = fl_arg(c, "dest"), *format = fl_arg(c, "format");
    bool block = fl_flag(c, "blockdev");

    g_string_append_printf(s, "<disk type='%s'>\n", block ? "block" : "file");
    fl_xml_put(s, block ? "  <source dev='%s'/>\n" : "  <source file='%s'/>\n", dest);
    fl_xml_put(s, "  <driver type='%s'/>\n", format);
    g_string_append(s, "</disk>\n");
    return g_string_free(s, FALSE);
}

static int copy_end(struct fl_call *c, const char *path, int timeout)
{
    int status = follow(c, path, "Block Copy", timeout);

    if (status < 0)
        return -1;
    if (fl_flag(c, "pivot")) {
        if (pivot(c, path, VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) < 0)
            return -1;
        fl_extra(c, "\nSuccessfully pivoted");
    } else if (fl_flag(c, "finish")) {
        if (pivot(c, path, 0) < 0)
            return -1;
        fl_extra(c, "\nSuccessfully copied");
    } else {
        fl_extra(c, "\nNow in mirroring phase");
    }
    return 0;
}

int fl_cmd_blockcopy(struct fl_call *c)
{
    const char *path = fl_arg(c, "path");
    unsigned long long speed;
    unsigned int flags =
        fl_flags(c, "shallow", VIR_DOMAIN_BLOCK_COPY_SHALLOW, "reuse-external",
                 VIR_DOMAIN_BLOCK_COPY_REUSE_EXT, "transient-job", VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB,
                 "synchronous-writes", VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES, NULL);
    unsigned int unused = 0;
    virTypedParameterPtr params = NULL;
    g_autofree char *xml = NULL;
    int timeout, n = 0, status;

    if (fl_exclusive(c, "pivot", "finish") < 0 || fl_exclusive(c, "dest", "xml") < 0 ||
        bandwidth(c, &speed, &unused, 0) < 0 || wait_options(c, &timeout) < 0)
        return -1;
    if (!fl_arg(c, "dest") && !fl_arg(c, "xml"))
        return fl_wrong(c, "where to? give --dest or --xml");
    if (fl_arg(c, "xml") && fl_arg_file(c, "xml", &xml) < 0)
        return -1;
    if (!xml)
        xml = copy_xml(c);
    if (fl_flag(c, "print-xml")) {
        fl_out(c, "%s", xml);
        return 0;
    }
    status = copy_params(c, &params, &n, speed);
    if (status == 0 && virDomainBlockCopy(c->dom, path, xml, params, n, flags) < 0)
        status = fl_fail(c, "failed to copy disk '%s'", path);
    virTypedParamsFree(params, n);
    if (status < 0)
        return -1;
    if (waits(c))
        return copy_end(c, path, timeout);
    fl_extra(c, "Block Copy started");
    return 0;
}

static int job_show(struct fl_call *c, const char *path)
{
    static const char *const types[] = { "Unknown job",  "Block Pull",          "Block Copy",
                                         "Block Commit", "Active Block Commit", "Backup" };
    virDomainBlockJobInfo info;
    unsigned int flags = fl_flags(c, "bytes", VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES, NULL);
    int n = virDomainGetBlockJobInfo(c->dom, path, &info, flags);

    if (n < 0)
        return fl_fail(c, "failed to get the job of disk '%s'", path);
    if (n == 0) {
        if (!fl_flag(c, "raw"))
            fl_extra(c, "No current block job for %s", path);
        return 0;
    }
    if (fl_flag(c, "raw")) {
        fl_out(c, " type=%s\n bandwidth=%lu\n cur=%llu\n end=%llu\n", FL_NAME(types, info.type),
               info.bandwidth, info.cur, info.end);
        return 0;
    }
    fl_out(c, "%s: [%3d %%]", FL_NAME(types, info.type),
           info.end ? (int)(100.0 * (double)info.cur / (double)info.end) : 0);
    if (info.bandwidth)
        fl_out(c, flags ? "    Bandwidth limit: %lu bytes/s" : "    Bandwidth limit: %lu MiB/s",
               info.bandwidth);
    fl_out(c, "\n");
    return 0;
}

int fl_cmd_blockjob(struct fl_call *c)
{
    const char *path = fl_arg(c, "path");
    unsigned int abort_flags = fl_flags(c, "async", VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC, "pivot",
                                        VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT, NULL);
    unsigned int flags = 0;
    unsigned long long speed;
    bool stop = fl_flag(c, "abort") || abort_flags;

    if (fl_flag(c, "info") + stop + fl_flag(c, "bandwidth") > 1)
        return fl_wrong(c, "showing a job, aborting it and changing its speed exclude each other");
    if (stop)
        return pivot(c, path, abort_flags);
    if (!fl_flag(c, "bandwidth"))
        return job_show(c, path);
    if (bandwidth(c, &speed, &flags, VIR_DOMAIN_BLOCK_JOB_SPEED_BANDWIDTH_BYTES) < 0)
        return -1;
    if (virDomainBlockJobSetSpeed(c->dom, path, (unsigned long)speed, flags) < 0)
        return fl_fail(c, "failed to change the speed of the job of disk '%s'", path);
    return 0;
}
