/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libFuzzer target: any bytes as an auth.conf, read and searched.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth_conf.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A refusal must say why and name the file. */
static void check_refusal(int rc)
{
    if (rc < 0 && (fl_error_get()->code == VIR_ERR_OK || !strstr(fl_error_get()->message, "fuzz.conf")))
        abort();
    fl_error_reset();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = { "authname", "password", "" };
    fl_autoauthconf struct fl_auth_conf *conf = NULL;
    int rc = fl_auth_conf_parse("fuzz.conf", (const char *)data, size, &conf);

    check_refusal(rc);
    for (size_t i = 0; rc == 0 && i < G_N_ELEMENTS(keys); i++) {
        struct fl_auth_conf_answer answer = { 0 };

        check_refusal(fl_auth_conf_find(conf, "libvirt", i ? NULL : "h", keys[i], &answer));
        if (answer.value && strlen(answer.value) > size)
            abort();
    }
    return 0;
}
