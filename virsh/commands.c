/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* commands.def as tables, and finding a row or a group in them. */
#include "shell.h"
#include "handlers.h"

#include <string.h>

#define GROUP(id, title)                         static const struct fl_command id##_commands[] = {
#define ROW(name, handler, flags, options, info) { name, fl_cmd_##handler, options, info, flags },
#define END                                                                                                  \
    {                                                                                                        \
        NULL, NULL, NULL, NULL, 0                                                                            \
    }                                                                                                        \
    }                                                                                                        \
    ;
#include "commands.def"
#undef GROUP
#undef ROW
#undef END

const struct fl_group fl_groups[] = {
#define GROUP(id, title) { title, #id, id##_commands },
#define ROW(name, handler, flags, options, info)
#define END
#include "commands.def"
    { NULL, NULL, NULL },
};

const struct fl_command *fl_command_find(const char *name)
{
    for (const struct fl_group *g = fl_groups; g->title; g++)
        for (const struct fl_command *cmd = g->commands; cmd->name; cmd++)
            if (strcmp(cmd->name, name) == 0)
                return cmd;
    return NULL;
}

/* By keyword or by the title that heads its list. */
const struct fl_group *fl_group_find(const char *name)
{
    for (const struct fl_group *g = fl_groups; g->title; g++)
        if (strcmp(g->keyword, name) == 0 || strcmp(g->title, name) == 0)
            return g;
    return NULL;
}
