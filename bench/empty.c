/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bare limit of starting a program. */
int main(void)
{
    return 0;
}
