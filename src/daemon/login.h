/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A login in progress: what a peer keeps between AUTH_LIST and being authenticated. Its procedures run on the
 * login workers, one at a time per peer and with the peer's input held, so nothing here is locked but what
 * fl_login_abort() needs. Procedures in hand_auth.c, SASL in auth_sasl.c, polkit in auth_polkit.c.
 */
#pragma once

struct fl_call;
struct fl_login;
struct fl_peer;
struct fl_sasl;
struct fl_w_auth_sasl_init_ret;
struct fl_w_auth_sasl_start_args;
struct fl_w_auth_sasl_start_ret;
struct fl_w_auth_sasl_step_args;
struct fl_w_auth_sasl_step_ret;

/* The peer is going: whoever waits for a person or another daemon gives up. Any thread, the peer's lock is
 * not held. */
void fl_login_abort(struct fl_peer *peer);
/* The last reference to the peer is going. */
void fl_login_free(struct fl_login *login);

int fl_login_sasl_init(struct fl_call *call, struct fl_w_auth_sasl_init_ret *ret);
int fl_login_sasl_start(struct fl_call *call, const struct fl_w_auth_sasl_start_args *args,
                        struct fl_w_auth_sasl_start_ret *ret);
int fl_login_sasl_step(struct fl_call *call, const struct fl_w_auth_sasl_step_args *args,
                       struct fl_w_auth_sasl_step_ret *ret);

/* 0: polkit lets the process at the other end in. */
int fl_login_polkit(struct fl_call *call);
