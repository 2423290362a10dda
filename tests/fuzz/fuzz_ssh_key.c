/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer target: any bytes as a key file and as what an ssh agent answers. */
#include <stdint.h>
#include <stdlib.h>

#include "transport/ssh_agent.h"
#include "transport/ssh_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    GPtrArray *keys = NULL;
    unsigned char *bytes = NULL;
    size_t len = 0;

    fl_ssh_key_is_locked((const char *)data, size);
    if (fl_ssh_key_public_of((const char *)data, size, &bytes, &len) && (!bytes || len > size))
        abort();
    g_clear_pointer(&bytes, g_free);
    if (fl_ssh_agent_parse_identities(data, size, &keys) == 0) {
        for (guint i = 0; i < keys->len; i++)
            if (((struct fl_ssh_identity *)g_ptr_array_index(keys, i))->len > size)
                abort();
        g_ptr_array_unref(keys);
    }
    if (fl_ssh_agent_parse_signature(data, size, &bytes, &len) == 0 && (!bytes || len > size))
        abort();
    g_free(bytes);
    return 0;
}
