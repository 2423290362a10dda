/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libFuzzer target: any bytes as a .conf file, read as syntax, as libvirt.conf and as libvirtd.conf.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "config/client_conf.h"
#include "config/conf.h"
#include "config/daemon_conf.h"

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
    fl_autoconf struct fl_conf *conf = NULL;
    fl_autoclientconf struct fl_client_conf *client = NULL;
    fl_autodaemonconf struct fl_daemon_conf *settings = NULL;
    const char *text = (const char *)data;
    int rc = fl_conf_parse("fuzz.conf", text, size, &conf);

    check_refusal(rc);
    if (rc < 0)
        return 0;
    check_refusal(fl_client_conf_parse("fuzz.conf", text, size, &client));
    check_refusal(fl_daemon_conf_parse("fuzz.conf", text, size, size & 1, &settings));
    return 0;
}
