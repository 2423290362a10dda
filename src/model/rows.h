/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Short words for the tables of rows. Included by the *_table.c files only. */
#pragma once

#include "model/doc.h"

#define ATTR(n, ...)                                                                                         \
    {                                                                                                        \
        .kind = FL_ROW_ATTR, .name = n, ##__VA_ARGS__                                                        \
    }
#define ATTR_T(n, t, ...)                                                                                    \
    {                                                                                                        \
        .kind = FL_ROW_ATTR, .name = n, .type = FL_T_##t, ##__VA_ARGS__                                      \
    }
#define ATTR_E(n, list, ...)                                                                                 \
    {                                                                                                        \
        .kind = FL_ROW_ATTR, .name = n, .type = FL_T_ENUM, .arg = list, ##__VA_ARGS__                        \
    }
#define TEXT(t, ...)                                                                                         \
    {                                                                                                        \
        .kind = FL_ROW_TEXT, .type = FL_T_##t, ##__VA_ARGS__                                                 \
    }
/* An element with text of a type and no attributes. */
#define LEAF(n, t, ...)                                                                                      \
    {                                                                                                        \
        .kind = FL_ROW_ELEM, .name = n, .type = FL_T_##t, ##__VA_ARGS__                                      \
    }
#define LEAVES(n, t, ...)                                                                                    \
    {                                                                                                        \
        .kind = FL_ROW_LIST, .name = n, .type = FL_T_##t, ##__VA_ARGS__                                      \
    }
#define LEAF_E(n, list, ...)                                                                                 \
    {                                                                                                        \
        .kind = FL_ROW_ELEM, .name = n, .type = FL_T_ENUM, .arg = list, ##__VA_ARGS__                        \
    }
#define FLAG(n, ...)                                                                                         \
    {                                                                                                        \
        .kind = FL_ROW_ELEM, .name = n, .type = FL_T_FLAG, ##__VA_ARGS__                                     \
    }
/* An element described by rows of its own. */
#define ELEM(n, rows, ...)                                                                                   \
    {                                                                                                        \
        .kind = FL_ROW_ELEM, .name = n, .sub = rows, ##__VA_ARGS__                                           \
    }
#define LIST(n, rows, ...)                                                                                   \
    {                                                                                                        \
        .kind = FL_ROW_LIST, .name = n, .sub = rows, ##__VA_ARGS__                                           \
    }
#define ANY(n, ...)                                                                                          \
    {                                                                                                        \
        .kind = FL_ROW_ANY, .name = n, ##__VA_ARGS__                                                         \
    }
#define ANYS(n, ...)                                                                                         \
    {                                                                                                        \
        .kind = FL_ROW_ANY_LIST, .name = n, ##__VA_ARGS__                                                    \
    }
#define FOREIGN()                                                                                            \
    {                                                                                                        \
        .kind = FL_ROW_FOREIGN                                                                               \
    }
#define POST(fn)                                                                                             \
    {                                                                                                        \
        .kind = FL_ROW_POST, .post = fn                                                                      \
    }
#define END                                                                                                  \
    {                                                                                                        \
        0                                                                                                    \
    }
#define ROWS(n) static const struct fl_row n[]
