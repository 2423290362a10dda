/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an error code and an error domain are called in messages. For base/error.c and the default handler. */
#pragma once

/* Never NULL. */
const char *fl_error_title(int code);
/* "" for VIR_FROM_NONE and unknown domains. */
const char *fl_error_domain_name(int domain);
