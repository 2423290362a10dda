/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a stage of opening found, from the library's lines to what a script can read; see docs/shell.md. */
#pragma once

/* Adds "findings", and "facts" and "tried" where there are such, to `row`, a JSON object. */
void fl_findings_json(void *row, const char *stage, const char *const *lines, unsigned int n);
