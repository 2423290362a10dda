/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The answers of remember.h. Opening asks one question at a time, in one thread: no lock. */
#define FL_FROM VIR_FROM_AUTH
#include "driver/remote/remember.h"

#include <string.h>
#include <glib.h>

#define ANSWERS_MAX 64u

struct answer {
    int type;
    char *prompt, *challenge;
    char *text;
    unsigned int len;
};

struct fl_remembered {
    virConnectAuth auth; /* what opening is given */
    virConnectAuthPtr asked;
    GArray *types;
    struct answer answers[ANSWERS_MAX];
    unsigned int n;
};

static void answer_clear(struct answer *a)
{
    if (a->text)
        explicit_bzero(a->text, a->len);
    g_free(a->text);
    g_free(a->prompt);
    g_free(a->challenge);
}

static struct answer *find(struct fl_remembered *m, const virConnectCredential *c)
{
    for (unsigned int i = 0; i < m->n; i++) {
        struct answer *a = &m->answers[i];

        if (a->type == c->type && g_strcmp0(a->prompt, c->prompt) == 0 &&
            g_strcmp0(a->challenge, c->challenge) == 0)
            return a;
    }
    return NULL;
}

static void keep(struct fl_remembered *m, const virConnectCredential *c)
{
    struct answer *a = find(m, c);
    unsigned int len = c->resultlen ? c->resultlen : c->result ? (unsigned int)strlen(c->result) : 0;

    if (!c->result || (!a && m->n == ANSWERS_MAX))
        return;
    if (a)
        answer_clear(a);
    else
        a = &m->answers[m->n++];
    *a = (struct answer){ .type = c->type,
                          .prompt = g_strdup(c->prompt),
                          .challenge = g_strdup(c->challenge),
                          .text = g_strndup(c->result, len),
                          .len = len };
}

static int give(struct fl_remembered *m, virConnectCredentialPtr creds, unsigned int ncreds)
{
    for (unsigned int i = 0; i < ncreds; i++) {
        const struct answer *a = find(m, &creds[i]);

        if (!a)
            return -1;
        creds[i].result = g_strndup(a->text, a->len);
        creds[i].resultlen = a->len;
    }
    return 0;
}

static int on_questions(virConnectCredentialPtr creds, unsigned int ncreds, void *opaque)
{
    struct fl_remembered *m = opaque;
    int rc;

    if (!m->asked)
        return give(m, creds, ncreds);
    rc = m->asked->cb(creds, ncreds, m->asked->cbdata);
    for (unsigned int i = 0; rc >= 0 && i < ncreds; i++)
        keep(m, &creds[i]);
    return rc;
}

struct fl_remembered *fl_remembered_new(virConnectAuthPtr auth)
{
    struct fl_remembered *m;

    if (!auth)
        return NULL;
    m = g_new0(struct fl_remembered, 1);
    m->asked = auth;
    m->types = g_array_new(FALSE, FALSE, sizeof(int));
    if (auth->credtype)
        g_array_append_vals(m->types, auth->credtype, auth->ncredtype);
    m->auth = (virConnectAuth){ .credtype = auth->credtype ? (int *)(void *)m->types->data : NULL,
                                .ncredtype = auth->ncredtype,
                                .cb = auth->cb ? on_questions : NULL,
                                .cbdata = m };
    return m;
}

virConnectAuthPtr fl_remembered_auth(struct fl_remembered *m)
{
    return m ? &m->auth : NULL;
}

void fl_remembered_replay(struct fl_remembered *m)
{
    if (m)
        m->asked = NULL;
}

void fl_remembered_free(struct fl_remembered *m)
{
    if (!m)
        return;
    for (unsigned int i = 0; i < m->n; i++)
        answer_clear(&m->answers[i]);
    g_array_unref(m->types);
    g_free(m);
}
