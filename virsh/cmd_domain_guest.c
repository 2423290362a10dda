/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking and telling the guest: file systems, keys, passwords, its agent. */
#include "shell.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>

int fl_cmd_domfsfreeze(struct fl_call *c)
{
    char **mounts = fl_argv(c, "mountpoint");
    int n = virDomainFSFreeze(c->dom, (const char **)mounts, g_strv_length(mounts), 0);

    if (n < 0)
        return fl_fail(c, "failed to freeze the file systems of domain '%s'", virDomainGetName(c->dom));
    fl_extra(c, "Froze %d filesystem(s)\n", n);
    return 0;
}

int fl_cmd_domfsthaw(struct fl_call *c)
{
    char **mounts = fl_argv(c, "mountpoint");
    int n = virDomainFSThaw(c->dom, (const char **)mounts, g_strv_length(mounts), 0);

    if (n < 0)
        return fl_fail(c, "failed to thaw the file systems of domain '%s'", virDomainGetName(c->dom));
    fl_extra(c, "Thawed %d filesystem(s)\n", n);
    return 0;
}

int fl_cmd_domfstrim(struct fl_call *c)
{
    unsigned long long minimum = 0;

    if (fl_arg_ull(c, "minimum", &minimum) < 0)
        return -1;
    if (virDomainFSTrim(c->dom, fl_arg(c, "mountpoint"), minimum, 0) < 0)
        return fl_fail(c, "failed to trim the file systems of domain '%s'", virDomainGetName(c->dom));
    return 0;
}

int fl_cmd_domfsinfo(struct fl_call *c)
{
    virDomainFSInfoPtr *infos = NULL;
    int n = virDomainGetFSInfo(c->dom, &infos, 0);
    struct fl_table *t;

    if (n < 0)
        return fl_fail(c, "failed to get the file systems of domain '%s'", virDomainGetName(c->dom));
    if (n == 0 && !fl_json(c)) {
        fl_complain(c->sh, "no file system is mounted in domain '%s'", virDomainGetName(c->dom));
        return 0;
    }
    t = fl_table_new("Mountpoint", "mountpoint", "Name", "name", "Type", "type", "Target", "target", NULL);
    for (int i = 0; i < n; i++) {
        g_autoptr(GString) targets = g_string_new("");

        for (size_t k = 0; k < infos[i]->ndevAlias; k++)
            g_string_append_printf(targets, "%s%s", k ? "," : "", infos[i]->devAlias[k]);
        fl_table_add(t, infos[i]->mountpoint, infos[i]->name, infos[i]->fstype, targets->str, NULL);
        virDomainFSInfoFree(infos[i]);
    }
    free(infos);
    fl_table_print(c, t);
    return 0;
}

int fl_cmd_guestinfo(struct fl_call *c)
{
    unsigned int types =
        fl_flags(c, "user", VIR_DOMAIN_GUEST_INFO_USERS, "os", VIR_DOMAIN_GUEST_INFO_OS, "timezone",
                 VIR_DOMAIN_GUEST_INFO_TIMEZONE, "hostname", VIR_DOMAIN_GUEST_INFO_HOSTNAME, "filesystem",
                 VIR_DOMAIN_GUEST_INFO_FILESYSTEM, "disk", VIR_DOMAIN_GUEST_INFO_DISKS, "interface",
                 VIR_DOMAIN_GUEST_INFO_INTERFACES, NULL);
    virTypedParameterPtr params = NULL;
    int n = 0;

    if (virDomainGetGuestInfo(c->dom, types, &params, &n, 0) < 0)
        return fl_fail(c, "failed to get what the guest agent of domain '%s' knows",
                       virDomainGetName(c->dom));
    if (fl_json(c))
        fl_params_json(fl_document(c), params, n);
    for (int i = 0; i < n; i++) {
        g_autofree char *text = fl_param_text(&params[i]);

        fl_out(c, "%-20s: %s\n", params[i].field, text);
    }
    virTypedParamsFree(params, n);
    return 0;
}

int fl_cmd_guest_agent_timeout(struct fl_call *c)
{
    int timeout = VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK;

    if (fl_arg_int(c, "timeout", &timeout) < 0)
        return -1;
    if (virDomainAgentSetResponseTimeout(c->dom, timeout, 0) < 0)
        return fl_fail(c, "failed to set how long to wait for the guest agent");
    return 0;
}

int fl_cmd_set_user_password(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "encrypted", VIR_DOMAIN_PASSWORD_ENCRYPTED, NULL);
    const char *user = fl_arg(c, "user"), *name = virDomainGetName(c->dom);

    if (virDomainSetUserPassword(c->dom, user, fl_arg(c, "password"), flags) < 0)
        return fl_fail(c, "failed to set the password of %s in domain '%s'", user, name);
    fl_extra(c, "Password set successfully for %s in %s", user, name);
    return 0;
}

int fl_cmd_get_user_sshkeys(struct fl_call *c)
{
    char **keys = NULL;
    int n = virDomainAuthorizedSSHKeysGet(c->dom, fl_arg(c, "user"), &keys, 0);

    if (n < 0)
        return fl_fail(c, "failed to get the ssh keys of '%s'", fl_arg(c, "user"));
    for (int i = 0; i < n; i++) {
        fl_out(c, "%s", keys[i]);
        free(keys[i]);
    }
    free(keys);
    return 0;
}

int fl_cmd_set_user_sshkeys(struct fl_call *c)
{
    unsigned int flags = 0;
    g_autofree char *text = NULL;
    g_auto(GStrv) keys = NULL;
    bool reset = fl_flag(c, "reset"), removing = fl_flag(c, "remove");

    if (fl_exclusive(c, "reset", "remove") < 0)
        return -1;
    if (fl_arg(c, "file") && fl_arg_file(c, "file", &text) < 0)
        return -1;
    if (!text && !reset)
        return fl_wrong(c, "--file is needed, or --reset alone to remove all keys");
    if (text) {
        g_strchomp(text);
        keys = g_strsplit(text, "\n", 0);
    }
    if (!reset)
        flags =
            removing ? VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_REMOVE : VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_APPEND;
    if (virDomainAuthorizedSSHKeysSet(c->dom, fl_arg(c, "user"), (const char **)keys,
                                      keys ? g_strv_length(keys) : 0, flags) < 0)
        return fl_fail(c, "failed to change the ssh keys of '%s'", fl_arg(c, "user"));
    return 0;
}

/* Linux key names; numbers go everywhere. */
static const struct {
    const char *name;
    int code;
} linux_keys[] = {
    { "KEY_ESC", 1 },         { "KEY_1", 2 },           { "KEY_2", 3 },           { "KEY_3", 4 },
    { "KEY_4", 5 },           { "KEY_5", 6 },           { "KEY_6", 7 },           { "KEY_7", 8 },
    { "KEY_8", 9 },           { "KEY_9", 10 },          { "KEY_0", 11 },          { "KEY_MINUS", 12 },
    { "KEY_EQUAL", 13 },      { "KEY_BACKSPACE", 14 },  { "KEY_TAB", 15 },        { "KEY_Q", 16 },
    { "KEY_W", 17 },          { "KEY_E", 18 },          { "KEY_R", 19 },          { "KEY_T", 20 },
    { "KEY_Y", 21 },          { "KEY_U", 22 },          { "KEY_I", 23 },          { "KEY_O", 24 },
    { "KEY_P", 25 },          { "KEY_LEFTBRACE", 26 },  { "KEY_RIGHTBRACE", 27 }, { "KEY_ENTER", 28 },
    { "KEY_LEFTCTRL", 29 },   { "KEY_A", 30 },          { "KEY_S", 31 },          { "KEY_D", 32 },
    { "KEY_F", 33 },          { "KEY_G", 34 },          { "KEY_H", 35 },          { "KEY_J", 36 },
    { "KEY_K", 37 },          { "KEY_L", 38 },          { "KEY_SEMICOLON", 39 },  { "KEY_APOSTROPHE", 40 },
    { "KEY_GRAVE", 41 },      { "KEY_LEFTSHIFT", 42 },  { "KEY_BACKSLASH", 43 },  { "KEY_Z", 44 },
    { "KEY_X", 45 },          { "KEY_C", 46 },          { "KEY_V", 47 },          { "KEY_B", 48 },
    { "KEY_N", 49 },          { "KEY_M", 50 },          { "KEY_COMMA", 51 },      { "KEY_DOT", 52 },
    { "KEY_SLASH", 53 },      { "KEY_RIGHTSHIFT", 54 }, { "KEY_KPASTERISK", 55 }, { "KEY_LEFTALT", 56 },
    { "KEY_SPACE", 57 },      { "KEY_CAPSLOCK", 58 },   { "KEY_F1", 59 },         { "KEY_F2", 60 },
    { "KEY_F3", 61 },         { "KEY_F4", 62 },         { "KEY_F5", 63 },         { "KEY_F6", 64 },
    { "KEY_F7", 65 },         { "KEY_F8", 66 },         { "KEY_F9", 67 },         { "KEY_F10", 68 },
    { "KEY_NUMLOCK", 69 },    { "KEY_SCROLLLOCK", 70 }, { "KEY_F11", 87 },        { "KEY_F12", 88 },
    { "KEY_RIGHTCTRL", 97 },  { "KEY_SYSRQ", 99 },      { "KEY_RIGHTALT", 100 },  { "KEY_HOME", 102 },
    { "KEY_UP", 103 },        { "KEY_PAGEUP", 104 },    { "KEY_LEFT", 105 },      { "KEY_RIGHT", 106 },
    { "KEY_END", 107 },       { "KEY_DOWN", 108 },      { "KEY_PAGEDOWN", 109 },  { "KEY_INSERT", 110 },
    { "KEY_DELETE", 111 },    { "KEY_POWER", 116 },     { "KEY_PAUSE", 119 },     { "KEY_LEFTMETA", 125 },
    { "KEY_RIGHTMETA", 126 }, { "KEY_MENU", 127 },
};

static int key_code(int set, const char *word)
{
    char *end;
    long value = strtol(word, &end, 0);

    if (end != word && !*end && value > 0 && value <= 0xffff)
        return (int)value;
    for (size_t i = 0; set == VIR_KEYCODE_SET_LINUX && i < G_N_ELEMENTS(linux_keys); i++)
        if (strcmp(linux_keys[i].name, word) == 0)
            return linux_keys[i].code;
    return -1;
}

int fl_cmd_send_key(struct fl_call *c)
{
    static const char *const sets[] = { "linux", "xt",     "atset1", "atset2", "atset3",
                                        "os_x",  "xt_kbd", "usb",    "win32",  "qnum" };
    const char *wanted = fl_arg(c, "codeset") ? fl_arg(c, "codeset") : "linux";
    unsigned int hold = 0, codes[VIR_DOMAIN_SEND_KEY_MAX_KEYS];
    int set = 0, n = 0;

    if (strcmp(wanted, "rfb") == 0)
        wanted = "qnum";
    while (set < (int)G_N_ELEMENTS(sets) && strcmp(sets[set], wanted) != 0)
        set++;
    if (set == (int)G_N_ELEMENTS(sets))
        return fl_wrong(c, "option --codeset: '%s' is unknown", wanted);
    if (fl_arg_uint(c, "holdtime", &hold) < 0)
        return -1;
    for (char **word = fl_argv(c, "keycode"); *word; word++) {
        int code = key_code(set, *word);

        if (n == VIR_DOMAIN_SEND_KEY_MAX_KEYS)
            return fl_wrong(c, "at most %d keys can be pressed at once", VIR_DOMAIN_SEND_KEY_MAX_KEYS);
        if (code < 0)
            return fl_wrong(c, "'%s' is no key of the set '%s'; a number of the set always is", *word,
                            wanted);
        codes[n++] = (unsigned int)code;
    }
    if (virDomainSendKey(c->dom, (unsigned int)set, hold, codes, n, 0) < 0)
        return fl_fail(c, "failed to press keys in domain '%s'", virDomainGetName(c->dom));
    return 0;
}

static int signal_number(const char *name)
{
    static const char *const names[] = { "nop",    "hup",  "int",    "quit", "ill",   "trap", "abrt", "bus",
                                         "fpe",    "kill", "usr1",   "segv", "usr2",  "pipe", "alrm", "term",
                                         "stkflt", "chld", "cont",   "stop", "tstp",  "ttin", "ttou", "urg",
                                         "xcpu",   "xfsz", "vtalrm", "prof", "winch", "poll", "pwr",  "sys" };
    char *end;
    long value = strtol(name, &end, 10);

    if (end != name && !*end)
        return value >= 0 && value < 65 ? (int)value : -1;
    if (g_ascii_strncasecmp(name, "sig", 3) == 0)
        name += 3;
    if (*name == '_')
        name++;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_ascii_strcasecmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

int fl_cmd_send_process_signal(struct fl_call *c)
{
    int number = signal_number(fl_arg(c, "signame"));
    const char *pid = fl_arg(c, "pid");
    char *end;
    long long value = strtoll(pid, &end, 10);

    if (end == pid || *end)
        return fl_wrong(c, "<pid>: '%s' is not a process number", pid);
    if (number < 0)
        return fl_wrong(c, "'%s' is not the name or number of a signal", fl_arg(c, "signame"));
    if (virDomainSendProcessSignal(c->dom, value, (unsigned int)number, 0) < 0)
        return fl_fail(c, "failed to send the signal to process %s", pid);
    return 0;
}

int fl_cmd_domdirtyrate_calc(struct fl_call *c)
{
    static const char *const modes[] = { "page-sampling", "dirty-bitmap", "dirty-ring" };
    const char *mode = fl_arg(c, "mode");
    int seconds = 1;
    unsigned int i = 0;

    if (fl_arg_int(c, "seconds", &seconds) < 0)
        return -1;
    while (mode && i < G_N_ELEMENTS(modes) && strcmp(modes[i], mode) != 0)
        i++;
    if (i == G_N_ELEMENTS(modes))
        return fl_wrong(c, "option --mode: '%s' is none of page-sampling, dirty-bitmap, dirty-ring", mode);
    if (virDomainStartDirtyRateCalc(c->dom, seconds, 1u << i) < 0)
        return fl_fail(c, "failed to measure how fast domain '%s' writes memory", virDomainGetName(c->dom));
    fl_extra(c, "Start to calculate domain's memory dirty rate successfully.\n");
    return 0;
}

int fl_cmd_domlaunchsecinfo(struct fl_call *c)
{
    virTypedParameterPtr params = NULL;
    int n = 0;

    if (virDomainGetLaunchSecurityInfo(c->dom, &params, &n, 0) < 0)
        return fl_fail(c, "failed to get the launch measurement of domain '%s'", virDomainGetName(c->dom));
    if (fl_json(c))
        fl_params_json(fl_document(c), params, n);
    for (int i = 0; i < n; i++) {
        g_autofree char *text = fl_param_text(&params[i]);

        fl_out(c, "%-15s: %s\n", params[i].field, text);
    }
    virTypedParamsFree(params, n);
    return 0;
}

int fl_cmd_dom_fd_associate(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "seclabel-writable", VIR_DOMAIN_FD_ASSOCIATE_SECLABEL_WRITABLE,
                                  "seclabel-restore", VIR_DOMAIN_FD_ASSOCIATE_SECLABEL_RESTORE, NULL);
    g_autofree int *fds = NULL;
    unsigned int n;

    if (fl_arg_fds(c, "pass-fds", &fds, &n) < 0)
        return -1;
    if (virDomainFDAssociate(c->dom, fl_arg(c, "name"), n, fds, flags) < 0)
        return fl_fail(c, "failed to give domain '%s' the descriptors", virDomainGetName(c->dom));
    return 0;
}
