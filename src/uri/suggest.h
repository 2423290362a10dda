/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names that were meant: for errors about one that does not exist. */
#pragma once

/* The name among `names` (NULL-terminated) that `word` may be a slip of: a letter wrong, missing, too much or
 * two changed places, twice in long words. NULL: none is near, or one is it. */
const char *fl_suggest(const char *word, const char *const *names);
/* The same among the drivers there are URIs for. */
const char *fl_suggest_driver(const char *driver);
/* The same among the paths that a driver knows: "/system" for "/sytem". */
const char *fl_suggest_path(const char *driver, const char *path);
