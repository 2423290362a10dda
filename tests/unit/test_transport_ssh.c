/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the ssh transports in process know before they speak: the settings of ssh -G, the policy of the URI's
 * parameters, and known_hosts files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "transport/ssh_known_hosts.h"
#include "transport/ssh_policy.h"
#include "transport/ssh_settings.h"
#include "uri/route.h"

static const char *environment(const char *name)
{
    return strcmp(name, "SOCK") == 0            ? "/run/agent"
           : strcmp(name, "SSH_AUTH_SOCK") == 0 ? "/run/usual"
                                                : NULL;
}

static const struct fl_ssh_names names = {
    .home = "/home/me", .user = "me", .hostname = "desk.example", .uid = 7, .getenv = environment
};

static struct fl_ssh_settings *read_settings(const char *text)
{
    struct fl_ssh_settings *s = NULL;
    if (fl_ssh_settings_parse(text, strlen(text), &s) < 0)
        fail_msg("%s", fl_error_get()->message);
    g_free(s->alias);
    s->alias = g_strdup("far");
    fl_ssh_settings_expand(s, &names);
    return s;
}

static void is_list(char **list, const char *expected)
{
    g_autofree char *joined = g_strjoinv("|", list);
    assert_string_equal(joined, expected);
}

static void settings_are_read_and_expanded(void **state)
{
    struct fl_ssh_settings *s =
        read_settings("host far\nuser you\nhostname far.example\nport 2222\nidentityfile ~/.ssh/%r-%h\n"
                      "identityfile /k/a b\nidentityfile ${NOT_SET}/x\ncertificatefile ~/c\n"
                      "userknownhostsfile /h/one /h/t wo ~/three ${SOCK}/%p\nglobalknownhostsfile none\n"
                      "identityagent $SOCK\nhostkeyalias known%n\nproxyjump a@b:22,c\nproxycommand none\n"
                      "stricthostkeychecking accept-new\nidentitiesonly yes\nhashknownhosts yes\n"
                      "connecttimeout 9\nciphers x,y\nno_value\n");
    assert_string_equal(s->hostname, "far.example");
    assert_string_equal(s->user, "you");
    assert_int_equal(s->port, 2222);
    is_list(s->identity_files,
            "/home/me/.ssh/you-far.example|/k/a b"); /* what cannot be expanded is no file */
    is_list(s->certificate_files, "/home/me/c");
    is_list(s->known_hosts, "/h/one|/h/t wo|/home/me/three|/run/agent/2222");
    is_list(s->global_known_hosts, "");
    assert_string_equal(s->identity_agent, "/run/agent");
    assert_string_equal(s->host_key_alias, "known%n");
    assert_string_equal(s->proxy_jump, "a@b:22,c");
    assert_null(s->proxy_command);
    assert_int_equal(s->strict, FL_SSH_STRICT_ACCEPT_NEW);
    assert_true(s->identities_only && s->hash_known_hosts);
    assert_int_equal(s->connect_timeout, 9);
    fl_ssh_settings_free(s);
}

static void an_agent_has_several_names(void **state)
{
    static const struct {
        const char *line, *path;
    } rows[] = {
        { "", "/run/usual" },
        { "identityagent SSH_AUTH_SOCK\n", "/run/usual" },
        { "identityagent none\n", NULL },
        { "identityagent $NOT_SET\n", NULL },
        { "identityagent ~/a%u\n", "/home/me/ame" },
        { "identityagent ${SOCK}.x\n", "/run/agent.x" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strconcat("hostname h\nport 22\n", rows[i].line, NULL);
        struct fl_ssh_settings *s = read_settings(text);
        if (g_strcmp0(s->identity_agent, rows[i].path) != 0)
            fail_msg("%s: %s", rows[i].line, s->identity_agent);
        assert_non_null(s->agent_from);
        assert_string_equal(s->user, "me");
        fl_ssh_settings_free(s);
    }
}

static void a_text_that_is_none_is_refused(void **state)
{
    struct fl_ssh_settings *s = NULL;
    assert_int_equal(fl_ssh_settings_parse("", 0, &s), -1);
    assert_int_equal(fl_ssh_settings_parse("hostname h\nport 70000\n", 22, &s), -1);
    assert_int_equal(fl_ssh_settings_parse("hostname h\0port 22\n", 19, &s), -1);
    assert_non_null(strstr(fl_error_get()->message, "zero byte"));
    g_autofree char *big = g_strnfill(300000, 'x');
    assert_int_equal(fl_ssh_settings_parse(big, 300000, &s), -1);
    assert_null(s);
}

static void tokens_of_a_command(void **state)
{
    struct fl_ssh_settings *s = read_settings("hostname far.example\nport 2222\nuser you\n");
    g_autofree char *all = fl_ssh_settings_tokens(s, &names, "nc %h %p %r %n %u %i %d %L %l %k 100%%");
    assert_string_equal(all, "nc far.example 2222 you far me 7 /home/me desk desk.example far 100%");
    assert_null(fl_ssh_settings_tokens(s, &names, "nc %y"));
    assert_null(fl_ssh_settings_tokens(s, &names, "nc %"));
    fl_ssh_settings_free(s);
}

static int policy_of(const char *query, struct fl_ssh_policy *p)
{
    struct fl_resolve_env env = { 0 };
    fl_autoroute struct fl_route *r = NULL;
    g_autofree char *uri = g_strconcat("qemu+libssh://h/s?", query, NULL);
    if (fl_route_resolve(uri, &env, 0, &r) < 0)
        return -1;
    return fl_ssh_policy_of(r, p);
}

static void a_policy_follows_from_the_parameters(void **state)
{
    struct fl_ssh_policy p;
    assert_int_equal(policy_of("", &p), 0);
    assert_int_equal(p.nmethods, 4);
    assert_int_equal(p.methods[0], FL_SSH_AGENT);
    assert_int_equal(p.methods[3], FL_SSH_KBDINT);
    assert_int_equal(p.verify, FL_SSH_VERIFY_UNSET);
    assert_false(p.methods_given);

    assert_int_equal(policy_of("sshauth=keyboard-interactive,agent,agent&no_verify=1", &p), 0);
    assert_int_equal(p.nmethods, 2);
    assert_int_equal(p.methods[0], FL_SSH_KBDINT);
    assert_false(fl_ssh_policy_has(&p, FL_SSH_PASSWORD));
    assert_int_equal(p.verify, FL_SSH_VERIFY_AUTO);

    assert_int_equal(policy_of("known_hosts_verify=normal&no_verify=1", &p), 0);
    assert_int_equal(p.verify, FL_SSH_VERIFY_NORMAL);
    assert_int_equal(policy_of("known_hosts_verify=ignore", &p), 0);
    assert_int_equal(p.verify, FL_SSH_VERIFY_IGNORE);

    assert_int_equal(policy_of("sshauth=agent,key", &p), -1);
    assert_non_null(strstr(fl_error_get()->message, "'key'"));
    assert_int_equal(policy_of("sshauth=agent,", &p), -1);
    assert_int_equal(policy_of("known_hosts_verify=Auto", &p), -1);
}

/* ---- known hosts ---- */

#define ONE "AAAAC3NzaC1lZDI1NTE5AAAAILHD7QCZXshtp4Pe978XFtDYw+zm+vvOitqfPKNgzl37"
#define TWO "AAAAC3NzaC1lZDI1NTE5AAAAIAD1rNAjJLcXOXS8U6UmNZ8O+ZYCeyMRfpBBPNJOfWe+"
#define THREE                                                                                                \
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEtDYhTJ2bO4qH4U1vJ67mL1b+I+l5tl4K6Nqd9AxzYi1L33Zj" \
    "BhfXc3JwO+9Y1EnQGNQwVQWlj0xwrIAwhaFYU="
#define HASHED "|1|K7qftkxKAT6O4S09ia7RMZTOwa8=|Pnvyj25+TMhEOuIYSry3ChqhJjU="

static enum fl_ssh_known look(const char *text, const char *name, const char *plain, int *ret_line,
                              char **ret_types)
{
    struct fl_ssh_known_search k;
    gsize len = 0;
    g_autofree guchar *key = g_base64_decode(ONE, &len);
    fl_ssh_known_search_init(&k);
    k.name = name;
    k.plain_name = plain;
    k.key = key;
    k.len = len;
    fl_ssh_known_hosts_scan(&k, "f", text, strlen(text));
    if (ret_line)
        *ret_line = k.line;
    g_ptr_array_add(k.types, NULL);
    if (ret_types)
        *ret_types = g_strjoinv(",", (char **)k.types->pdata);
    enum fl_ssh_known verdict = k.verdict;
    fl_ssh_known_search_fini(&k);
    return verdict;
}

static void a_host_is_known_by_its_lines(void **state)
{
    static const struct {
        const char *text, *name, *plain;
        enum fl_ssh_known verdict;
        int line;
        const char *types;
    } rows[] = {
        { "", "h", NULL, FL_SSH_HOST_NEW, 0, "" },
        { "h ssh-ed25519 " ONE "\n", "h", NULL, FL_SSH_HOST_KNOWN, 1, "ssh-ed25519" },
        { "# h\n\n\tH,g ssh-ed25519 " ONE " me@x", "h", NULL, FL_SSH_HOST_KNOWN, 3, "ssh-ed25519" },
        { "g ssh-ed25519 " ONE "\n", "h", NULL, FL_SSH_HOST_NEW, 0, "" },
        { "h ssh-ed25519 " TWO "\n", "h", NULL, FL_SSH_HOST_CHANGED, 1, "ssh-ed25519" },
        { "h ssh-ed25519 " TWO "\nh ssh-ed25519 " ONE "\r\n", "h", NULL, FL_SSH_HOST_KNOWN, 2,
          "ssh-ed25519" },
        { "h ecdsa-sha2-nistp256 " THREE "\n", "h", NULL, FL_SSH_HOST_OTHER, 1, "ecdsa-sha2-nistp256" },
        { "h ecdsa-sha2-nistp256 " THREE "\nh ssh-ed25519 " TWO, "h", NULL, FL_SSH_HOST_CHANGED, 2,
          "ecdsa-sha2-nistp256,ssh-ed25519" },
        { HASHED " ssh-ed25519 " ONE, "[far.example]:2222", "far.example", FL_SSH_HOST_KNOWN, 1,
          "ssh-ed25519" },
        { HASHED " ssh-ed25519 " ONE, "far.example", NULL, FL_SSH_HOST_NEW, 0, "" },
        { "*.example,!far.* ssh-ed25519 " ONE, "near.example", NULL, FL_SSH_HOST_KNOWN, 1, "ssh-ed25519" },
        { "*.example,!far.* ssh-ed25519 " ONE, "far.example", NULL, FL_SSH_HOST_NEW, 0, "" },
        { "h?st ssh-ed25519 " TWO, "host", NULL, FL_SSH_HOST_CHANGED, 1, "ssh-ed25519" },
        /* Remembered without the port: good if it is the same, no reason to doubt another. */
        { "h ssh-ed25519 " ONE, "[h]:2222", "h", FL_SSH_HOST_KNOWN, 1, "" },
        { "h ssh-ed25519 " TWO, "[h]:2222", "h", FL_SSH_HOST_NEW, 0, "" },
        { "@revoked * ssh-ed25519 " ONE "\nh ssh-ed25519 " ONE, "h", NULL, FL_SSH_HOST_REVOKED, 1,
          "ssh-ed25519" },
        { "h ssh-ed25519 " ONE "\n@revoked h ssh-ed25519 " ONE, "h", NULL, FL_SSH_HOST_REVOKED, 2,
          "ssh-ed25519" },
        { "@revoked * ssh-ed25519 " TWO, "h", NULL, FL_SSH_HOST_NEW, 0, "" },
        { "@cert-authority * ssh-ed25519 " ONE, "h", NULL, FL_SSH_HOST_NEW, 0, "" },
        { "h ssh-ed25519\nh\nh ssh-ed25519 !!!\n|1|x ssh-ed25519 " ONE, "h", NULL, FL_SSH_HOST_NEW, 0, "" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int line = 0;
        g_autofree char *types = NULL;
        enum fl_ssh_known got = look(rows[i].text, rows[i].name, rows[i].plain, &line, &types);
        if (got != rows[i].verdict || line != rows[i].line || strcmp(types, rows[i].types) != 0)
            fail_msg("row %zu: verdict %d line %d types %s", i, got, line, types);
    }
}

static void keys_are_shown_as_ssh_shows_them(void **state)
{
    gsize len = 0;
    g_autofree guchar *key = g_base64_decode(ONE, &len);
    g_autofree char *print = fl_ssh_key_fingerprint(key, len);
    g_autofree char *type = fl_ssh_key_type(key, len);
    g_autofree char *plain = fl_ssh_known_name("Far.Example", 22);
    g_autofree char *port = fl_ssh_known_name("::1", 2222);
    assert_string_equal(print, "SHA256:BjKIgbAp3nqsrzs62Kh+lWxdVR2pnrfSGp710gDYFl0");
    assert_string_equal(type, "ssh-ed25519");
    assert_null(fl_ssh_key_type(key, 10));
    assert_null(fl_ssh_key_type((const unsigned char *)"\0\0\0\1,", 5));
    assert_string_equal(plain, "far.example");
    assert_string_equal(port, "[::1]:2222");
}

static void lines_are_only_added(void **state)
{
    gsize len = 0;
    struct stat st;
    g_autofree guchar *key = g_base64_decode(ONE, &len);
    g_autofree char *folder = g_dir_make_tmp("flXXXXXX", NULL);
    g_autofree char *below = g_build_filename(folder, "ssh", NULL);
    g_autofree char *file = g_build_filename(below, "known", NULL);
    g_autofree char *text = NULL;

    assert_int_equal(fl_ssh_known_hosts_add(file, "h", false, key, len), 0);
    assert_int_equal(stat(below, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(truncate(file, st.st_size - 1), 0); /* a last line without an end */
    assert_int_equal(fl_ssh_known_hosts_add(file, "[g]:5", true, key, len), 0);

    assert_true(g_file_get_contents(file, &text, NULL, NULL));
    assert_true(g_str_has_prefix(text, "h ssh-ed25519 " ONE "\n|1|"));
    assert_null(strstr(text, "[g]"));
    assert_int_equal(look(text, "h", NULL, NULL, NULL), FL_SSH_HOST_KNOWN);
    assert_int_equal(look(text, "[g]:5", NULL, NULL, NULL), FL_SSH_HOST_KNOWN);
    unlink(file);

    assert_int_equal(mkdir(file, 0700), 0);
    assert_int_equal(fl_ssh_known_hosts_add(file, "h", false, key, len), -1);
    rmdir(file);
    rmdir(below);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_read_and_expanded),
        cmocka_unit_test(an_agent_has_several_names),
        cmocka_unit_test(a_text_that_is_none_is_refused),
        cmocka_unit_test(tokens_of_a_command),
        cmocka_unit_test(a_policy_follows_from_the_parameters),
        cmocka_unit_test(a_host_is_known_by_its_lines),
        cmocka_unit_test(keys_are_shown_as_ssh_shows_them),
        cmocka_unit_test(lines_are_only_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
