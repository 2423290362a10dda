/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent's protocol: a length, a kind, and strings with lengths of their own. */
#include "transport/ssh_agent.h"
#include "transport/ssh_bytes.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"

#define MESSAGE_MAX 262144 /* as OpenSSH's */
#define KEYS_MAX    2048

enum {
    AGENT_FAILURE = 5,
    AGENT_REQUEST_IDENTITIES = 11,
    AGENT_IDENTITIES_ANSWER = 12,
    AGENT_SIGN_REQUEST = 13,
    AGENT_SIGN_RESPONSE = 14
};

static void identity_free(void *opaque)
{
    struct fl_ssh_identity *key = opaque;
    g_free(key->blob);
    g_free(key->comment);
    g_free(key);
}

static char *printable(const unsigned char *text, size_t len)
{
    char *out = g_utf8_make_valid((const char *)text, (gssize)MIN(len, 200));
    for (char *p = out; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    return out;
}

int fl_ssh_agent_parse_identities(const unsigned char *msg, size_t len, GPtrArray **ret_identities)
{
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(identity_free);
    struct fl_ssh_bytes c = { msg, len };
    uint32_t n = 0;

    if (len < 1 || msg[0] != AGENT_IDENTITIES_ANSWER)
        return len == 1 && msg[0] == AGENT_FAILURE ? -EACCES : -EPROTO;
    c.at++;
    c.left--;
    if (!fl_ssh_take_number(&c, &n) || n > KEYS_MAX)
        return -EPROTO;
    for (uint32_t i = 0; i < n; i++) {
        const unsigned char *blob, *comment;
        size_t blob_len, comment_len;
        if (!fl_ssh_take_string(&c, &blob, &blob_len) || !fl_ssh_take_string(&c, &comment, &comment_len))
            return -EPROTO;
        struct fl_ssh_identity *key = g_new0(struct fl_ssh_identity, 1);
        key->blob = g_memdup2(blob, blob_len);
        key->len = blob_len;
        key->comment = printable(comment, comment_len);
        g_ptr_array_add(keys, key);
    }
    *ret_identities = g_steal_pointer(&keys);
    return 0;
}

int fl_ssh_agent_parse_signature(const unsigned char *msg, size_t len, unsigned char **ret_sig,
                                 size_t *ret_len)
{
    struct fl_ssh_bytes c = { msg, len }, inner;
    const unsigned char *all, *kind, *sig;
    size_t all_len, kind_len, sig_len;

    if (len < 1 || msg[0] != AGENT_SIGN_RESPONSE)
        return len == 1 && msg[0] == AGENT_FAILURE ? -EACCES : -EPROTO;
    c.at++;
    c.left--;
    if (!fl_ssh_take_string(&c, &all, &all_len))
        return -EPROTO;
    inner = (struct fl_ssh_bytes){ all, all_len };
    if (!fl_ssh_take_string(&inner, &kind, &kind_len) || !fl_ssh_take_string(&inner, &sig, &sig_len) ||
        sig_len == 0)
        return -EPROTO;
    *ret_sig = g_memdup2(sig, sig_len);
    *ret_len = sig_len;
    return 0;
}

static void put_number(GByteArray *out, size_t n)
{
    uint32_t wire = GUINT32_TO_BE((uint32_t)n);
    g_byte_array_append(out, (const guint8 *)&wire, 4);
}

static void put_string(GByteArray *out, const unsigned char *text, size_t len)
{
    put_number(out, len);
    g_byte_array_append(out, text, (guint)len);
}

/* Never raises SIGPIPE, as write() would. */
static int send_all(int fd, const GByteArray *question, int64_t deadline)
{
    for (size_t done = 0; done < question->len;) {
        ssize_t n = send(fd, question->data + done, question->len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        if (n < 0) {
            int got = fl_fd_wait(fd, POLLOUT, deadline);
            if (got < 0)
                return got;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int fl_ssh_agent_ask(int fd, const GByteArray *question, int64_t deadline, unsigned char **ret_msg,
                     size_t *ret_len)
{
    unsigned char head[4];
    ssize_t n = send_all(fd, question, deadline);
    if (n < 0)
        return (int)n;
    n = fl_fd_read_all(fd, head, sizeof(head), deadline);
    if (n != sizeof(head))
        return n < 0 ? (int)n : -EPROTO;
    uint32_t len = 0;
    fl_ssh_take_number(&(struct fl_ssh_bytes){ head, 4 }, &len);
    if (len == 0 || len > MESSAGE_MAX)
        return -EPROTO;
    g_autofree unsigned char *msg = g_malloc(len);
    n = fl_fd_read_all(fd, msg, len, deadline);
    if (n != (ssize_t)len)
        return n < 0 ? (int)n : -EPROTO;
    *ret_msg = g_steal_pointer(&msg);
    *ret_len = len;
    return 0;
}

int fl_ssh_agent_identities(int fd, int64_t deadline_us, GPtrArray **ret_identities)
{
    g_autoptr(GByteArray) question = g_byte_array_new();
    g_autofree unsigned char *msg = NULL;
    size_t len = 0;
    const guint8 kind = AGENT_REQUEST_IDENTITIES;

    put_number(question, 1);
    g_byte_array_append(question, &kind, 1);
    int rc = fl_ssh_agent_ask(fd, question, deadline_us, &msg, &len);
    return rc < 0 ? rc : fl_ssh_agent_parse_identities(msg, len, ret_identities);
}

int fl_ssh_agent_sign(int fd, const struct fl_ssh_identity *key, const unsigned char *data, size_t len,
                      int64_t deadline_us, unsigned char **ret_sig, size_t *ret_len)
{
    g_autoptr(GByteArray) question = g_byte_array_new();
    g_autofree unsigned char *msg = NULL;
    size_t msg_len = 0;
    const guint8 kind = AGENT_SIGN_REQUEST;

    if (key->len > MESSAGE_MAX || len > MESSAGE_MAX)
        return -EMSGSIZE;
    put_number(question, 1 + 4 + key->len + 4 + len + 4);
    g_byte_array_append(question, &kind, 1);
    put_string(question, key->blob, key->len);
    put_string(question, data, len);
    put_number(question, 0); /* no flags: the kind of signature that the key's name says */
    int rc = fl_ssh_agent_ask(fd, question, deadline_us, &msg, &msg_len);
    return rc < 0 ? rc : fl_ssh_agent_parse_signature(msg, msg_len, ret_sig, ret_len);
}
