/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * OpenSSH's own account of a login, a line each. It is the only thing that tells a name that is looked up
 * from a server that keeps silent, and a login from what runs after it: exit status and complaints of all of
 * them arrive the same way. Lines this table does not know are no stages; another make of ssh that writes
 * none is explained by its complaints alone (ssh.c).
 */
#include "transport/ssh_trace.h"

#include <glib.h>
#include <string.h>

#include "transport/ssh_far.h"

#define TRACE "debug1: "

static const struct mark {
    const char *begins;
    enum fl_stage stage; /* what begins with this line */
    bool finding;        /* worth telling */
} marks[] = {
    { TRACE "Reading configuration data ", FL_STAGE_LOOKUP, false },
    { TRACE "Connecting to ", FL_STAGE_CONNECT, true },
    { TRACE "Executing proxy command: ", FL_STAGE_CONNECT, true },
    { TRACE "connect to address ", FL_STAGE_CONNECT, true },
    { TRACE "auto-mux: Trying existing master", FL_STAGE_CONNECT, true },
    { TRACE "Connection established.", FL_STAGE_SSH, false },
    { TRACE "Local version string ", FL_STAGE_SSH, false }, /* the first word over a proxy command */
    { TRACE "Remote protocol version ", FL_STAGE_SSH, true },
    { TRACE "Authenticating to ", FL_STAGE_SSH, true },
    { TRACE "Server host key: ", FL_STAGE_SSH, true },
    { TRACE "Host '", FL_STAGE_SSH, true }, /* "... is known and matches the ED25519 host key." */
    { TRACE "Authentications that can continue: ", FL_STAGE_SSH, true },
    { TRACE "Next authentication method: ", FL_STAGE_SSH, true },
    { TRACE "Offering public key: ", FL_STAGE_SSH, true },
    { TRACE "Trying private key: ", FL_STAGE_SSH, true },
    { TRACE "Server accepts key: ", FL_STAGE_SSH, true },
    { "Authenticated to ", FL_STAGE_SSH, true },
    { TRACE "Sending command: ", FL_STAGE_HELPER, false },
    { TRACE "mux_client_request_session: ", FL_STAGE_HELPER, true },
    { FL_SSH_FAR_MARK, FL_STAGE_AUTH, false },
};

/* Lines of the trace that have no mark before them. */
static const char *const plain[] = { TRACE,
                                     "debug2: ",
                                     "debug3: ",
                                     "Authenticated to ",
                                     FL_SSH_FAR_MARK,
                                     "Transferred: sent ",
                                     "Warning: Permanently added ",
                                     "Bytes per second: sent " };

static const struct mark *find_mark(const char *line)
{
    for (size_t i = 0; i < G_N_ELEMENTS(marks); i++)
        if (g_str_has_prefix(line, marks[i].begins))
            return &marks[i];
    return NULL;
}

static bool is_trace(const char *line)
{
    for (size_t i = 0; i < G_N_ELEMENTS(plain); i++)
        if (g_str_has_prefix(line, plain[i]))
            return true;
    return false;
}

enum fl_stage fl_ssh_trace_stage(const char *text)
{
    enum fl_stage stage = FL_STAGE_NONE;

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const struct mark *m = find_mark(line);

        if (m && m->stage > stage) /* a second host of the way is read about in its own process, not here */
            stage = m->stage;
    }
    return stage;
}

static void add_line(GString *out, GString *line)
{
    if (line->len && !is_trace(line->str))
        g_string_append_printf(out, "%s\n", line->str);
    g_string_truncate(line, 0);
}

/* Who writes a line over there piece by piece, as netcat does, may have whole lines of ssh's trace within it.
 */
char *fl_ssh_trace_strip(const char *text)
{
    g_auto(GStrv) pieces = g_strsplit(text, "\n", -1);
    GString *out = g_string_new(NULL), *line = g_string_new(NULL);

    for (char **piece = pieces; *piece; piece++) {
        const char *trace = strstr(*piece, TRACE);

        if (trace) {
            g_string_append_len(line, *piece, trace - *piece);
        } else if (!is_trace(*piece)) {
            g_string_append(line, *piece);
            add_line(out, line);
        }
    }
    add_line(out, line);
    g_string_free(line, TRUE);
    return g_string_free(out, FALSE);
}

static void mark_line(const char *line, const char *target)
{
    const struct mark *m = find_mark(line);

    if (!m)
        return;
    if (m->stage > fl_stage_now())
        fl_stage_enter(m->stage, "%s", target);
    if (m->finding)
        fl_stage_note("%s", line + (g_str_has_prefix(line, TRACE) ? strlen(TRACE) : 0));
}

size_t fl_ssh_trace_mark(const char *text, const char *target)
{
    const char *line = text, *end;

    while ((end = strchr(line, '\n'))) {
        g_autofree char *whole = g_strndup(line, (gsize)(end - line));

        g_strchomp(whole);
        mark_line(whole, target);
        line = end + 1;
    }
    return (size_t)(line - text);
}
