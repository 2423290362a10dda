/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams: a volume up or down. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib.h"

#define CHUNK (256 * 1024)

static void report_bytes(const char *what, double bytes, double us)
{
    printf("{\"what\": \"%s\", \"bytes\": %.0f, \"mib_per_s\": %.1f}\n", what, bytes,
           bytes / 1048576 / (us / 1e6));
}

static size_t read_all(virStreamPtr st)
{
    static char buf[CHUNK];
    size_t total = 0;
    int n;

    while ((n = lib.virStreamRecv(st, buf, sizeof(buf))) > 0)
        total += (size_t)n;
    if (n < 0 || lib.virStreamFinish(st) < 0)
        bench_die("download");
    return total;
}

static void write_all(virStreamPtr st, size_t bytes)
{
    static char buf[CHUNK];

    memset(buf, 'x', sizeof(buf));
    while (bytes > 0) {
        int n = lib.virStreamSend(st, buf, bytes < sizeof(buf) ? bytes : sizeof(buf));

        if (n < 0)
            bench_die("upload");
        bytes -= (size_t)n;
    }
    if (lib.virStreamFinish(st) < 0)
        bench_die("the end of the upload");
}

void bench_stream(char **args)
{
    int up = strcmp(args[0], "up") == 0;
    size_t bytes = strtoul(args[2], NULL, 10);
    virConnectPtr c = bench_open();
    virStorageVolPtr vol = lib.virStorageVolLookupByPath(c, args[1]);
    virStreamPtr st = lib.virStreamNew(c, 0);
    double begun = bench_now_us();

    if (!vol || !st)
        bench_die(args[1]);
    if ((up ? lib.virStorageVolUpload(vol, st, 0, bytes, 0)
            : lib.virStorageVolDownload(vol, st, 0, bytes, 0)) < 0)
        bench_die(args[1]);
    if (up)
        write_all(st, bytes);
    else if (read_all(st) != bytes)
        bench_die("download: another number of bytes");
    report_bytes(args[0], (double)bytes, bench_now_us() - begun);
    lib.virStreamFree(st);
    lib.virStorageVolFree(vol);
    lib.virConnectClose(c);
}
