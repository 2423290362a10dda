/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virsh: options of the program itself, then one command line or a dialogue. */
#include "shell.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage_text[] =
    "\n"
    "%s [options]... [<command_string>]\n"
    "%s [options]... <command> [args...]\n"
    "\n"
    "  options:\n"
    "    -c | --connect=URI      the hypervisor to talk to\n"
    "    -d | --debug=NUM        how much to tell of what happens, 0 (all) to 4 (errors)\n"
    "    -e | --escape <char>    the key that leaves the console, such as ^]\n"
    "    -h | --help             this text\n"
    "    -k | --keepalive-interval=NUM\n"
    "                            seconds between signs of life, 0 for none\n"
    "    -K | --keepalive-count=NUM\n"
    "                            how many of them may stay unanswered\n"
    "    -l | --log=FILE         keep a log in this file\n"
    "         --no-pkttyagent    do not start polkit's agent for terminals\n"
    "    -o | --output=FORMAT    text (default) or json\n"
    "    -q | --quiet            no headings, no remarks\n"
    "    -r | --readonly         connect for reading only\n"
    "    -t | --timing           print how long each command took\n"
    "         --timeout=SECONDS  for opening, and for each call\n"
    "    -v                      short version\n"
    "    -V                      long version\n"
    "         --version[=TYPE]   version, TYPE is short or long (default short)\n"
    "  commands (non interactive mode):\n"
    "\n";

static void print_usage(const char *program)
{
    printf(usage_text, program, program);
    for (const struct fl_group *g = fl_groups; g->title; g++) {
        printf(" %s (help keyword '%s')\n", g->title, g->keyword);
        for (const struct fl_command *cmd = g->commands; cmd->name; cmd++)
            if (!(cmd->flags & FL_COMMAND_ALIAS))
                printf("    %-30s %s\n", cmd->name, cmd->info);
        printf("\n");
    }
    printf("\n  (specify help <group> for details about the commands in the group)\n");
    printf("\n  (specify help <command> for details about the command)\n\n");
}

static void print_version(bool details)
{
    unsigned long version = 0;

    virGetVersion(&version, NULL, NULL);
    if (!details) {
        printf("%lu.%lu.%lu\n", version / 1000000, version / 1000 % 1000, version % 1000);
        return;
    }
    printf("Virsh command line tool of libvirt %lu.%lu.%lu\n", version / 1000000, version / 1000 % 1000,
           version % 1000);
    printf("fairlead %s\n", FL_VERSION);
}

static int bad_usage(struct fl_shell *sh, const char *what)
{
    g_autofree char *text = g_strdup_printf("%s; --help lists the options", what);

    fl_error(sh, NULL, text, NULL);
    return -1;
}

static int number_option(struct fl_shell *sh, const char *name, const char *text, int *ret)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 0);
    if (errno || end == text || *end || value < 0 || value > G_MAXINT) {
        if (end != text && !*end && value > 0)
            fl_complain(sh, "option -%s: '%s' is more than %d", name, text, G_MAXINT);
        else
            fl_complain(sh, "option -%s: '%s' is not a number of 0 or more", name, text);
        return -1;
    }
    *ret = (int)value;
    return 0;
}

static int escape_option(struct fl_shell *sh, const char *text)
{
    size_t len = strlen(text);

    if (len == 1 && text[0] != '^') {
        sh->escape = text[0];
        return 0;
    }
    if (len == 2 && text[0] == '^' && g_ascii_toupper(text[1]) >= '@' && g_ascii_toupper(text[1]) <= '_') {
        sh->escape = g_ascii_toupper(text[1]) & 0x1f;
        return 0;
    }
    fl_complain(sh, "option -e: '%s' is not a key; write one character, or ^ and one character", text);
    return -1;
}

static int debug_option(struct fl_shell *sh, const char *text)
{
    int level;

    if (number_option(sh, "d", text, &level) < 0)
        return -1;
    if (level > 4)
        fl_complain(sh, "debug level %d is ignored: levels are 0 to 4", level);
    else
        sh->debug = level;
    return 0;
}

static int log_option(struct fl_shell *sh, const char *path)
{
    if (sh->log)
        fclose(sh->log);
    sh->log = fopen(path, "ae");
    if (sh->log)
        return 0;
    fl_complain(sh, "cannot open the log file '%s': %s", path, g_strerror(errno));
    return -1;
}

static int format_option(struct fl_shell *sh, const char *name)
{
    g_autofree char *unknown = g_strdup_printf("option -o: '%s' is not supported: use json (or text)", name);

    if (strcmp(name, "text") == 0)
        sh->format = FL_FORMAT_TEXT;
    else if (strcmp(name, "json") == 0)
        sh->format = FL_FORMAT_JSON;
    else
        return bad_usage(sh, unknown);
    if (sh->format == FL_FORMAT_JSON && fl_json_load() < 0)
        return bad_usage(sh, "option -o json needs the library libjansson.so.4, which cannot be loaded");
    return 0;
}

/* The library reads these when it opens a connection; another library would not, and hang after all. */
static int timeout_option(struct fl_shell *sh, const char *text)
{
    if (number_option(sh, "-timeout", text, &sh->timeout) < 0)
        return -1;
    if (!fl_library_timeouts())
        return bad_usage(
            sh, "option --timeout needs Fairlead's library; the libvirt.so.0 loaded here is another");
    g_setenv("LIBVIRT_CONNECT_TIMEOUT", text, TRUE);
    g_setenv("LIBVIRT_CALL_TIMEOUT", text, TRUE);
    return 0;
}

/* 1: done, leave with success */
static int version_option(struct fl_shell *sh, const char *type)
{
    if (type && strcmp(type, "long") != 0 && strcmp(type, "short") != 0)
        return bad_usage(sh, "option --version is 'short' or 'long'");
    print_version(type && strcmp(type, "long") == 0);
    return 1;
}

static int one_option(struct fl_shell *sh, int letter, char **argv)
{
    switch (letter) {
    case 'c':
        g_free(sh->uri);
        sh->uri = g_strdup(optarg);
        sh->uri_from = "option -c";
        return 0;
    case 'd':
        return debug_option(sh, optarg);
    case 'e':
        return escape_option(sh, optarg);
    case 'h':
        print_usage(argv[0]);
        return 1;
    case 'k':
        return number_option(sh, "k", optarg, &sh->keepalive_interval);
    case 'K':
        return number_option(sh, "K", optarg, &sh->keepalive_count);
    case 'l':
        return log_option(sh, optarg);
    case 'o':
        return format_option(sh, optarg);
    case 'A':
        sh->no_agent = true;
        return 0;
    case 'q':
        sh->quiet = true;
        return 0;
    case 'r':
        sh->readonly = true;
        return 0;
    case 't':
        sh->timing = true;
        return 0;
    case 'T':
        return timeout_option(sh, optarg);
    case 'v':
        return version_option(sh, optarg);
    case 'V':
        return version_option(sh, "long");
    }
    return -1;
}

static int parse_options(struct fl_shell *sh, int argc, char **argv)
{
    static const struct option names[] = {
        { "connect", required_argument, NULL, 'c' },
        { "debug", required_argument, NULL, 'd' },
        { "escape", required_argument, NULL, 'e' },
        { "help", no_argument, NULL, 'h' },
        { "keepalive-interval", required_argument, NULL, 'k' },
        { "keepalive-count", required_argument, NULL, 'K' },
        { "log", required_argument, NULL, 'l' },
        { "no-pkttyagent", no_argument, NULL, 'A' },
        { "output", required_argument, NULL, 'o' },
        { "quiet", no_argument, NULL, 'q' },
        { "readonly", no_argument, NULL, 'r' },
        { "timeout", required_argument, NULL, 'T' },
        { "timing", no_argument, NULL, 't' },
        { "version", optional_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 },
    };
    int letter, status = 0;

    while (status == 0 && (letter = getopt_long(argc, argv, "+:c:d:e:hk:K:l:o:qrtvV", names, NULL)) != -1) {
        g_autofree char *what = NULL;

        if (letter == ':')
            what = g_strdup_printf("option '%s' needs a value", argv[optind - 1]);
        else if (letter == '?' && optopt)
            what = g_strdup_printf("option '-%c' is unknown", optopt);
        else if (letter == '?')
            what = g_strdup_printf("option '%s' is unknown", argv[optind - 1]);
        status = what ? bad_usage(sh, what) : one_option(sh, letter, argv);
    }
    return status;
}

static void read_environment(struct fl_shell *sh)
{
    const char *debug = g_getenv("VIRSH_DEBUG"), *log = g_getenv("VIRSH_LOG_FILE");
    const char *uri = g_getenv("VIRSH_DEFAULT_CONNECT_URI");

    if (debug && debug[0] >= '0' && debug[0] <= '4' && !debug[1])
        sh->debug = debug[0] - '0';
    if (log && *log)
        log_option(sh, log);
    if (uri && *uri) {
        sh->uri = g_strdup(uri);
        sh->uri_from = "VIRSH_DEFAULT_CONNECT_URI";
    }
}

/* All commands of the command line. */
static int parse_line(struct fl_shell *sh, char **words, GPtrArray **ret_commands)
{
    g_autofree char *error = NULL;
    int status;

    if (!words[1] && !*words[0])
        return -1; /* an empty text is no command */
    if (words[1])
        status = fl_parse_argv(words, ret_commands, &error);
    else
        status = fl_parse_text(words[0], ret_commands, &error);
    if (status < 0)
        fl_error(sh, NULL, error, NULL);
    return status;
}

/* The first command opens what it wants by itself, or, as uri --why, nothing. */
static bool connects_itself(char **words)
{
    g_autofree char *first = words[0] ? g_strndup(words[0], strcspn(words[0], ";\n")) : NULL;
    g_auto(GStrv) parts = first && !words[1] ? fl_parse_words(first) : NULL;
    char **given = parts ? parts : words;
    const char *name = given[0];
    const struct fl_command *command = name ? fl_command_find(name) : NULL;

    return command &&
           ((command->flags & FL_COMMAND_SELF) || g_strv_contains((const char *const *)given, "--why"));
}

/* A URI named on the command line is tried at once, whatever the command is. */
static int connect_first(struct fl_shell *sh, char **words)
{
    if (!sh->uri || connects_itself(words) || fl_connect(sh) == 0)
        return 0;
    fl_error(sh, "connect", "failed to connect to the hypervisor", virGetLastError());
    return -1;
}

/* A slip in the words is told before anything is connected to. */
static int run(struct fl_shell *sh, char **words)
{
    g_autoptr(GPtrArray) commands = NULL;

    sh->interactive = !words[0];
    if (words[0] && parse_line(sh, words, &commands) < 0)
        return -1;
    if (connect_first(sh, words) < 0)
        return -1;
    return sh->interactive ? fl_interactive(sh) : fl_run_all(sh, commands);
}

static void no_library_output(void *opaque, virErrorPtr error)
{
    (void)opaque;
    (void)error;
}

/* Started with one of them closed, the connection would take its number and get what is printed. */
static bool hold_standard_fds(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            return false;
    return true;
}

/* What a full disk lost is no success. */
static int flush_output(struct fl_shell *sh)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    fl_complain(sh, "the output could not be written completely");
    return -1;
}

int main(int argc, char **argv)
{
    struct fl_shell sh = {
        .keepalive_interval = -1, .keepalive_count = 6, .escape = 0x1d, .debug = 4, .timeout = -1
    };
    int status;

    if (!hold_standard_fds())
        return EXIT_FAILURE;
    fl_interrupt_init();
    setlocale(LC_ALL, "");
    virSetErrorFunc(NULL, no_library_output);
    if (virInitialize() < 0)
        return EXIT_FAILURE;
    read_environment(&sh);
    status = parse_options(&sh, argc, argv);
    if (status == 0)
        status = run(&sh, argv + optind);
    if (flush_output(&sh) < 0)
        status = -1;
    if (fl_interrupted)
        fl_interrupt_grace(FL_GRACE_WAIT);
    fl_disconnect(&sh);
    g_free(sh.uri);
    if (sh.log)
        fclose(sh.log);
    return status < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
