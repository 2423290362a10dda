/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file behind test:///path: whatever is in it, the host is loaded or one error is set; what was loaded
 * prints. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver/test/domain.h"
#include "driver/test/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_domains(struct fl_test_host *host)
{
    struct fl_test_domain *d;
    FL_TEST_EACH(&host->domains, struct fl_test_domain *, d)
    {
        g_free(fl_domain_def_format(d->def, 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("node", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    g_snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    struct fl_test_host *host = fl_test_host_new();
    fl_error_reset();
    if (fl_test_host_load(host, path) == 0)
        print_domains(host);
    else if (fl_error_get()->code == VIR_ERR_OK)
        abort(); /* failed without saying why */
    fl_test_host_free(host);
    close(fd);
    return 0;
}
