/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer target: any bytes as what `ssh -G` printed; expanding never leaves its bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "transport/ssh_settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *environment(const char *name)
{
    return *name == 'A' ? "value" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fl_ssh_names names = {
        .home = "/h", .user = "u", .hostname = "a.b", .uid = 1, .getenv = environment
    };
    struct fl_ssh_settings *s = NULL;

    if (fl_ssh_settings_parse((const char *)data, size, &s) < 0) {
        if (fl_error_get()->code == VIR_ERR_OK)
            abort();
        fl_error_reset();
        return 0;
    }
    fl_ssh_settings_expand(s, &names);
    if (!s->user || !s->hostname || s->port < 1 || s->port > 65535 || !s->identity_files || !s->known_hosts)
        abort();
    if (s->proxy_command)
        g_free(fl_ssh_settings_tokens(s, &names, s->proxy_command));
    fl_ssh_settings_free(s);
    return 0;
}
