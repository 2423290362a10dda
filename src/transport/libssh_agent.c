/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The user's agent, for libssh. libssh talks to an agent by itself and waits for it without an end, so it is
 * given a socket pair instead, whose other end a thread of ours serves: it shows one key at a time, those
 * that may be used only (IdentitiesOnly), and passes requests to sign on to the agent within the deadline.
 */
#define FL_FROM VIR_FROM_LIBSSH
#include "transport/libssh_session.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "base/walk.h"
#include "transport/dial.h"
#include "transport/ssh_agent.h"
#include "transport/ssh_key.h"
#include "transport/ssh_known_hosts.h"

#define REQUEST_MAX 262144

enum {
    AGENT_FAILURE = 5,
    AGENT_REQUEST_IDENTITIES = 11,
    AGENT_IDENTITIES_ANSWER = 12,
    AGENT_SIGN_REQUEST = 13
};

struct relay {
    int agent; /* the real one */
    int here;  /* what libssh asks */
    int64_t deadline_us;
    GPtrArray *keys; /* struct fl_ssh_identity: what is shown */
    int errnum;      /* why the agent did not sign */
    pthread_t thread;
};

static void put_number(GByteArray *out, size_t n)
{
    guint32 wire = GUINT32_TO_BE((guint32)n);
    g_byte_array_append(out, (const guint8 *)&wire, 4);
}

static void put_string(GByteArray *out, const void *text, size_t len)
{
    put_number(out, len);
    g_byte_array_append(out, text, (guint)len);
}

static GByteArray *show_keys(GPtrArray *keys)
{
    GByteArray *out = g_byte_array_new();
    const guint8 kind = AGENT_IDENTITIES_ANSWER;
    guint32 len;
    put_number(out, 0);
    g_byte_array_append(out, &kind, 1);
    put_number(out, keys->len);
    for (guint i = 0; i < keys->len; i++) {
        const struct fl_ssh_identity *key = g_ptr_array_index(keys, i);
        put_string(out, key->blob, key->len);
        put_string(out, key->comment, strlen(key->comment));
    }
    len = GUINT32_TO_BE(out->len - 4);
    memcpy(out->data, &len, 4);
    return out;
}

static GByteArray *framed(const unsigned char *msg, size_t len)
{
    GByteArray *out = g_byte_array_new();
    put_string(out, msg, len);
    return out;
}

/* NULL: the agent is gone. */
static GByteArray *answer(struct relay *r, const unsigned char *msg, size_t len)
{
    static const unsigned char failure = AGENT_FAILURE;
    g_autofree unsigned char *got = NULL;
    size_t n = 0;

    if (msg[0] == AGENT_REQUEST_IDENTITIES)
        return show_keys(r->keys);
    if (msg[0] != AGENT_SIGN_REQUEST)
        return framed(&failure, 1);
    g_autoptr(GByteArray) question = framed(msg, len);
    int rc = fl_ssh_agent_ask(r->agent, question, r->deadline_us, &got, &n);
    if (rc < 0 || got[0] == AGENT_FAILURE)
        g_atomic_int_set(&r->errnum, rc < 0 ? -rc : EACCES);
    if (rc < 0)
        return NULL;
    return framed(got, n);
}

/* Ends when libssh's end or `here` is shut down, or the agent does not answer. */
static void *serve(void *opaque)
{
    struct relay *r = opaque;
    for (;;) {
        unsigned char head[4];
        if (fl_fd_read_all(r->here, head, sizeof(head), FL_NO_DEADLINE) != (ssize_t)sizeof(head))
            break;
        size_t len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        if (len == 0 || len > REQUEST_MAX)
            break;
        g_autofree unsigned char *msg = g_malloc(len);
        if (fl_fd_read_all(r->here, msg, len, r->deadline_us) != (ssize_t)len)
            break;
        g_autoptr(GByteArray) out = answer(r, msg, len);
        if (!out || send(r->here, out->data, out->len, MSG_NOSIGNAL) != (ssize_t)out->len)
            break;
    }
    shutdown(r->here, SHUT_RDWR); /* libssh waits no longer */
    return NULL;
}

/* What came of all the keys that were shown. */
static void note_keys(struct fl_ssh_login *l, const struct relay *r)
{
    int errnum = g_atomic_int_get(&r->errnum);
    for (guint i = 0; i < r->keys->len; i++) {
        const struct fl_ssh_identity *key = g_ptr_array_index(r->keys, i);
        g_autofree char *type = fl_ssh_key_type(key->blob, key->len);
        fl_ssh_login_tried(l, "agent: %s %s: refused", type ? type : "?", key->comment);
    }
    if (errnum)
        fl_ssh_login_tried(l, "agent: it does not sign: %s", g_strerror(errnum));
}

static enum fl_ssh_result offer_keys(struct fl_ssh_login *l, struct fl_libssh *s, struct relay *r)
{
    int rc;
    while ((rc = ssh_userauth_agent(s->session, NULL)) == SSH_AUTH_AGAIN)
        if (fl_libssh_wait(l, s, "agent") < 0)
            return FL_SSH_BROKEN;
    if (rc == SSH_AUTH_SUCCESS)
        return FL_SSH_OK;
    if (rc == SSH_AUTH_PARTIAL)
        return FL_SSH_PARTIAL;
    if (rc == SSH_AUTH_ERROR && !ssh_is_connected(s->session)) {
        fl_ssh_login_lost(l, "agent", ssh_get_error(s->session));
        return FL_SSH_BROKEN;
    }
    if (g_atomic_int_get(&r->errnum) == ETIMEDOUT) {
        fl_ssh_login_late(l, "waiting for the agent to sign");
        return FL_SSH_BROKEN;
    }
    note_keys(l, r);
    return FL_SSH_REFUSED;
}

static enum fl_ssh_result with_relay(struct fl_ssh_login *l, struct fl_libssh *s, int agent, GPtrArray *keys)
{
    struct relay r = { .agent = agent, .deadline_us = l->ep->deadline_us, .keys = keys };
    int sv[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0) {
        fl_ssh_login_tried(l, "agent: %s", g_strerror(errno));
        return FL_SSH_NOTHING;
    }
    r.here = sv[1];
    if (ssh_set_agent_socket(s->session, sv[0]) != SSH_OK ||
        pthread_create(&r.thread, NULL, serve, &r) != 0) {
        fl_ssh_login_tried(l, "agent: libssh takes none");
        close(sv[1]);
        return FL_SSH_NOTHING;
    }
    enum fl_ssh_result rc = offer_keys(l, s, &r);
    shutdown(r.here, SHUT_RDWR);
    pthread_join(r.thread, NULL);
    close(r.here);
    return rc; /* the other end goes with the session */
}

static void leave_out(struct fl_ssh_login *l, GPtrArray *keys)
{
    for (guint i = keys->len; i-- > 0;) {
        const struct fl_ssh_identity *key = g_ptr_array_index(keys, i);
        if (!fl_ssh_key_among(l->settings->identity_files, key->blob, key->len))
            g_ptr_array_remove_index(keys, i);
    }
}

enum fl_ssh_result fl_libssh_agent(struct fl_ssh_login *l, struct fl_libssh *s)
{
    const char *path = l->settings->identity_agent;
    g_autoptr(GPtrArray) keys = NULL;
    int fd = fl_dial_unix(path, l->ep->deadline_us);
    if (fd < 0) {
        g_autofree char *why = fl_dial_explain(path, -fd);
        fl_ssh_login_tried(l, "agent %s: %s", path, why);
        return FL_SSH_NOTHING;
    }
    enum fl_ssh_result result = FL_SSH_NOTHING;
    int rc = fl_ssh_agent_identities(fd, l->ep->deadline_us, &keys);
    guint all = rc < 0 ? 0 : keys->len;
    if (rc == 0 && l->settings->identities_only)
        leave_out(l, keys);
    if (rc < 0)
        fl_ssh_login_tried(l, "agent %s: %s", path, g_strerror(-rc));
    else if (keys->len == 0)
        fl_ssh_login_tried(l, all ? "agent: none of its keys is to be used" : "agent: no keys");
    else
        result = with_relay(l, s, fd, keys);
    close(fd);
    return result;
}
