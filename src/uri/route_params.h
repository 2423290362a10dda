/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What route.c and route_params.c share: which URI parameters the client takes for itself. */
#pragma once

#include "uri/route.h"

/* Fills the route from its parameters, the environment and the settings, and checks their values. */
int fl_route_apply_params(struct fl_route *route, const struct fl_resolve_env *env);
/* Checks what the environment says about limits, where no route takes them. */
int fl_route_check_limits(const struct fl_resolve_env *env);
/* Whether the client takes the parameter `name`; any other belongs to the far side. */
bool fl_route_param_consumed(const char *name);
void fl_origin_set(struct fl_origin *origin, enum fl_origin_kind kind, const char *where_fmt, ...)
    G_GNUC_PRINTF(3, 4);
