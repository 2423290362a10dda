/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doctor: opens a connection as the commands would, prints every stage of the way with its verdict, and
 * changes nothing. uri --why: which rule chose the URI. Both ask calls of <libvirt/fairlead.h>.
 */
#include "findings.h"
#include "local.h"
#include "pki.h"
#include "shell.h"
#include "handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libvirt/fairlead.h>

enum { EXPIRY_DAYS = 30 };

#define DOCTOR_SCHEMA "fairlead.doctor/1"

struct doctor {
    struct fl_call *c;
    void *stages; /* JSON */
    bool color;
    bool local; /* the way stays on this machine */
    bool waits; /* show where */
    GPtrArray *notes;
};

static bool want_color(void)
{
    const char *no = g_getenv("NO_COLOR"), *term = g_getenv("TERM");

    return isatty(STDOUT_FILENO) && !(no && *no) && g_strcmp0(term, "dumb") != 0;
}

static const char *verdict_word(int verdict)
{
    return verdict == FAIRLEAD_PASSED ? "passed" : verdict == FAIRLEAD_FAILED ? "failed" : "not reached";
}

static void stage_json(struct doctor *d, const fairleadStage *s)
{
    void *row = fl_json_object();

    fl_json_set(row, "name", fl_json_string(s->name));
    fl_json_set_text(row, "target", s->target ? s->target : "-");
    fl_json_set(row, "verdict", fl_json_string(verdict_word(s->verdict)));
    fl_json_set_ms(row, "time_ms", s->milliseconds);
    fl_findings_json(row, s->name, s->findings, s->nfindings);
    if (s->verdict == FAIRLEAD_FAILED) {
        fl_json_set_text(row, "error", s->error ? s->error : "-");
        fl_json_set_text(row, "advice", s->advice ? s->advice : "-");
        fl_json_set_int(row, "code", s->code);
        fl_json_set_int(row, "domain", s->domain);
    }
    fl_json_append(d->stages, row);
}

/* What a far end said could hold anything: no control characters reach the terminal. */
static void put_line(struct fl_call *c, const char *label, const char *text)
{
    g_autofree char *safe = fl_harmless(text);

    fl_out(c, "    %s%s\n", label, safe);
}

static void stage_text(struct doctor *d, const fairleadStage *s)
{
    static const char *const colors[] = { "\033[32m", "\033[1;31m", "\033[2m" };
    bool reached = s->verdict != FAIRLEAD_NOT_REACHED;
    g_autofree char *ms = g_strdup_printf("%.1f ms", s->milliseconds), *rest = NULL;

    rest = reached ? g_strdup_printf(" %11s   %s", ms, s->target ? s->target : "") : g_strdup("");
    g_strchomp(rest);
    fl_out(d->c, " %-9s %s%-11s%s%s\n", s->name, d->color ? colors[s->verdict] : "", verdict_word(s->verdict),
           d->color ? "\033[0m" : "", rest);
    for (unsigned int i = 0; i < s->nfindings; i++)
        put_line(d->c, "", s->findings[i]);
    if (s->verdict == FAIRLEAD_FAILED && s->error)
        put_line(d->c, "error: ", s->error);
    if (s->verdict == FAIRLEAD_FAILED && s->advice)
        put_line(d->c, "what to do: ", s->advice);
}

static void note_expiry(struct doctor *d, const char *whose, gint64 until)
{
    gint64 left = until - g_get_real_time() / G_USEC_PER_SEC;
    g_autofree char *date = fl_date((time_t)until);

    if (left >= 0 && left <= (gint64)EXPIRY_DAYS * 86400)
        g_ptr_array_add(d->notes, g_strdup_printf("%s expires in %d days, on %s: have a new one issued",
                                                  whose, (int)(left / 86400), date));
}

/* "valid 2026-11-22 12:53:33 to 2026-12-02 13:53:33 UTC", the far side's certificate. */
static void note_far_certificate(struct doctor *d, const char *finding)
{
    int y, m, day, h, min, s;
    const char *until = strstr(finding, " to ");
    g_autoptr(GDateTime) date = NULL;

    if (!until || sscanf(until, " to %d-%d-%d %d:%d:%d UTC", &y, &m, &day, &h, &min, &s) != 6)
        return;
    date = g_date_time_new_utc(y, m, day, h, min, s);
    if (date)
        note_expiry(d, "the certificate of the far side", g_date_time_to_unix(date));
}

/* "our certificate: FILE, SUBJECT"; either may have commas. */
static void note_own_certificate(struct doctor *d, const char *text)
{
    g_autofree char *path = g_strdup(text), *problem = NULL, *whose = NULL;
    struct fl_certs certs;
    char *comma;

    while (!g_file_test(path, G_FILE_TEST_IS_REGULAR) && (comma = g_strrstr(path, ", ")))
        *comma = '\0';
    if (fl_gnutls_try() < 0 || fl_certs_read(path, &certs, &problem) < 0)
        return;
    whose = g_strdup_printf("our certificate '%s'", path);
    note_expiry(d, whose, fl_gnutls.gnutls_x509_crt_get_expiration_time(certs.list[0]));
    fl_certs_clear(&certs);
}

static void note_certificates(struct doctor *d, const fairleadStage *s)
{
    static const char ours[] = "our certificate: ";

    for (unsigned int i = 0; i < s->nfindings; i++) {
        if (g_str_has_prefix(s->findings[i], "valid "))
            note_far_certificate(d, s->findings[i]);
        else if (g_str_has_prefix(s->findings[i], ours))
            note_own_certificate(d, s->findings[i] + strlen(ours));
    }
}

/* Where it waits, on a terminal only: a line that the next one takes the place of. */
static void waits(struct doctor *d, const char *stage)
{
    if (!d->waits)
        return;
    fprintf(stderr, "\r\033[K%s%s%s", stage ? " " : "", stage ? stage : "", stage ? " ..." : "");
    fflush(stderr);
}

static void on_stage(const fairleadStage *s, void *opaque)
{
    struct doctor *d = opaque;

    waits(d, s->verdict == FAIRLEAD_BEGUN ? s->name : NULL);
    if (s->verdict == FAIRLEAD_BEGUN)
        return;
    if (d->stages)
        stage_json(d, s);
    else
        stage_text(d, s);
    fflush(stdout);
    if (strcmp(s->name, "tls") == 0)
        note_certificates(d, s);
}

/*
 * What the way says before it is gone: whether it leads to a socket of this machine (then its daemons are
 * worth a look), and, where no URI was given, the text that was chosen and by whom.
 */
static bool look_ahead(const char *name, unsigned int flags, char **ret_chosen)
{
    __typeof__(&fairleadRouteInfo) info = (__typeof__(info))fl_extension("fairleadRouteInfo");
    __typeof__(&fairleadItemsFree) items_free = (__typeof__(items_free))fl_extension("fairleadItemsFree");
    fairleadItem *items = NULL;
    int n = info && items_free ? info(name, flags, &items) : -1;
    bool found = false;

    for (int i = 0; i < n; i++)
        found = found || strcmp(items[i].key, "socket candidate") == 0;
    if (n > 0 && strcmp(items[0].value, "none") != 0) /* the first is the text, or the URI itself */
        *ret_chosen = g_strdup_printf("%s  (%s)", items[0].value, items[0].why);
    if (n >= 0)
        items_free(items);
    return found;
}

static void *print_notes(struct doctor *d)
{
    GPtrArray *notes = d->notes;
    void *array = d->stages ? fl_json_array() : NULL;

    if (d->local)
        fl_local_daemon_notes(notes);
    for (guint i = 0; i < notes->len; i++) {
        if (array)
            fl_json_append(array, fl_json_string(notes->pdata[i]));
        else
            fl_out(d->c, "%snote: %s\n", i == 0 ? "\n" : "", (const char *)notes->pdata[i]);
    }
    return array;
}

static int report(struct doctor *d, const char *name, int status)
{
    struct fl_call *c = d->c;
    void *notes = print_notes(d);

    c->answer_no = status != 0;
    if (!d->stages) {
        fl_extra(c, "\n%s\n",
                 status == 0 ? "The connection opens." : "As things are, the connection does not open.");
        return 0;
    }
    fl_json_set(fl_document(c), "schema", fl_json_string(DOCTOR_SCHEMA));
    fl_json_set_text(fl_document(c), "uri", name ? name : "-");
    fl_json_set_bool(fl_document(c), "ok", status == 0);
    fl_json_set(fl_document(c), "stages", d->stages);
    fl_json_set(fl_document(c), "notes", notes);
    return 0;
}

int fl_cmd_doctor(struct fl_call *c)
{
    __typeof__(&fairleadDiagnose) diagnose =
        (__typeof__(diagnose))fl_extension_needed(c, "fairleadDiagnose", "doctor");
    const char *name = fl_arg(c, "uri") ? fl_arg(c, "uri") : c->sh->uri;
    unsigned int flags = c->sh->readonly ? FAIRLEAD_READ_ONLY : 0;
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    struct doctor d = { .c = c, .color = want_color(), .notes = notes };
    g_autofree char *chosen = NULL, *given = fl_without_password(name);
    int status;

    if (!diagnose || fl_event_loop(c->sh) < 0)
        return -1;
    d.local = look_ahead(name, flags, &chosen);
    d.stages = fl_json(c) ? fl_json_array() : NULL;
    if (!d.stages && !c->sh->quiet)
        fl_out(c, "%s\n\n", given && *given ? given : chosen ? chosen : "(no URI given)");
    d.waits = !d.stages && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
    status = diagnose(name, fl_credentials(c->sh), flags | FAIRLEAD_LIVE, on_stage, &d);
    if (status >= 0)
        return report(&d, given, status);
    if (d.stages)
        fl_json_free(d.stages);
    return fl_fail(c, "the way could not be tried");
}

/* ---- uri --why ---- */

static int why_json(struct fl_call *c, unsigned int flags)
{
    __typeof__(&fairleadRouteInfo) info =
        (__typeof__(info))fl_extension_needed(c, "fairleadRouteInfo", "uri --why");
    __typeof__(&fairleadItemsFree) items_free = (__typeof__(items_free))fl_extension("fairleadItemsFree");
    fairleadItem *items = NULL;
    g_autofree char *given = NULL;
    void *array;
    int n;

    if (!info || !items_free)
        return -1;
    n = info(c->sh->uri, flags, &items);
    if (n < 0)
        return fl_fail(c, "the URI cannot be resolved");
    array = fl_json_array();
    for (int i = 0; i < n; i++) {
        void *row = fl_json_object();

        fl_json_set(row, "key", fl_json_string(items[i].key));
        fl_json_set(row, "value", fl_json_string(items[i].value));
        fl_json_set(row, "why", fl_json_string(items[i].why));
        fl_json_append(array, row);
    }
    items_free(items);
    given = fl_without_password(c->sh->uri);
    fl_json_set_text(fl_document(c), "given", given ? given : "-");
    fl_json_set_text(fl_document(c), "given_by", c->sh->uri_from ? c->sh->uri_from : "-");
    fl_json_set(fl_document(c), "items", array);
    return 0;
}

static int why_text(struct fl_call *c, unsigned int flags)
{
    __typeof__(&fairleadExplainURI) explain =
        (__typeof__(explain))fl_extension_needed(c, "fairleadExplainURI", "uri --why");
    char *text;

    if (!explain)
        return -1;
    if (c->sh->uri) {
        g_autofree char *given = fl_without_password(c->sh->uri);

        fl_out(c, "%-18s %s  (%s)\n", "given:", given, c->sh->uri_from);
    }
    text = explain(c->sh->uri, flags);
    if (!text)
        return fl_fail(c, "the URI cannot be resolved");
    fl_out(c, "%s", text);
    free(text);
    return 0;
}

int fl_uri_why(struct fl_call *c)
{
    unsigned int flags = c->sh->readonly ? FAIRLEAD_READ_ONLY : 0;

    return fl_json(c) ? why_json(c, flags) : why_text(c, flags);
}
