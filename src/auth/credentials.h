/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Credentials: what a login wants to know (user, password, passphrase, an answer to a question), and who is
 * asked: the URI, then auth.conf, then the application's callback (virConnectOpenAuth). Used by the ssh
 * transports in process and by SASL. What is answered is a secret: it is never logged, and wiped when it is
 * given back.
 */
#pragma once

#include <stdbool.h>
#include <libvirt/libvirt.h>

/* Where answers come from; texts stay the caller's. */
struct fl_credentials {
    virConnectAuthPtr auth; /* the application's; may be NULL */
    const char *authfile;   /* authfile=; NULL: LIBVIRT_AUTH_FILE, then the usual places of auth.conf */
    const char *service;    /* "libvirt" (SASL), "ssh", "test": the section of auth.conf */
    const char *host;       /* as the URI names it; "localhost" without one */
    const char *user;       /* of the URI; may be NULL */
};

/*
 * Answers `n` questions (type, prompt, challenge, defresult filled by the caller; a result that is set
 * stays), in place: the URI's user, then auth.conf, then one call of the callback with all that is left. 0:
 * every result is set, by malloc(). -1 with the error set (VIR_ERR_AUTH_FAILED, or that of auth.conf with its
 * line): it names what was missing and where it was looked for; some results may be set. Wipe them in either
 * case.
 */
int fl_credentials_answer(const struct fl_credentials *from, virConnectCredential *questions, unsigned int n);
/* -1 with the error set: auth.conf cannot be used. Better said before a login begins than for want of an
 * answer. */
int fl_credentials_check(const struct fl_credentials *from);
/* Wipes and frees the results. */
void fl_credentials_wipe(virConnectCredential *questions, unsigned int n);
/* Whether a question of this kind (VIR_CRED_*) could be answered at all, without asking it. */
bool fl_credentials_can_answer(const struct fl_credentials *from, int type);
