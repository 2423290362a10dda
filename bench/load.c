/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loads the library that its argument names, with all that it needs, and nothing else. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc == 2 && dlopen(argv[1], RTLD_NOW))
        return 0;
    fprintf(stderr, "bench-load: %s\n", argc == 2 ? dlerror() : "name a library");
    return 1;
}
