/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * known_hosts files in OpenSSH's form (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), for the ssh transports in
 * process: plain, hashed and pattern names, @revoked, keys of every type. Lines are only ever added: no file
 * is rewritten.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>

/* The greater verdict counts. */
enum fl_ssh_known {
    FL_SSH_HOST_NEW,     /* nothing is known of this host */
    FL_SSH_HOST_OTHER,   /* only keys of other types are known */
    FL_SSH_HOST_CHANGED, /* another key of this type */
    FL_SSH_HOST_KNOWN,   /* this key, somewhere: then what else there is does not matter */
    FL_SSH_HOST_REVOKED
};

/* One search over several files. Fill names, key and len; file and line say where the verdict comes from. */
struct fl_ssh_known_search {
    const char *name;       /* "host" or "[host]:port", or HostKeyAlias */
    const char *plain_name; /* "host", for keys remembered without the port; may be NULL */
    const unsigned char *key;
    size_t len;
    enum fl_ssh_known verdict;
    char *file;
    int line;
    char *fingerprint; /* of the key remembered there */
    GPtrArray *types;  /* char *: types of key known for this host, each once */
};

void fl_ssh_known_search_init(struct fl_ssh_known_search *s);
void fl_ssh_known_search_fini(struct fl_ssh_known_search *s);
/* Looks through the text of one file: pure. Without a key only the types are collected. */
void fl_ssh_known_hosts_scan(struct fl_ssh_known_search *s, const char *file, const char *text, size_t len);
/* The same for files; those that are absent are skipped, the others that cannot be read get a warning. */
void fl_ssh_known_hosts_look(struct fl_ssh_known_search *s, char *const *files);

/* "SHA256:…" as ssh-keygen -l prints it; of a key as it is sent over the wire. */
char *fl_ssh_key_fingerprint(const unsigned char *key, size_t len);
/* "ssh-ed25519"; NULL when the bytes are no key. */
char *fl_ssh_key_type(const unsigned char *key, size_t len);
/* "host", or "[host]:port" when the port is not 22, in small letters. */
char *fl_ssh_known_name(const char *host, int port);
/* Adds a line to the file (0600, its folder 0700 when it has to be made). -1 with the error set. */
int fl_ssh_known_hosts_add(const char *file, const char *name, bool hashed, const unsigned char *key,
                           size_t len);
