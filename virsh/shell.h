/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every file of the shell shares: the session, one command's call, its
 * arguments, its output. The shell sees the public headers only.
 *
 * A command is a row of commands.def and one function
 *     int fl_cmd_start(struct fl_call *c)
 * that returns 0 or -1. Objects that the row marks with '@' are looked up
 * before it runs and released after it; errors are said with fl_fail(); text
 * goes out through fl_out() and, for lists and records, through the helpers
 * that print the same facts as columns or as JSON.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

enum fl_format { FL_FORMAT_TEXT, FL_FORMAT_JSON };

/* One run of the program: options, and the connection commands share. */
struct fl_shell {
    virConnectPtr conn;
    char *uri;            /* as given, NULL for the default */
    const char *uri_from; /* who gave it: "option -c" */
    bool readonly;
    bool no_agent;  /* --no-pkttyagent */
    bool look_only; /* opening asks nobody and starts nothing */
    bool offline;   /* nothing is opened */
    bool quiet;
    bool timing;
    bool interactive;
    bool quit; /* set by quit and exit */
    enum fl_format format;
    int keepalive_interval; /* seconds, -1: the default where offered */
    int keepalive_count;
    int escape; /* console escape character */
    int debug;
    FILE *log;
    bool loop_running;
    int timeout; /* --timeout: seconds for opening and for each call, -1: as the library has it */
};

enum fl_option_kind { FL_OPTION_BOOL, FL_OPTION_STRING, FL_OPTION_INT, FL_OPTION_ARGV, FL_OPTION_ALIAS };

struct fl_option {
    char *name;
    char *target; /* FL_OPTION_ALIAS: the option meant */
    enum fl_option_kind kind;
    bool required;
    bool filled;     /* an empty text is an error when the command runs */
    bool named_only; /* never filled by a positional word */
    bool object;     /* looked up before the command runs */
};

struct fl_call;

/* One row of commands.def; option words are explained in options.c. */
struct fl_command {
    const char *name;
    int (*run)(struct fl_call *c);
    const char *options;
    const char *info;
    unsigned int flags;
};

/* SELF: opens what -c names by itself, if at all; it is not tried before. ALIAS: not in lists. */
enum { FL_COMMAND_OFFLINE = 1, FL_COMMAND_ALIAS = 2, FL_COMMAND_SELF = 4 };

struct fl_group {
    const char *title;
    const char *keyword;
    const struct fl_command *commands; /* ends with a NULL name */
};

extern const struct fl_group fl_groups[];

const struct fl_command *fl_command_find(const char *name);
const struct fl_group *fl_group_find(const char *name);

/* A parsed command line: the row, its options and the words given to them. */
struct fl_args {
    const struct fl_command *command;
    struct fl_option *options;
    size_t n_options;
    char **values; /* one per option, NULL when absent; bools hold "" */
    GPtrArray *argv;
};

/* One command being run. */
struct fl_call {
    struct fl_shell *sh;
    struct fl_args *args;
    virConnectPtr conn;
    virDomainPtr dom;
    virNetworkPtr net;
    virInterfacePtr iface;
    virStoragePoolPtr pool;
    virStorageVolPtr vol;
    virNodeDevicePtr dev;
    virSecretPtr secret;
    virNWFilterPtr filter;
    virNWFilterBindingPtr binding;
    GString *text;      /* JSON: what fl_out() collected */
    void *json;         /* JSON: the document, json_t */
    GString *error;     /* what failed, in the shell's words */
    bool bare_error;    /* the library has nothing to add */
    bool answer_no;     /* all was printed, and the exit code is that of a failure */
    virErrorPtr reason; /* the library's, as it was when `error` was said */
    int status;         /* of the action that fl_result() is about */
};

/* options.c */
struct fl_option *fl_options_parse(const char *spec, size_t *ret_n);
void fl_options_free(struct fl_option *options, size_t n);
const char *fl_option_help(const struct fl_command *command, const char *name);

/* parse.c: text or argv to commands */
void fl_args_free(struct fl_args *args);
int fl_parse_text(const char *line, GPtrArray **ret_commands, char **ret_error);
int fl_parse_argv(char **argv, GPtrArray **ret_commands, char **ret_error);
/* The words of an unfinished line, for completion. */
char **fl_parse_words(const char *line);
/* Its last word, perhaps empty, and where it starts. Returns the quote left open, a backslash that quotes
 * nothing, or 0. */
char fl_parse_unfinished(const char *line, size_t *ret_start, char **ret_word);
/* Appends a text so that it is read back as it is behind what leaves `quote` open; begins: nothing of the
 * word is there. */
void fl_parse_quote(GString *out, const char *text, char quote, bool begins);

/* args.c: values of the call's options */
const char *fl_arg(struct fl_call *c, const char *name);
bool fl_flag(struct fl_call *c, const char *name);
char **fl_argv(struct fl_call *c, const char *name); /* NULL ended, owned by the call */
/* 1 given, 0 absent, -1 not a number (said) */
int fl_arg_int(struct fl_call *c, const char *name, int *ret);
int fl_arg_uint(struct fl_call *c, const char *name, unsigned int *ret);
int fl_arg_ll(struct fl_call *c, const char *name, long long *ret);
int fl_arg_ull(struct fl_call *c, const char *name, unsigned long long *ret);
int fl_arg_size(struct fl_call *c, const char *name, unsigned long long unit, unsigned long long max,
                unsigned long long *ret);
/* name, flag, name, flag, …, NULL: the bits of the options given */
unsigned int fl_flags(struct fl_call *c, ...) G_GNUC_NULL_TERMINATED;
int fl_exclusive(struct fl_call *c, const char *a, const char *b);
/* An option that means nothing without another. */
int fl_needs(struct fl_call *c, const char *option, const char *other);
/* --live, --config, --current, checked against each other, as AFFECT bits */
int fl_affect(struct fl_call *c, unsigned int *ret_flags);
bool fl_affect_given(struct fl_call *c);
int fl_read_file(struct fl_call *c, const char *path, char **ret_text);
/* The contents of the file an option names. */
int fl_arg_file(struct fl_call *c, const char *name, char **ret_text);
int fl_arg_fds(struct fl_call *c, const char *name, int **ret_fds, unsigned int *ret_n);

/* call.c */
int fl_run_all(struct fl_shell *sh, GPtrArray *commands);
int fl_run_one(struct fl_shell *sh, struct fl_args *args);
/* Record what failed; the library's own reason is added below it. Returns -1. */
int fl_fail_(struct fl_call *c, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The reason is taken along before the message's arguments are worked out: asking an object for its name
 * forgets it. */
void fl_keep_reason(struct fl_call *c);
#define fl_fail(c, ...) (fl_keep_reason(c), fl_fail_((c), __VA_ARGS__))
/* Around a call whose failure is said only after others of the library, such as the freeing of an object. */
static inline int fl_kept(struct fl_call *c, int status)
{
    if (status < 0)
        fl_keep_reason(c);
    return status;
}
/* The same where the library had no part in it. */
int fl_wrong(struct fl_call *c, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* What failed, with the library's reason, where the command goes on without it. */
void fl_tell_failed_(struct fl_call *c, virErrorPtr reason, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The reason first: asking a name for the text forgets it. */
#define fl_tell_failed(c, ...)                                                                               \
    do {                                                                                                     \
        virErrorPtr reason_ = virSaveLastError();                                                            \
        fl_tell_failed_((c), reason_, __VA_ARGS__);                                                          \
    } while (0)
/* An error outside or at the end of a command, as lines or as JSON; `reason` is the library's, or NULL. */
void fl_error(struct fl_shell *sh, const char *command, const char *message, virErrorPtr reason);
/* A line on standard error and in the log; what others said in it does nothing to a terminal. */
void fl_complain(struct fl_shell *sh, const char *format, ...) G_GNUC_PRINTF(2, 3);
void fl_complain_as_is(struct fl_shell *sh, const char *text); /* the user's own words */
void fl_log(struct fl_shell *sh, const char *label, const char *text);
enum { FL_DEBUG_ALL, FL_DEBUG_INFO };
void fl_debug(struct fl_shell *sh, int level, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* connection.c */
/* agent.c: whether an agent for polkit could make the failed opening succeed; its process, or -1. */
bool fl_agent_wanted(const struct fl_shell *sh);
pid_t fl_agent_start(void);
void fl_agent_stop(pid_t pid);

/* Who answers when an authentication asks; with -o json the questions stay out of standard output. */
virConnectAuthPtr fl_credentials(const struct fl_shell *sh);
int fl_connect(struct fl_shell *sh);
/* Asks nobody; starts and remembers nothing, where the library can do that. */
virConnectPtr fl_open_to_look(const char *uri, unsigned int flags);
int fl_event_loop(struct fl_shell *sh); /* registered once, before the first opening */
void fl_disconnect(struct fl_shell *sh);
void fl_loop_start(struct fl_shell *sh);
/* A function that only Fairlead's library has; NULL on another library. */
void *fl_extension(const char *name);
bool fl_library_timeouts(void); /* the library reads time limits from the environment */
/* A function of another library of libvirt's, loaded for it; NULL and the error of the call. */
void *fl_library_call(struct fl_call *c, const char *library, const char *name);
/* NULL and the error of the call. */
void *fl_extension_needed(struct fl_call *c, const char *name, const char *what);

/* lookup.c */
enum { FL_BY_ID = 1, FL_BY_UUID = 2, FL_BY_NAME = 4, FL_BY_ANY = 7 };
virDomainPtr fl_domain_by(struct fl_call *c, const char *text, unsigned int by);
virNetworkPtr fl_network_by(struct fl_call *c, const char *text, unsigned int by);
virStoragePoolPtr fl_pool_by(struct fl_call *c, const char *text, unsigned int by);
virStorageVolPtr fl_volume_by(struct fl_call *c, const char *text, const char *pool);
int fl_lookup_objects(struct fl_call *c);
void fl_release_objects(struct fl_call *c);

/* output.c */
void fl_out(struct fl_call *c, const char *format, ...) G_GNUC_PRINTF(2, 3);
void fl_extra(struct fl_call *c, const char *format, ...) G_GNUC_PRINTF(2, 3); /* not with --quiet */
/* A line "Label:   value", or "key": value; the key ends in '#' for numbers, '?' for yes and no. */
void fl_field(struct fl_call *c, int width, const char *label, const char *key, const char *format, ...)
    G_GNUC_PRINTF(5, 6);
/* The end of a plain action: "failed to WHAT 'NAME'", or DONE (a format taking the name) on success. */
int fl_result_(struct fl_call *c, int status, const char *what, const char *name, const char *done)
    G_GNUC_PRINTF(5, 0);
/* The action comes first, and its reason is kept while the name is asked for: arguments have no order. */
#define fl_result(c, action, what, name, done)                                                               \
    ((c)->status = fl_kept((c), (action)), fl_result_((c), (c)->status, (what), (name), (done)))
/* XML of an object: through --xpath and --wrap when the command has them. */
int fl_out_xml(struct fl_call *c, const char *xml);
/* The same, taking and freeing the XML; NULL fails with "failed to get the XML of WHAT". */
int fl_take_xml(struct fl_call *c, char *xml, const char *what);
const char *fl_scale(unsigned long long bytes, double *ret_value);
char *fl_size_text(unsigned long long bytes); /* "1.50 GiB" */
char *fl_timestamp(void);
/* Others' words for a terminal: one line of UTF-8, tabs and no other control characters. */
char *fl_harmless(const char *text);
/* A text without the password of a URI, "//user:password@"; new, NULL for NULL. */
char *fl_without_password(const char *uri);
/* Without the middle of words that no line would show: "nnnn...nnnn". */
char *fl_shortened(const char *text);

/* table.c: columns on a terminal, an array of records in JSON */
struct fl_table;
struct fl_table *fl_table_new(const char *title, const char *key, ...) G_GNUC_NULL_TERMINATED;
void fl_table_add(struct fl_table *t, const char *first, ...) G_GNUC_NULL_TERMINATED;
void fl_table_add_row(struct fl_table *t, const char *const *cells);
void fl_table_print(struct fl_call *c, struct fl_table *t); /* frees it */
void fl_table_free(struct fl_table *t);

/* tree.c: things that name their parents */
typedef const char *(*fl_tree_name)(void *opaque, int i);
void fl_tree_print(struct fl_call *c, int n, fl_tree_name name, fl_tree_name parent, void *opaque);

/* json.c: Jansson, loaded when asked for */
int fl_json_load(void);
void *fl_json_object(void);
void *fl_json_array(void);
void fl_json_append(void *array, void *value);
void fl_json_set(void *object, const char *key, void *value);
void fl_json_set_text(void *object, const char *key, const char *value); /* honours '#' and '?' */
void fl_json_set_int(void *object, const char *key, long long value);
void fl_json_set_bool(void *object, const char *key, bool value);
void fl_json_set_double(void *object, const char *key, double value);
void fl_json_set_ms(void *object, const char *key, double ms); /* to the microsecond */
void *fl_json_string(const char *text);
void fl_json_free(void *value);
char *fl_json_text(void *value);
char *fl_json_line(void *value);        /* the same on one line */
char *fl_json_pretty(const char *text); /* NULL when it is not JSON */
static inline bool fl_json(const struct fl_call *c)
{
    return c->sh->format == FL_FORMAT_JSON;
}
/* The document of this call, made an object on first use. */
void *fl_document(struct fl_call *c);
void fl_document_set(struct fl_call *c, void *value);

/* xml.c: a small tree for reading what the library prints */
struct fl_xml {
    char *name;
    char *text;   /* what follows the last child */
    char *before; /* the parent's text in front of this element */
    char **attrs; /* name, value, …, NULL */
    GPtrArray *children;
    struct fl_xml *parent;
};
struct fl_xml *fl_xml_parse(const char *text);
void fl_xml_free(struct fl_xml *node);
const char *fl_xml_attr(const struct fl_xml *node, const char *name);
/* Follow "devices/disk"; NULL when a step is missing. */
struct fl_xml *fl_xml_get(struct fl_xml *node, const char *path);
char *fl_xml_format(const struct fl_xml *node);                  /* the element as text again */
const char *fl_xml_value(struct fl_xml *node, const char *path); /* "source@file" or "name" */
int fl_xpath(struct fl_call *c, const char *xml, const char *path, bool wrap);

/* A description of a device from its pieces: "<disk type='%s'>" with the value escaped; nothing for NULL. */
void fl_xml_put(GString *s, const char *format, const char *value) G_GNUC_PRINTF(2, 0);

/* edit.c */
int fl_edit_text(struct fl_call *c, const char *text, char **ret_new); /* 1 changed, 0 same, -1 */

/* names.c: numbers the library returns, as words */
const char *fl_domain_state_name(int state);
const char *fl_domain_reason_name(int state, int reason);
const char *fl_vcpu_state_name(int state);
const char *fl_name_of(const char *const *names, size_t n, int value);
#define FL_NAME(table, value) fl_name_of(table, G_N_ELEMENTS(table), value)

/* params.c: typed parameters as text and back */
char *fl_param_text(const virTypedParameter *p);
int fl_param_from_text(struct fl_call *c, virTypedParameterPtr *params, int *n, int *max, const char *name,
                       int type, const char *text);
void fl_params_json(void *object, virTypedParameterPtr params, int n);

/* watch.c: waiting for events, console and jobs, until Ctrl-C */
extern volatile int fl_interrupted;
/* For the whole program: Ctrl-C gives the terminal back as it was and ends it (130 to a login shell). */
void fl_interrupt_init(void);
void fl_terminal_restore(void); /* a signal's handler may call it */
/* Meanwhile the first Ctrl-C only sets fl_interrupted: what is to be tidied up has so many seconds then,
 * before the program ends after all. The second one ends it at once. */
enum { FL_GRACE_WAIT = 2, FL_GRACE_JOB = 10 };
void fl_interrupt_watch(unsigned int grace_seconds);
void fl_interrupt_unwatch(void);
/* A command that was interrupted and has tidied up: the program ends, or the dialogue goes on (-1). */
int fl_interrupt_end(struct fl_call *c);
/* The program ends in so many seconds; 0 takes it back. */
void fl_interrupt_grace(unsigned int seconds);
/* 1 stopped by stop(), 0 time over, -1 interrupted; runs the event loop */
int fl_wait(struct fl_call *c, int timeout_seconds, bool (*stop)(void *opaque), void *opaque);

/* cmd_doctor.c, cmd_targets.c */
int fl_uri_why(struct fl_call *c);
/* On a terminal, when the session's list is empty and the system's would not be. */
void fl_hint_empty_list(struct fl_call *c);

/* console.c */
int fl_console(struct fl_call *c, virDomainPtr dom, const char *device, unsigned int flags);

/* interactive.c, complete.c */
int fl_interactive(struct fl_shell *sh);
/* What the last word could become, all of it and without quotes; nothing that has control characters. */
char **fl_complete(struct fl_shell *sh, const char *line, const char *word);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virConnect, virConnectClose)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetwork, virNetworkFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virStoragePool, virStoragePoolFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virStorageVol, virStorageVolFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virInterface, virInterfaceFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNodeDevice, virNodeDeviceFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virSecret, virSecretFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNWFilter, virNWFilterFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNWFilterBinding, virNWFilterBindingFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomainSnapshot, virDomainSnapshotFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomainCheckpoint, virDomainCheckpointFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virStream, virStreamFree)
