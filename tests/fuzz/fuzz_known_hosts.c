/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer target: any bytes as a known_hosts file, searched for a host with the key the first bytes make.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "transport/ssh_known_hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned char key[] = "\0\0\0\x0bssh-ed25519\0\0\0\x04"
                                       "abcd";
    struct fl_ssh_known_search k;

    fl_ssh_known_search_init(&k);
    k.name = "[host]:2222";
    k.plain_name = "host";
    k.key = key;
    k.len = sizeof(key) - 1;
    fl_ssh_known_hosts_scan(&k, "f", (const char *)data, size);
    if ((k.verdict == FL_SSH_HOST_NEW) != (k.file == NULL) || (k.file && (k.line < 1 || !k.fingerprint)))
        abort();
    fl_ssh_known_search_fini(&k);
    g_free(fl_ssh_key_type(data, size));
    return 0;
}
