/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The XDR interpreter: limits before memory, in-place strings, every type round and truncated at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <glib.h>

#include "base/error.h"
#include "wire/procs.h"
#include "wire/types.h"
#include "wire/xdr.h"

#define U32(a)                                                                                               \
    (unsigned char)((a) >> 24), (unsigned char)((a) >> 16), (unsigned char)((a) >> 8), (unsigned char)(a)

/* Decodes a copy, so that reads past the end are seen by the sanitizer. */
static int decode_copy(unsigned int type, const void *bytes, size_t len, struct fl_arena *arena,
                       void *ret_data)
{
    unsigned char *copy = malloc(len ? len : 1);
    int rc;

    memcpy(copy, bytes, len);
    fl_arena_adopt(arena, copy);
    rc = fl_xdr_decode_all(type, copy, len, arena, ret_data);
    return rc;
}

static void assert_refused(unsigned int type, const void *bytes, size_t len, const char *words)
{
    g_autofree void *data = g_malloc0(fl_xdr_types[type].size + 1u);
    FL_ARENA(arena);

    assert_int_equal(decode_copy(type, bytes, len, &arena, data), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_RPC);
    if (!strstr(fl_error_get()->message, words))
        fail_msg("'%s' does not say '%s'", fl_error_get()->message, words);
    fl_error_reset();
}

static void string_gets_its_nul_in_place(void **state)
{
    unsigned char four[] = { U32(4u), 't', 'e', 's', 't' };
    unsigned char five[] = { U32(5u), 't', 'e', 's', 't', '2', 0, 0, 0 };
    struct fl_w_connect_get_type_ret ret;
    FL_ARENA(arena);

    assert_int_equal(fl_xdr_decode_all(FL_T_CONNECT_GET_TYPE_RET, four, sizeof(four), &arena, &ret), 0);
    assert_string_equal(ret.type, "test");
    assert_ptr_equal(ret.type, four);
    assert_int_equal(fl_xdr_decode_all(FL_T_CONNECT_GET_TYPE_RET, five, sizeof(five), &arena, &ret), 0);
    assert_string_equal(ret.type, "test2");
    assert_ptr_equal(ret.type, five + 4);
    assert_int_equal(arena.total, 0);
}

static void optional_string(void **state)
{
    unsigned char absent[] = { U32(0u), U32(7u) };
    unsigned char present[] = { U32(1u), U32(0u), U32(7u) };
    unsigned char other[] = { U32(0x01000000u), U32(0u), U32(7u) };
    struct fl_w_connect_open_args args;
    FL_ARENA(arena);

    assert_int_equal(decode_copy(FL_T_CONNECT_OPEN_ARGS, absent, sizeof(absent), &arena, &args), 0);
    assert_null(args.name);
    assert_int_equal(args.flags, 7);
    assert_int_equal(decode_copy(FL_T_CONNECT_OPEN_ARGS, present, sizeof(present), &arena, &args), 0);
    assert_string_equal(args.name, "");
    /* Present too: what counts is that it is not 0. */
    assert_int_equal(decode_copy(FL_T_CONNECT_OPEN_ARGS, other, sizeof(other), &arena, &args), 0);
    assert_string_equal(args.name, "");
    assert_int_equal(args.flags, 7);
}

static void string_limits(void **state)
{
    const unsigned char huge[] = { U32(0xffffffffu), 0, 0, 0, 0 };
    const unsigned char over[] = { U32(4194305u), 0, 0, 0, 0 };
    const unsigned char beyond[] = { U32(9u), 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h' };
    const unsigned char nul[] = { U32(3u), 'a', 0, 'c', 0 };

    assert_refused(FL_T_CONNECT_GET_TYPE_RET, huge, sizeof(huge), "limit is 4194304");
    assert_refused(FL_T_CONNECT_GET_TYPE_RET, over, sizeof(over), "4194305");
    assert_refused(FL_T_CONNECT_GET_TYPE_RET, beyond, sizeof(beyond), "8 left");
    assert_refused(FL_T_CONNECT_GET_TYPE_RET, nul, sizeof(nul), "NUL");
}

static void counts_are_checked_before_memory(void **state)
{
    const unsigned char all[] = { U32(0xffffffffu), 0, 0, 0, 0 };
    const unsigned char lie[] = { U32(16384u), 0, 0, 0, 0 };
    struct fl_w_connect_list_all_domains_ret ret;
    unsigned char copy[sizeof(lie)];
    FL_ARENA(arena);

    assert_refused(FL_T_CONNECT_LIST_ALL_DOMAINS_RET, all, sizeof(all), "limit is 16384");
    assert_refused(FL_T_CONNECT_LIST_ALL_DOMAINS_RET, lie, sizeof(lie), "do not fit");
    memcpy(copy, lie, sizeof(lie));
    fl_xdr_decode_all(FL_T_CONNECT_LIST_ALL_DOMAINS_RET, copy, sizeof(copy), &arena, &ret);
    assert_int_equal(arena.total, 0);
    fl_error_reset();
}

static void typed_parameters(void **state)
{
    struct fl_w_typed_param in[] = {
        { .field = (char *)"i", .type = VIR_TYPED_PARAM_INT, .value.i = -1 },
        { .field = (char *)"ui", .type = VIR_TYPED_PARAM_UINT, .value.ui = 0xffffffffu },
        { .field = (char *)"l", .type = VIR_TYPED_PARAM_LLONG, .value.l = INT64_MIN },
        { .field = (char *)"ul", .type = VIR_TYPED_PARAM_ULLONG, .value.ul = UINT64_MAX },
        { .field = (char *)"d", .type = VIR_TYPED_PARAM_DOUBLE, .value.d = 0.5 },
        { .field = (char *)"b", .type = VIR_TYPED_PARAM_BOOLEAN, .value.b = 1 },
        { .field = (char *)"s", .type = VIR_TYPED_PARAM_STRING, .value.s = (char *)"four" },
    };
    struct fl_w_domain_get_memory_parameters_ret ret = { .n_params = G_N_ELEMENTS(in), .params = in }, back,
                                                 *copy;
    g_autofree char *block = NULL;
    struct fl_writer w;
    FL_ARENA(arena);

    fl_writer_init(&w, 1000);
    assert_int_equal(fl_xdr_encode(FL_T_DOMAIN_GET_MEMORY_PARAMETERS_RET, &ret, &w), 0);
    assert_int_equal(decode_copy(FL_T_DOMAIN_GET_MEMORY_PARAMETERS_RET, w.data, w.len, &arena, &back), 0);
    assert_true(fl_xdr_equal(FL_T_DOMAIN_GET_MEMORY_PARAMETERS_RET, &ret, &back));
    assert_string_equal(back.params[6].value.s, "four");
    block = fl_xdr_clone(FL_T_DOMAIN_GET_MEMORY_PARAMETERS_RET, &back, 32);
    copy = (void *)(block + 32);
    assert_true(fl_xdr_equal(FL_T_DOMAIN_GET_MEMORY_PARAMETERS_RET, &ret, copy));
    assert_ptr_not_equal(copy->params[6].value.s, back.params[6].value.s);
    copy->params[2].value.l++;
    assert_false(fl_xdr_equal(FL_T_DOMAIN_GET_MEMORY_PARAMETERS_RET, &ret, copy));
    in[0].type = 9;
    fl_writer_reset(&w);
    assert_int_equal(fl_xdr_encode(FL_T_DOMAIN_GET_MEMORY_PARAMETERS_RET, &ret, &w), -1);
    fl_writer_fini(&w);
    fl_error_reset();
}

static void encoder_checks_limits(void **state)
{
    g_autofree char *big = g_malloc(4194306);
    struct fl_w_connect_get_type_ret ret = { .type = big };
    struct fl_w_connect_list_all_domains_ret list = { .n_domains = 16385 };
    struct fl_writer w;

    memset(big, 'x', 4194305);
    big[4194305] = '\0';
    fl_writer_init(&w, 1u << 25);
    assert_int_equal(fl_xdr_encode(FL_T_CONNECT_GET_TYPE_RET, &ret, &w), -1);
    fl_writer_reset(&w);
    assert_int_equal(fl_xdr_encode(FL_T_CONNECT_LIST_ALL_DOMAINS_RET, &list, &w), -1);
    fl_writer_reset(&w);
    ret.type = NULL;
    assert_int_equal(fl_xdr_encode(FL_T_CONNECT_GET_TYPE_RET, &ret, &w), -1);
    fl_writer_fini(&w);
    fl_writer_init(&w, 8);
    ret.type = (char *)"longer";
    assert_int_equal(fl_xdr_encode(FL_T_CONNECT_GET_TYPE_RET, &ret, &w), -1);
    assert_non_null(strstr(fl_error_get()->message, "limit is 8"));
    fl_writer_fini(&w);
    fl_error_reset();
}

/* The same bytes through decode, encode and decode again give the same; any prefix is refused. */
static void check_type(unsigned int type, const unsigned char *bytes, size_t len)
{
    g_autofree void *data = g_malloc0(fl_xdr_types[type].size + 1u);
    g_autofree void *again = g_malloc0(fl_xdr_types[type].size + 1u);
    unsigned char *copy = malloc(len + 1);
    struct fl_reader r;
    struct fl_writer w;
    FL_ARENA(arena);

    memcpy(copy, bytes, len);
    fl_arena_adopt(&arena, copy);
    r = fl_reader_over(copy, len);
    fl_writer_init(&w, FL_ARENA_MAX);
    if (fl_xdr_decode(type, &r, &arena, data) == 0) {
        size_t used = len - fl_reader_left(&r);

        assert_int_equal(fl_xdr_encode(type, data, &w), 0);
        assert_int_equal(w.len, used);
        assert_int_equal(decode_copy(type, w.data, w.len, &arena, again), 0);
        assert_true(fl_xdr_equal(type, data, again));
        for (size_t n = 0; n < used; n++) {
            FL_ARENA(small);
            assert_int_equal(decode_copy(type, w.data, n, &small, again), -1);
        }
    }
    fl_writer_fini(&w);
    fl_error_reset();
}

static void every_type_takes_any_bytes(void **state)
{
    unsigned char bytes[600];
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);

    for (unsigned int type = 1; type < fl_xdr_ntypes; type++) {
        memset(bytes, 0, sizeof(bytes));
        check_type(type, bytes, 0);
        check_type(type, bytes, sizeof(bytes)); /* everything empty */
        for (int round = 0; round < 30; round++) {
            /* Mostly small numbers, so that counts and lengths are met. */
            for (size_t i = 0; i < sizeof(bytes); i += 4) {
                uint32_t v = (uint32_t)g_rand_int_range(rand, 0, 8);

                if (g_rand_int_range(rand, 0, 40) == 0)
                    v = g_rand_int(rand);
                fl_be32_put(bytes + i, v);
            }
            check_type(type, bytes, sizeof(bytes));
        }
        memset(bytes, 0xff, sizeof(bytes));
        check_type(type, bytes, sizeof(bytes));
    }
}

static void every_procedure_names_known_types(void **state)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < FL_PROCS_REMOTE; i++) {
        const struct fl_proc *p = fl_proc_find(FL_PROGRAM_REMOTE, i);

        if (!p)
            continue;
        n++;
        assert_int_equal(p->number, i);
        assert_true(p->args < fl_xdr_ntypes && p->ret < fl_xdr_ntypes);
        assert_true(strlen(fl_proc_name(p)) > 1);
    }
    assert_int_equal(n, 453);
    assert_null(fl_proc_find(FL_PROGRAM_REMOTE, 0));
    assert_null(fl_proc_find(FL_PROGRAM_REMOTE, 9999));
    assert_null(fl_proc_find(1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(string_gets_its_nul_in_place),
        cmocka_unit_test(optional_string),
        cmocka_unit_test(string_limits),
        cmocka_unit_test(counts_are_checked_before_memory),
        cmocka_unit_test(typed_parameters),
        cmocka_unit_test(encoder_checks_limits),
        cmocka_unit_test(every_type_takes_any_bytes),
        cmocka_unit_test(every_procedure_names_known_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
