/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running commands: connect when the command needs it, look its objects up,
 * call the handler, say what failed. Errors go to stderr as
 *     error: what the shell tried
 *     error: why the library could not
 * or, with -o json, as one object {"error": {command, message, reason, code, domain}}.
 */
#include "shell.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void fl_debug(struct fl_shell *sh, int level, const char *format, ...)
{
    g_autofree char *text = NULL, *safe = NULL;
    va_list ap;

    if (level < sh->debug)
        return;
    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    safe = fl_harmless(text);
    fflush(stdout);
    fprintf(stderr, "%s\n", safe);
}

void fl_log(struct fl_shell *sh, const char *label, const char *text)
{
    int reason = 0;

    if (!sh->log)
        return;
    if (fprintf(sh->log, "%s %s\n", label, text) < 0 || fflush(sh->log) != 0)
        reason = errno;
    if (!reason)
        return;
    fclose(sh->log);
    sh->log = NULL; /* told once, and the commands go on */
    fl_complain(sh, "the log file cannot be written: %s; the log ends here", g_strerror(reason));
}

void fl_complain_as_is(struct fl_shell *sh, const char *text)
{
    fl_log(sh, "error:", text);
    fflush(stdout);
    fprintf(stderr, "error: %s\n", text);
}

void fl_complain(struct fl_shell *sh, const char *format, ...)
{
    g_autofree char *text = NULL, *safe = NULL, *short_words = NULL;
    va_list ap;

    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    safe = fl_harmless(text);
    short_words = fl_shortened(safe);
    fl_complain_as_is(sh, short_words);
}

static int record_error(struct fl_call *c, const char *format, va_list ap)
{
    if (c->error->len)
        return -1; /* the first one knew best */
    g_string_append_vprintf(c->error, format, ap);
    return -1;
}

void fl_keep_reason(struct fl_call *c)
{
    if (!c->error->len && !c->reason)
        c->reason = virSaveLastError();
}

int fl_fail_(struct fl_call *c, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    record_error(c, format, ap);
    va_end(ap);
    return -1;
}

int fl_wrong(struct fl_call *c, const char *format, ...)
{
    va_list ap;

    if (!c->error->len)
        c->bare_error = true;
    va_start(ap, format);
    record_error(c, format, ap);
    va_end(ap);
    return -1;
}

static void error_json(const char *command, const char *message, virErrorPtr reason)
{
    void *error = fl_json_object(), *document = fl_json_object();
    g_autofree char *text = NULL;

    if (command)
        fl_json_set(error, "command", fl_json_string(command));
    fl_json_set(error, "message", fl_json_string(message));
    if (reason) {
        fl_json_set(error, "reason", fl_json_string(reason->message ? reason->message : ""));
        fl_json_set_int(error, "code", reason->code);
        fl_json_set_int(error, "domain", reason->domain);
    }
    fl_json_set(document, "error", error);
    text = fl_json_text(document);
    fflush(stdout);
    fprintf(stderr, "%s\n", text);
    fl_json_free(document);
}

void fl_error(struct fl_shell *sh, const char *command, const char *message, virErrorPtr reason)
{
    if (reason && reason->code == VIR_ERR_OK)
        reason = NULL;
    if (sh->format == FL_FORMAT_JSON) {
        error_json(command, message, reason);
        return;
    }
    if (message)
        fl_complain(sh, "%s", message);
    if (reason)
        fl_complain(sh, "%s", reason->message ? reason->message : "the library gave no reason");
}

void fl_tell_failed_(struct fl_call *c, virErrorPtr reason, const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list ap;

    va_start(ap, format);
    message = g_strdup_vprintf(format, ap);
    va_end(ap);
    fl_error(c->sh, c->args->command->name, message, reason);
    if (reason)
        virFreeError(reason);
    virResetLastError();
}

static void report(struct fl_call *c)
{
    const char *name = c->args->command->name;
    g_autofree char *message = NULL;

    if (c->error->len)
        message = fl_without_password(c->error->str);
    else if (fl_json(c) || c->bare_error || virGetLastErrorCode() == VIR_ERR_OK)
        message = g_strdup_printf("'%s' failed", name);
    fl_error(c->sh, name, message, c->bare_error ? NULL : c->reason ? c->reason : virGetLastError());
}

/* Only where the reference insists: elsewhere an empty text has a meaning, or the library's own error. */
static int check_filled(struct fl_call *c)
{
    for (size_t i = 0; i < c->args->n_options; i++)
        if (c->args->options[i].filled && c->args->values[i] && !*c->args->values[i])
            return fl_wrong(c, "option --%s of '%s' may not be empty", c->args->options[i].name,
                            c->args->command->name);
    return 0;
}

static bool is_secret(const struct fl_option *o)
{
    return strcmp(o->name, "password") == 0 || strcmp(o->name, "base64") == 0 ||
           (strcmp(o->name, "secret") == 0 && o->named_only);
}

/* -d 1: the command and the words given to it; -d 0: what is looked up, too. */
static void tell_words(struct fl_call *c)
{
    const struct fl_args *a = c->args;
    g_autoptr(GString) line = g_string_new(a->command->name);
    g_autofree char *text = NULL;

    for (size_t i = 0; i < a->n_options; i++)
        if (a->values[i] && a->options[i].kind == FL_OPTION_BOOL)
            g_string_append_printf(line, " --%s", a->options[i].name);
        else if (a->values[i] && a->options[i].kind != FL_OPTION_ARGV && !is_secret(&a->options[i]))
            g_string_append_printf(line, " --%s '%s'", a->options[i].name, a->values[i]);
        else if (a->values[i] && a->options[i].kind != FL_OPTION_ARGV)
            g_string_append_printf(line, " --%s ***", a->options[i].name);
    for (guint i = 0; i < a->argv->len && a->argv->pdata[i]; i++)
        g_string_append_printf(line, " '%s'", (const char *)a->argv->pdata[i]);
    text = fl_without_password(line->str);
    fl_debug(c->sh, FL_DEBUG_INFO, "running: %s", text);
}

static int run_connected(struct fl_call *c)
{
    if (!(c->args->command->flags & FL_COMMAND_OFFLINE)) {
        if (fl_connect(c->sh) < 0)
            return fl_fail(c, "failed to connect to the hypervisor");
        c->conn = c->sh->conn;
    }
    if (fl_lookup_objects(c) < 0 || check_filled(c) < 0)
        return -1;
    return c->args->command->run(c);
}

/* JSON: one document per command, what it was told or else its text. */
static void flush_json(struct fl_call *c)
{
    g_autofree char *text = NULL;

    if (!c->json) {
        void *document = fl_json_object();

        g_strchomp(c->text->str);
        fl_json_set(document, "output", fl_json_string(c->text->str));
        c->json = document;
    }
    text = fl_json_text(c->json);
    puts(text);
}

int fl_run_one(struct fl_shell *sh, struct fl_args *args)
{
    struct fl_call c = { .sh = sh, .args = args, .text = g_string_new(""), .error = g_string_new("") };
    gint64 start = g_get_monotonic_time();
    const char *name = args->command->name;
    int status;

    virResetLastError();
    fl_log(sh, "run", name);
    if (sh->debug <= FL_DEBUG_INFO)
        tell_words(&c);
    status = run_connected(&c);
    if (fl_json(&c) && status == 0 && !sh->quit)
        flush_json(&c);
    if (status == 0 && c.answer_no)
        status = -1;
    else if (status < 0)
        report(&c);
    fl_release_objects(&c);
    fl_interrupt_grace(0);
    if (c.json)
        fl_json_free(c.json);
    g_string_free(c.text, TRUE);
    g_string_free(c.error, TRUE);
    if (c.reason)
        virFreeError(c.reason);
    if (strcmp(name, "quit") == 0 || strcmp(name, "exit") == 0 || sh->format == FL_FORMAT_JSON)
        return status;
    if (sh->timing)
        printf("\n(Time: %.3f ms)\n\n", (double)(g_get_monotonic_time() - start) / 1000);
    else if (!sh->quiet)
        putchar('\n');
    return status;
}

int fl_run_all(struct fl_shell *sh, GPtrArray *commands)
{
    int status = 0;

    for (guint i = 0; i < commands->len && !sh->quit; i++) {
        status = fl_run_one(sh, commands->pdata[i]);
        fflush(stdout);
    }
    return status;
}
