/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Host names to addresses, within a deadline. */
#pragma once

#include <netdb.h>
#include <stdint.h>

/* For freeaddrinfo(). -1 with the error set. */
int fl_lookup_host(const char *host, int port, int64_t deadline_us, struct addrinfo **ret_list);
