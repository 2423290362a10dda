/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Secrets. Their values are wiped from memory as soon as they were used. */
#include "shell.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <termios.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
    char x[VIR_UUID_STRING_BUFLEN] = "", y[VIR_UUID_STRING_BUFLEN] = "";

    virSecretGetUUIDString(*(virSecretPtr const *)a, x);
    virSecretGetUUIDString(*(virSecretPtr const *)b, y);
    return strcmp(x, y);
}

int fl_cmd_secret_list(struct fl_call *c)
{
    static const char *const types[] = { "none", "volume", "ceph", "iscsi", "tls", "vtpm" };
    virSecretPtr *all = NULL;
    unsigned int flags =
        fl_flags(c, "ephemeral", VIR_CONNECT_LIST_SECRETS_EPHEMERAL, "no-ephemeral",
                 VIR_CONNECT_LIST_SECRETS_NO_EPHEMERAL, "private", VIR_CONNECT_LIST_SECRETS_PRIVATE,
                 "no-private", VIR_CONNECT_LIST_SECRETS_NO_PRIVATE, NULL);
    int n = virConnectListAllSecrets(c->conn, &all, flags);
    struct fl_table *t;

    if (n < 0)
        return fl_fail(c, "failed to list secrets");
    if (n > 1)
        qsort(all, (size_t)n, sizeof(*all), compare);
    t = fl_table_new("UUID", "uuid", "Usage", "usage", NULL);
    for (int i = 0; i < n; i++) {
        int type = virSecretGetUsageType(all[i]);
        g_autofree char *usage =
            type ? g_strdup_printf("%s %s", FL_NAME(types, type), virSecretGetUsageID(all[i]))
                 : g_strdup("Unused");
        char uuid[VIR_UUID_STRING_BUFLEN] = "";

        virSecretGetUUIDString(all[i], uuid);
        fl_table_add(t, uuid, usage, NULL);
        virSecretFree(all[i]);
    }
    free(all);
    fl_table_print(c, t);
    return 0;
}

int fl_cmd_secret_define(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "validate", VIR_SECRET_DEFINE_VALIDATE, NULL);
    g_autofree char *xml = NULL;
    g_autoptr(virSecret) secret = NULL;
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    if (fl_arg_file(c, "file", &xml) < 0)
        return -1;
    secret = virSecretDefineXML(c->conn, xml, flags);
    if (!secret || virSecretGetUUIDString(secret, uuid) < 0)
        return fl_fail(c, "failed to define a secret from '%s'", fl_arg(c, "file"));
    fl_extra(c, "Secret %s created\n", uuid);
    return 0;
}

int fl_cmd_secret_dumpxml(struct fl_call *c)
{
    return fl_take_xml(c, virSecretGetXMLDesc(c->secret, 0), "the secret");
}

int fl_cmd_secret_undefine(struct fl_call *c)
{
    return fl_result(c, virSecretUndefine(c->secret), "delete secret", fl_arg(c, "secret"),
                     "Secret %s deleted\n");
}

static void wipe(void *data, size_t n)
{
    if (data)
        explicit_bzero(data, n);
}

static int read_terminal(struct fl_call *c, char **ret, gsize *ret_len)
{
    struct termios before, silent;
    char line[4096];

    if (tcgetattr(STDIN_FILENO, &before) < 0)
        return fl_wrong(c, "--interactive needs a terminal");
    fputs("Enter new value for secret:", stderr);
    silent = before;
    silent.c_lflag &= (tcflag_t)~ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    if (!fgets(line, sizeof(line), stdin))
        line[0] = '\0';
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    line[strcspn(line, "\n")] = '\0';
    *ret_len = strlen(line);
    *ret = g_strdup(line);
    wipe(line, sizeof(line));
    return 0;
}

static int secret_value(struct fl_call *c, guchar **ret, gsize *ret_len)
{
    const char *file = fl_arg(c, "file"), *base64 = fl_arg(c, "base64");
    g_autofree char *text = NULL;
    gsize len = 0;

    if (fl_flag(c, "interactive")) {
        if (read_terminal(c, &text, &len) < 0)
            return -1;
        *ret = (guchar *)g_steal_pointer(&text);
        *ret_len = len;
        return 0;
    }
    if (file) {
        if (!g_file_get_contents(file, &text, &len, NULL))
            return fl_wrong(c, "cannot read the file '%s': %s", file, g_strerror(errno));
        if (len > 65536)
            return fl_wrong(c, "the file '%s' is larger than 64 KiB, too large for a secret", file);
    }
    if (file && fl_flag(c, "plain")) {
        *ret = (guchar *)g_steal_pointer(&text);
        *ret_len = len;
        return 0;
    }
    if (base64)
        fl_complain(c->sh,
                    "a secret on the command line is seen by other users; --file or --interactive keeps it");
    *ret = g_base64_decode(text ? text : base64, ret_len);
    wipe(text, len);
    if (!*ret)
        return fl_wrong(c, "the value is not in base64; --plain takes it as it is");
    return 0;
}

int fl_cmd_secret_set_value(struct fl_call *c)
{
    guchar *value = NULL;
    gsize len = 0;
    int status;

    if (fl_exclusive(c, "file", "base64") < 0 || fl_exclusive(c, "plain", "base64") < 0 ||
        fl_exclusive(c, "interactive", "base64") < 0 || fl_exclusive(c, "interactive", "plain") < 0 ||
        fl_exclusive(c, "interactive", "file") < 0)
        return -1;
    if (!fl_arg(c, "file") && !fl_arg(c, "base64") && !fl_flag(c, "interactive"))
        return fl_wrong(c, "where is the value? give --file, --interactive or --base64");
    if (fl_flag(c, "plain") && !fl_arg(c, "file"))
        return fl_wrong(c, "--plain needs --file");
    if (secret_value(c, &value, &len) < 0)
        return -1;
    status = fl_kept(c, virSecretSetValue(c->secret, value, len, 0));
    wipe(value, len);
    g_free(value);
    if (status < 0)
        return fl_fail(c, "failed to set the value of the secret");
    fl_extra(c, "Secret value set\n");
    return 0;
}

int fl_cmd_secret_get_value(struct fl_call *c)
{
    size_t len = 0;
    unsigned char *value = virSecretGetValue(c->secret, &len, 0);
    g_autofree char *base64 = NULL;

    if (!value)
        return fl_fail(c, "failed to get the value of the secret");
    if (fl_flag(c, "plain") && !fl_json(c)) {
        fwrite(value, 1, len, stdout);
    } else {
        base64 = g_base64_encode(value, len);
        fl_out(c, "%s", base64);
        wipe(base64, strlen(base64));
    }
    wipe(value, len);
    free(value);
    return 0;
}
