/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which far sides wanted a login when this process was last there: whether it is worth asking for the opening
 * together with the first question. Never more than a guess.
 */
#pragma once

#include <stdbool.h>

enum fl_login_known { FL_LOGIN_UNKNOWN, FL_LOGIN_NONE, FL_LOGIN_WANTED };

enum fl_login_known fl_login_known(const char *transport, const char *target);
void fl_login_learn(const char *transport, const char *target, bool wanted);
