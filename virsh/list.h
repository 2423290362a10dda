/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sorting and freeing what the ListAll calls return. */
#pragma once

#include <stdlib.h>

#define FL_LIST_HELPERS(kind)                                                                                \
    static int compare_##kind(const void *a, const void *b)                                                  \
    {                                                                                                        \
        return g_ascii_strcasecmp(vir##kind##GetName(*(vir##kind##Ptr const *)a),                            \
                                  vir##kind##GetName(*(vir##kind##Ptr const *)b));                           \
    }                                                                                                        \
    static void sort_##kind(vir##kind##Ptr *all, int n)                                                      \
    {                                                                                                        \
        if (n > 1)                                                                                           \
            qsort(all, (size_t)n, sizeof(*all), compare_##kind);                                             \
    }                                                                                                        \
    static void free_##kind(vir##kind##Ptr *all, int n)                                                      \
    {                                                                                                        \
        for (int i = 0; i < n; i++)                                                                          \
            vir##kind##Free(all[i]);                                                                         \
        free(all);                                                                                           \
    }
