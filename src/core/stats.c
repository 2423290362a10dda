/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of statistics: stats.h. */
#include "core/stats.h"

#include <glib.h>
#include <string.h>

#include "core/objects.h"

/* Lies before the list that the application sees, which may sort it. */
struct head {
    virDomainStatsRecordPtr records;
    virTypedParameterPtr params;
    size_t n;
    size_t unused; /* keeps the list aligned */
};

static size_t more(size_t room, size_t wanted)
{
    return MAX(wanted, room ? room * 2 : 64);
}

virTypedParameterPtr fl_stats_add(struct fl_stats *s, virDomainPtr dom, size_t nparams)
{
    virTypedParameterPtr params;

    if (s->n == s->room) {
        s->room = more(s->room, s->n + 1);
        s->records = g_renew(virDomainStatsRecord, s->records, s->room);
    }
    if (s->nparams + nparams > s->params_room) {
        s->params_room = more(s->params_room, s->nparams + nparams);
        s->params = g_renew(virTypedParameter, s->params, s->params_room);
    }
    s->records[s->n++] = (virDomainStatsRecord){ .dom = dom, .nparams = (int)nparams };
    params = s->params + s->nparams;
    s->nparams += nparams;
    return params;
}

int fl_stats_take(struct fl_stats *s, virDomainStatsRecordPtr **ret_list)
{
    struct head *head = g_malloc(sizeof(*head) + (s->n + 1) * sizeof(virDomainStatsRecordPtr));
    virDomainStatsRecordPtr *list = (void *)(head + 1);
    virTypedParameterPtr at = s->params;
    size_t n = s->n;

    *head = (struct head){ .records = s->records, .params = s->params, .n = n };
    for (size_t i = 0; i < n; i++) {
        list[i] = &s->records[i];
        if (list[i]->nparams)
            list[i]->params = at;
        at += list[i]->nparams;
    }
    list[n] = NULL;
    memset(s, 0, sizeof(*s));
    *ret_list = list;
    return (int)n;
}

void virDomainStatsRecordListFree(virDomainStatsRecordPtr *stats)
{
    struct head *head = stats ? (struct head *)(void *)stats - 1 : NULL;

    if (!head)
        return;
    for (size_t i = 0; i < head->n; i++) {
        virDomainStatsRecordPtr record = &head->records[i];

        for (int k = 0; k < record->nparams; k++) {
            if (record->params[k].type == VIR_TYPED_PARAM_STRING)
                g_free(record->params[k].value.s);
        }
        fl_domain_unref(record->dom);
    }
    g_free(head->records);
    g_free(head->params);
    g_free(head);
}
