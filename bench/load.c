/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loads the library that its argument names, with all that it needs, and nothing else; says how long it took.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
    double begun = now_us();

    if (argc == 2 && dlopen(argv[1], RTLD_NOW)) {
        printf("{\"what\": \"load\", \"dlopen_us\": %.1f}\n", now_us() - begun);
        return 0;
    }
    fprintf(stderr, "bench-load: %s\n", argc == 2 ? dlerror() : "name a library");
    return 1;
}
