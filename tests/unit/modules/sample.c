/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module for test_base_module.c, which finds it by its name. */
#include "base/module.h"

#ifdef SAMPLE_VERSION
static const int table = 42;
extern const struct fl_module fl_module;
__attribute__((visibility("default"))) const struct fl_module fl_module = { SAMPLE_VERSION, &table };
#else
extern const int nothing_of_interest;
__attribute__((visibility("default"))) const int nothing_of_interest = 1;
#endif
