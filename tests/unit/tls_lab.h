/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For tests of the TLS layer: certificates made on the spot, and both sides over a socket pair in one thread.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <time.h>

#include "transport/tls_private.h"
#include "transport/transport.h"

#define HOUR 3600

struct lab {
    char *folder, *ca, *server, *client, *key;
    gnutls_x509_privkey_t private;
    gnutls_x509_crt_t ca_cert;
    const char *priority; /* NULL: "NORMAL" */
};

int lab_setup(void **state);
int lab_teardown(void **state);
gnutls_x509_crt_t lab_issue(struct lab *lab, const char *cn, const char *dns, bool ca, time_t end);
char *lab_issue_file(struct lab *lab, const char *name, const char *cn, time_t end);
struct fl_tls_spec lab_spec_for(const struct lab *lab, bool server);

/* Two sides. */
struct pair {
    struct fl_transport *client, *server;
};

void pair_init(const struct lab *lab, struct pair *p, bool narrow); /* narrow: sockets with little room */
void pair_fini(struct pair *p);
void pair_shake(struct pair *p); /* both sides in turn until both are through */
