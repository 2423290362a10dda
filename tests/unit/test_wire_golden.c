/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Golden frames: every line of tests/wire/NAME.hex was sent by the real peer (tests/wire/capture.py). Each is
 * decoded through the tables and encoded again to the same bytes. Usage: test_wire_golden FOLDER
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <glib.h>

#include "base/error.h"
#include "core/events.h"
#include "wire/frame.h"
#include "wire/procs.h"
#include "wire/types.h"
#include "wire/xdr.h"

static const char *folder;

static size_t unhex(const char *hex, unsigned char *out)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++)
        out[i] =
            (unsigned char)(g_ascii_xdigit_value(hex[2 * i]) << 4 | g_ascii_xdigit_value(hex[2 * i + 1]));
    return n;
}

static bool is_numbered_event(const struct fl_header *h)
{
    bool legacy = false;
    const struct fl_event_info *ev = fl_event_by_proc(h->program, h->procedure, &legacy);

    return ev && ev->numbered && !legacy;
}

/* The type of a frame's payload; 0 and *ret_raw for stream data. */
static unsigned int payload_type(char letter, const struct fl_header *h, bool *ret_raw)
{
    const struct fl_proc *p = fl_proc_find(h->program, h->procedure);

    *ret_raw = false;
    if (letter == 'E')
        return FL_T_ERROR;
    assert_non_null(p);
    if (letter == 'C' || letter == 'M')
        return p->args;
    if (letter == 'R')
        return p->ret;
    *ret_raw = true;
    return 0;
}

static void check_frame(const char *file, char letter, const unsigned char *frame, size_t len)
{
    struct fl_header h;
    size_t length = fl_header_unpack(frame, &h), skip = FL_FRAME_PREFIX;
    unsigned char packed[FL_FRAME_PREFIX];
    g_autofree unsigned char *copy = g_memdup2(frame, len);
    bool raw;
    unsigned int type = payload_type(letter, &h, &raw);
    g_autofree void *data = g_malloc0(fl_xdr_types[type].size + 1u);
    struct fl_writer w;
    FL_ARENA(arena);

    assert_int_equal(length, len);
    fl_header_pack(packed, (uint32_t)length, &h);
    assert_memory_equal(packed, frame, FL_FRAME_PREFIX);
    if (raw)
        return;
    if (letter == 'M' && is_numbered_event(&h))
        skip += 4;
    if (fl_xdr_decode_all(type, copy + skip, len - skip, &arena, data) < 0)
        fail_msg("%s %c: %s", file, letter, fl_error_get()->message);
    fl_writer_init(&w, FL_FRAME_LENGTH_MAX);
    if (fl_xdr_encode(type, data, &w) < 0)
        fail_msg("%s %c: %s", file, letter, fl_error_get()->message);
    if (w.len != len - skip || memcmp(w.data ? w.data : copy, frame + skip, w.len) != 0)
        fail_msg("%s %c: encoded again it differs", file, letter);
    fl_writer_fini(&w);
}

static unsigned int check_file(const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned int n = 0;

    assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **l = lines; *l; l++) {
        g_autofree unsigned char *frame = g_malloc(strlen(*l) + 1);

        if (!**l)
            continue;
        check_frame(name, **l, frame, unhex(*l + 2, frame));
        n++;
    }
    return n;
}

static void every_frame_survives(void **state)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;
    unsigned int files = 0, frames = 0;

    assert_non_null(dir);
    while ((name = g_dir_read_name(dir))) {
        if (!g_str_has_suffix(name, ".hex"))
            continue;
        frames += check_file(name);
        files++;
    }
    g_dir_close(dir);
    assert_true(files > 150);
    assert_true(frames > 300);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_frame_survives) };

    if (argc != 2)
        return 2;
    folder = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
