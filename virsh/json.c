/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The few things the shell needs of Jansson. The library is loaded when
 * -o json (or pretty-printing) asks for it, so that nothing else pays for it.
 */
#include "shell.h"

#include <dlfcn.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define JSON_FUNCTIONS(X)                                                                                    \
    X(json_object)                                                                                           \
    X(json_array)                                                                                            \
    X(json_string)                                                                                           \
    X(json_integer)                                                                                          \
    X(json_real)                                                                                             \
    X(json_true)                                                                                             \
    X(json_false)                                                                                            \
    X(json_null)                                                                                             \
    X(json_object_set_new)                                                                                   \
    X(json_array_append_new)                                                                                 \
    X(json_delete)                                                                                           \
    X(json_dumps)                                                                                            \
    X(json_loads)

enum { DIGITS = 15 }; /* of a number: all that a double always holds, so 0.1 is 0.1 */

#define MEMBER(name) __typeof__(&name) name;
static struct {
    JSON_FUNCTIONS(MEMBER)
} j;
#undef MEMBER

int fl_json_load(void)
{
    static void *library;

    if (library)
        return 0;
    library = dlopen("libjansson.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return -1;
#define LOAD(name)                                                                                           \
    *(void **)&j.name = dlsym(library, #name);                                                               \
    if (!j.name)                                                                                             \
        return -1;
    JSON_FUNCTIONS(LOAD)
#undef LOAD
    return 0;
}

void *fl_json_object(void)
{
    return j.json_object();
}

void *fl_json_array(void)
{
    return j.json_array();
}

void *fl_json_string(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    return j.json_string(valid);
}

void fl_json_append(void *array, void *value)
{
    j.json_array_append_new(array, value);
}

void fl_json_set(void *object, const char *key, void *value)
{
    j.json_object_set_new(object, key, value);
}

void fl_json_set_int(void *object, const char *key, long long value)
{
    j.json_object_set_new(object, key, j.json_integer(value));
}

void fl_json_set_bool(void *object, const char *key, bool value)
{
    j.json_object_set_new(object, key, value ? j.json_true() : j.json_false());
}

void fl_json_set_double(void *object, const char *key, double value)
{
    j.json_object_set_new(object, key, j.json_real(value));
}

void fl_json_set_ms(void *object, const char *key, double ms)
{
    fl_json_set_double(object, key, (double)(long long)(ms * 1000 + 0.5) / 1000);
}

static json_t *number_value(const char *text)
{
    char *end;
    long long whole = strtoll(text, &end, 10);

    if (end != text && *end == '.')
        return j.json_real(g_ascii_strtod(text, NULL));
    return end == text ? j.json_null() : j.json_integer(whole);
}

/* null for what is neither: not known */
static json_t *truth_value(const char *text)
{
    if (strcmp(text, "yes") == 0 || strcmp(text, "enable") == 0)
        return j.json_true();
    return strcmp(text, "no") == 0 || strcmp(text, "disable") == 0 ? j.json_false() : j.json_null();
}

void fl_json_set_text(void *object, const char *key, const char *value)
{
    size_t len = strlen(key);
    g_autofree char *name = g_strndup(key, strcspn(key, "#?"));

    if (!*value || strcmp(value, "-") == 0)
        fl_json_set(object, name, j.json_null());
    else if (key[len - 1] == '#')
        fl_json_set(object, name, number_value(value));
    else if (key[len - 1] == '?')
        fl_json_set(object, name, truth_value(value));
    else
        fl_json_set(object, name, fl_json_string(value));
}

void fl_json_free(void *value)
{
    json_t *json = value;

    if (json && json->refcount != (size_t)-1 && --json->refcount == 0)
        j.json_delete(json);
}

static char *dump(void *value, size_t flags)
{
    char *raw = j.json_dumps(value, flags | JSON_ENCODE_ANY);
    char *text = g_strdup(raw ? raw : "null");

    free(raw);
    return text;
}

char *fl_json_text(void *value)
{
    return dump(value, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS));
}

char *fl_json_line(void *value)
{
    return dump(value, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
}

char *fl_json_pretty(const char *text)
{
    json_t *value;
    char *pretty;

    if (fl_json_load() < 0)
        return NULL;
    value = j.json_loads(text, JSON_DECODE_ANY, NULL);
    if (!value)
        return NULL;
    pretty = dump(value, JSON_INDENT(2)); /* somebody else's numbers stay what they are */
    fl_json_free(value);
    return pretty;
}

void *fl_document(struct fl_call *c)
{
    if (!c->json)
        c->json = fl_json_object();
    return c->json;
}

void fl_document_set(struct fl_call *c, void *value)
{
    if (c->json)
        fl_json_free(c->json);
    c->json = value;
}
