/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Part of the module `sasl`: whose tickets a login by Kerberos uses. An application may have given its thread
 * a credential cache of its own (gss_krb5_ccache_name()); the steps are made by another thread, which has to
 * be handed what the first one would have used.
 */
#pragma once

/* What this thread logs in with, for SASL_GSS_CREDS; NULL: whatever anybody would, or nothing at all. Asks
 * nobody for tickets. */
void *fl_gss_credential(void);
void fl_gss_credential_free(void *credential);
