/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Searching and extending known_hosts files. */
#define FL_FROM VIR_FROM_REMOTE
#include "transport/ssh_known_hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/util.h"

#define FILE_MAX  (16 << 20)
#define TYPES_MAX 32
#define TYPE_MAX  64 /* letters in the name of a type */
#define HASH_LEN  20 /* SHA-1, as the form of the file has it */

void fl_ssh_known_search_init(struct fl_ssh_known_search *s)
{
    *s = (struct fl_ssh_known_search){ .types = g_ptr_array_new_with_free_func(g_free) };
}

void fl_ssh_known_search_fini(struct fl_ssh_known_search *s)
{
    g_free(s->file);
    g_free(s->fingerprint);
    g_clear_pointer(&s->types, g_ptr_array_unref);
}

char *fl_ssh_key_type(const unsigned char *key, size_t len)
{
    if (len < 4)
        return NULL;
    size_t n = ((size_t)key[0] << 24) | ((size_t)key[1] << 16) | ((size_t)key[2] << 8) | key[3];
    if (n == 0 || n > TYPE_MAX || n > len - 4)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (key[4 + i] <= 0x20 || key[4 + i] >= 0x7f || key[4 + i] == ',')
            return NULL;
    return g_strndup((const char *)key + 4, n);
}

char *fl_ssh_key_fingerprint(const unsigned char *key, size_t len)
{
    guint8 digest[32];
    gsize n = sizeof(digest);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(sum, key, (gssize)len);
    g_checksum_get_digest(sum, digest, &n);
    g_autofree char *text = g_base64_encode(digest, n);
    text[strcspn(text, "=")] = '\0';
    return g_strconcat("SHA256:", text, NULL);
}

char *fl_ssh_known_name(const char *host, int port)
{
    g_autofree char *small = g_ascii_strdown(host, -1);
    return port == 22 ? g_steal_pointer(&small) : g_strdup_printf("[%s]:%d", small, port);
}

/* Shell-like: * and ? only. Iterative, so that no pattern takes long. */
static bool matches(const char *pattern, size_t plen, const char *name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, mark = 0, len = strlen(name);
    while (n < len) {
        if (p < plen && (pattern[p] == '?' || g_ascii_tolower(pattern[p]) == g_ascii_tolower(name[n])) &&
            pattern[p] != '*') {
            p++, n++;
        } else if (p < plen && pattern[p] == '*') {
            star = p++;
            mark = n;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++mark;
        } else {
            return false;
        }
    }
    while (p < plen && pattern[p] == '*')
        p++;
    return p == plen;
}

static bool hash_name(const guint8 *salt, size_t salt_len, const char *name, guint8 digest[HASH_LEN])
{
    gsize n = HASH_LEN;
    g_autoptr(GHmac) mac = g_hmac_new(G_CHECKSUM_SHA1, salt, salt_len);
    g_hmac_update(mac, (const guchar *)name, (gssize)strlen(name));
    g_hmac_get_digest(mac, digest, &n);
    return n == HASH_LEN;
}

/* |1|SALT|HASH */
static bool hashed_matches(const char *field, size_t len, const char *name)
{
    g_autofree char *text = g_strndup(field, len);
    g_auto(GStrv) parts = g_strsplit(text, "|", 5);
    if (g_strv_length(parts) != 4 || strcmp(parts[1], "1") != 0)
        return false;
    gsize salt_len = 0, hash_len = 0;
    guint8 digest[HASH_LEN];
    g_autofree guchar *salt = g_base64_decode(parts[2], &salt_len);
    g_autofree guchar *hash = g_base64_decode(parts[3], &hash_len);
    return hash_len == HASH_LEN && salt_len > 0 && hash_name(salt, salt_len, name, digest) &&
           memcmp(digest, hash, HASH_LEN) == 0;
}

/* The first field: names and patterns with commas between; one that begins with '!' takes the host out. */
static bool field_matches(const char *field, size_t len, const char *name)
{
    bool found = false;
    if (!name)
        return false;
    if (field[0] == '|')
        return hashed_matches(field, len, name);
    for (const char *p = field, *end = field + len; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        size_t n = (size_t)((comma ? comma : end) - p);
        bool not = n > 0 && *p == '!';
        if (n > (size_t) not &&matches(p + not, n - not, name)) {
            if (not )
                return false;
            found = true;
        }
        p += n + 1;
    }
    return found;
}

struct words {
    const char *at, *end;
};

static size_t next_word(struct words *w, const char **ret_word)
{
    while (w->at < w->end && (*w->at == ' ' || *w->at == '\t'))
        w->at++;
    *ret_word = w->at;
    while (w->at < w->end && *w->at != ' ' && *w->at != '\t' && *w->at != '\r')
        w->at++;
    return (size_t)(w->at - *ret_word);
}

static bool is_word(const char *word, size_t len, const char *text)
{
    return strlen(text) == len && memcmp(word, text, len) == 0;
}

static void add_type(struct fl_ssh_known_search *s, const char *type)
{
    for (guint i = 0; i < s->types->len; i++)
        if (strcmp(s->types->pdata[i], type) == 0)
            return;
    if (s->types->len < TYPES_MAX)
        g_ptr_array_add(s->types, g_strdup(type));
}

static void settle(struct fl_ssh_known_search *s, enum fl_ssh_known verdict, const char *file, int line,
                   const guchar *key, gsize len)
{
    if (verdict <= s->verdict)
        return;
    s->verdict = verdict;
    g_free(s->file);
    g_free(s->fingerprint);
    s->file = g_strdup(file);
    s->line = line;
    s->fingerprint = fl_ssh_key_fingerprint(key, len);
}

static void judge(struct fl_ssh_known_search *s, bool revoked, bool by_name, const char *file, int line,
                  const char *base64)
{
    gsize len = 0;
    g_autofree guchar *key = g_base64_decode(base64, &len);
    g_autofree char *type = fl_ssh_key_type(key, len);
    if (!type)
        return;
    if (!revoked && by_name)
        add_type(s, type);
    if (!s->key)
        return;
    bool same = len == s->len && memcmp(key, s->key, len) == 0;
    g_autofree char *wanted = fl_ssh_key_type(s->key, s->len);
    if (revoked) {
        if (same)
            settle(s, FL_SSH_HOST_REVOKED, file, line, key, len);
    } else if (same) {
        settle(s, FL_SSH_HOST_KNOWN, file, line, key, len);
    } else if (by_name) {
        settle(s, g_strcmp0(type, wanted) == 0 ? FL_SSH_HOST_CHANGED : FL_SSH_HOST_OTHER, file, line, key,
               len);
    }
}

static void scan_line(struct fl_ssh_known_search *s, const char *file, int line, struct words w)
{
    const char *names, *type, *base64;
    size_t n = next_word(&w, &names);
    bool revoked = is_word(names, n, "@revoked");
    if (n == 0 || *names == '#' || is_word(names, n, "@cert-authority"))
        return; /* certificates of hosts are not asked for */
    if (revoked && (n = next_word(&w, &names)) == 0)
        return;
    bool by_name = field_matches(names, n, s->name);
    if (!by_name && !field_matches(names, n, s->plain_name))
        return;
    if (next_word(&w, &type) == 0)
        return;
    n = next_word(&w, &base64);
    g_autofree char *key = g_strndup(base64, n);
    judge(s, revoked, by_name, file, line, key);
}

void fl_ssh_known_hosts_scan(struct fl_ssh_known_search *s, const char *file, const char *text, size_t len)
{
    int line = 0;
    for (const char *p = text, *end = text + len; p < end;) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        scan_line(s, file, ++line, (struct words){ p, nl ? nl : end });
        p = nl ? nl + 1 : end;
    }
}

void fl_ssh_known_hosts_look(struct fl_ssh_known_search *s, char *const *files)
{
    for (char *const *f = files; *f; f++) {
        g_autofree char *text = NULL;
        struct stat st;
        size_t len = 0;
        if (stat(*f, &st) < 0 || !S_ISREG(st.st_mode))
            continue;
        if (fl_file_read(*f, FILE_MAX, &text, &len) < 0) {
            fl_warn("known hosts: %s", fl_error_get()->message);
            fl_error_reset();
            continue;
        }
        fl_ssh_known_hosts_scan(s, *f, text, len);
    }
}

static char *hashed_name(const char *name)
{
    guint8 salt[HASH_LEN], digest[HASH_LEN];
    if (getrandom(salt, sizeof(salt), 0) != (ssize_t)sizeof(salt) ||
        !hash_name(salt, sizeof(salt), name, digest))
        return g_strdup(name);
    g_autofree char *a = g_base64_encode(salt, sizeof(salt));
    g_autofree char *b = g_base64_encode(digest, sizeof(digest));
    return g_strdup_printf("|1|%s|%s", a, b);
}

/* A file whose last line has no end gets one first. */
static bool ends_within_a_line(int fd)
{
    char last = '\n';
    off_t size = lseek(fd, 0, SEEK_END);
    return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

int fl_ssh_known_hosts_add(const char *file, const char *name, bool hashed, const unsigned char *key,
                           size_t len)
{
    g_autofree char *folder = g_path_get_dirname(file);
    g_autofree char *type = fl_ssh_key_type(key, len);
    g_autofree char *base64 = g_base64_encode(key, len);
    g_autofree char *host = hashed ? hashed_name(name) : g_strdup(name);

    if (!type)
        return fl_error(VIR_ERR_INTERNAL_ERROR, "the host's key is of no form that can be remembered");
    if (mkdir(folder, 0700) < 0 && errno != EEXIST) /* ~/.ssh, but not what is above it */
        return fl_error_system(errno, "cannot make the folder of %s", file);
    int fd = open(file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return fl_error_system(errno, "cannot add the host's key to %s", file);
    g_autofree char *line =
        g_strdup_printf("%s%s %s %s\n", ends_within_a_line(fd) ? "\n" : "", host, type, base64);
    ssize_t n = write(fd, line, strlen(line)); /* at once: others may add lines, too */
    int rc = n == (ssize_t)strlen(line)
                 ? 0
                 : fl_error_system(n < 0 ? errno : ENOSPC, "cannot add the host's key to %s", file);
    close(fd);
    return rc;
}
