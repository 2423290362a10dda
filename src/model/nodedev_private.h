/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of node devices, nodedev_table.c. */
#pragma once

#include "model/doc.h"

extern const struct fl_doc fl_nodedev_doc;
