/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The text of a definition as it was formatted last. Monitoring asks for the same document again and again;
 * as long as neither the tree nor a scalar has changed, the answer is a copy. Readers share the definition,
 * so the text has a lock of its own.
 */
#include <pthread.h>
#include <string.h>

#include "model/domain_private.h"

/* The scalars format() writes into the tree. */
struct scalars {
    int id, on_poweroff, on_reboot, on_crash;
    unsigned long long memory, cur_memory;
    unsigned int max_vcpus, vcpus;
    unsigned char uuid[VIR_UUID_BUFLEN];
};

struct fl_domain_text {
    pthread_mutex_t lock;
    char *text; /* NULL: nothing kept */
    unsigned int flags, changes;
    struct scalars scalars;
    char *name, *title, *description;
};

static void read_scalars(const struct fl_domain_def *def, struct scalars *ret)
{
    memset(ret, 0, sizeof(*ret)); /* the gaps, too: it is compared as bytes */
    ret->id = def->id;
    ret->on_poweroff = def->on_poweroff;
    ret->on_reboot = def->on_reboot;
    ret->on_crash = def->on_crash;
    ret->memory = def->memory;
    ret->cur_memory = def->cur_memory;
    ret->max_vcpus = def->max_vcpus;
    ret->vcpus = def->vcpus;
    memcpy(ret->uuid, def->uuid, sizeof(ret->uuid));
}

static void forget(struct fl_domain_text *t)
{
    g_clear_pointer(&t->text, g_free);
    g_clear_pointer(&t->name, g_free);
    g_clear_pointer(&t->title, g_free);
    g_clear_pointer(&t->description, g_free);
}

struct fl_domain_text *fl_domain_text_new(void)
{
    struct fl_domain_text *t = g_new0(struct fl_domain_text, 1);

    pthread_mutex_init(&t->lock, NULL);
    return t;
}

void fl_domain_text_free(struct fl_domain_text *t)
{
    if (!t)
        return;
    forget(t);
    pthread_mutex_destroy(&t->lock);
    g_free(t);
}

static bool fits(const struct fl_domain_text *t, const struct fl_domain_def *def, unsigned int flags)
{
    struct scalars now;

    if (!t->text || t->flags != flags || t->changes != def->root->changes)
        return false;
    read_scalars(def, &now);
    return memcmp(&now, &t->scalars, sizeof(now)) == 0 && g_strcmp0(t->name, def->name) == 0 &&
           g_strcmp0(t->title, def->title) == 0 && g_strcmp0(t->description, def->description) == 0;
}

char *fl_domain_text_get(const struct fl_domain_def *def, unsigned int flags)
{
    struct fl_domain_text *t = def->text;
    char *text;

    pthread_mutex_lock(&t->lock);
    text = fits(t, def, flags) ? g_strdup(t->text) : NULL;
    pthread_mutex_unlock(&t->lock);
    return text;
}

void fl_domain_text_keep(const struct fl_domain_def *def, unsigned int flags, const char *text)
{
    struct fl_domain_text *t = def->text;

    if (flags & VIR_DOMAIN_XML_SECURE) /* secrets are not kept a second time */
        return;
    pthread_mutex_lock(&t->lock);
    forget(t);
    t->text = g_strdup(text);
    t->flags = flags;
    t->changes = def->root->changes;
    read_scalars(def, &t->scalars);
    t->name = g_strdup(def->name);
    t->title = g_strdup(def->title);
    t->description = g_strdup(def->description);
    pthread_mutex_unlock(&t->lock);
}
