/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GnuTLS alone: both ends show and check a certificate, as a connection to the daemon does. */
#include "bare.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static gnutls_certificate_credentials_t credentials(const char *dir, const char *role)
{
    gnutls_certificate_credentials_t c;
    char ca[512], cert[512], key[512];

    snprintf(ca, sizeof(ca), "%s/cacert.pem", dir);
    snprintf(cert, sizeof(cert), "%s/%scert.pem", dir, role);
    snprintf(key, sizeof(key), "%s/%skey.pem", dir, role);
    if (gnutls_certificate_allocate_credentials(&c) < 0 ||
        gnutls_certificate_set_x509_trust_file(c, ca, GNUTLS_X509_FMT_PEM) < 1 ||
        gnutls_certificate_set_x509_key_file(c, cert, key, GNUTLS_X509_FMT_PEM) < 0) {
        fprintf(stderr, "bench-bare: cannot use the certificates in %s\n", dir);
        exit(1);
    }
    return c;
}

static gnutls_session_t shake(int fd, unsigned int end, gnutls_certificate_credentials_t c)
{
    gnutls_session_t s;
    unsigned int status;
    int rc;

    gnutls_init(&s, end);
    gnutls_set_default_priority(s);
    gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, c);
    if (end == GNUTLS_SERVER)
        gnutls_certificate_server_set_request(s, GNUTLS_CERT_REQUIRE);
    gnutls_transport_set_int(s, fd);
    while ((rc = gnutls_handshake(s)) < 0 && !gnutls_error_is_fatal(rc))
        ;
    if (rc < 0 || gnutls_certificate_verify_peers2(s, &status) < 0 || status != 0) {
        fprintf(stderr, "bench-bare: handshake: %s\n", gnutls_strerror(rc));
        exit(1);
    }
    return s;
}

static ssize_t receive(gnutls_session_t s, void *buf, size_t len)
{
    ssize_t n;

    do
        n = gnutls_record_recv(s, buf, len);
    while (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED);
    return n;
}

int bare_tls_pingpong(size_t n, const char *dir)
{
    double *us = calloc(n + 1, sizeof(*us));
    char request[REQUEST] = { 0 }, reply[REPLY] = { 0 };
    gnutls_session_t s;
    int fds[2];

    if (!us || bare_pair(1, fds) < 0)
        return 2;
    if (fork() == 0) {
        close(fds[0]);
        s = shake(fds[1], GNUTLS_SERVER, credentials(dir, "server"));
        while (receive(s, request, sizeof(request)) == (ssize_t)sizeof(request))
            gnutls_record_send(s, reply, sizeof(reply));
        _exit(0);
    }
    close(fds[1]);
    s = shake(fds[0], GNUTLS_CLIENT, credentials(dir, "client"));
    for (size_t i = 0; i < n; i++) {
        double t = bare_now_us();

        if (gnutls_record_send(s, request, sizeof(request)) < 0 || receive(s, reply, sizeof(reply)) < 0)
            return 1;
        us[i] = bare_now_us() - t;
    }
    gnutls_bye(s, GNUTLS_SHUT_WR);
    close(fds[0]);
    wait(NULL);
    bare_report("pingpong", us, n);
    free(us);
    return 0;
}

/* As a daemon that serves one after the other: accept, shake, one byte, wait for the end. */
static void serve(int listener, gnutls_certificate_credentials_t c)
{
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        char byte = 1;
        gnutls_session_t s;

        if (fd < 0)
            _exit(0);
        s = shake(fd, GNUTLS_SERVER, c);
        gnutls_record_send(s, &byte, 1);
        receive(s, &byte, 1);
        gnutls_deinit(s);
        close(fd);
    }
}

int bare_tls_handshakes(size_t n, const char *dir)
{
    gnutls_certificate_credentials_t client = credentials(dir, "client");
    double *us = calloc(n + 1, sizeof(*us));
    struct sockaddr_in a;
    int listener = bare_listen(&a);
    pid_t server;

    if (!us || n == 0 || listener < 0)
        return 2;
    server = fork();
    if (server == 0)
        serve(listener, credentials(dir, "server"));
    for (size_t i = 0; i < n; i++) {
        double t = bare_now_us();
        int fd = bare_dial(&a);
        gnutls_session_t s = shake(fd, GNUTLS_CLIENT, client);
        char byte;

        receive(s, &byte, 1);
        gnutls_bye(s, GNUTLS_SHUT_WR);
        gnutls_deinit(s);
        close(fd);
        us[i] = bare_now_us() - t;
    }
    kill(server, SIGKILL);
    wait(NULL);
    bare_report("handshake", us, n);
    free(us);
    return 0;
}

/* ---- bytes between memory and a file, a record of the largest size at a time ---- */

#define RECORD 16384

static char record[RECORD];

static void file_end(gnutls_session_t s, int up, const char *file, size_t bytes)
{
    int f = open(file, up ? O_WRONLY | O_CREAT : O_RDONLY, 0600);
    ssize_t n;

    for (size_t left = bytes; left > 0; left -= (size_t)n) {
        n = up ? receive(s, record, RECORD) : read(f, record, left < RECORD ? left : RECORD);
        if (n <= 0 || (up ? write(f, record, (size_t)n) : gnutls_record_send(s, record, (size_t)n)) != n)
            _exit(1);
    }
    if (up)
        gnutls_record_send(s, "", 1);
    _exit(0);
}

static int memory_end(gnutls_session_t s, int up, size_t bytes)
{
    ssize_t n;

    for (size_t left = bytes; left > 0; left -= (size_t)n) {
        n = up ? gnutls_record_send(s, record, left < RECORD ? left : RECORD) : receive(s, record, RECORD);
        if (n <= 0)
            return -1;
    }
    return up && receive(s, record, 1) != 1 ? -1 : 0;
}

int bare_tls_copy(const char *way, size_t bytes, const char *file, const char *dir)
{
    int up = strcmp(way, "up") == 0, fds[2], rc;
    gnutls_session_t s;
    struct stat st;
    double begun;

    if (bare_pair(1, fds) < 0)
        return 2;
    if (fork() == 0) {
        close(fds[0]);
        file_end(shake(fds[1], GNUTLS_SERVER, credentials(dir, "server")), up, file, bytes);
    }
    close(fds[1]);
    s = shake(fds[0], GNUTLS_CLIENT, credentials(dir, "client"));
    begun = bare_now_us();
    rc = memory_end(s, up, bytes);
    if (rc == 0 && (stat(file, &st) < 0 || (size_t)st.st_size < bytes))
        rc = -1;
    printf("{\"what\": \"copy\", \"bytes\": %zu, \"mib_per_s\": %.1f}\n", bytes,
           (double)bytes / 1048576 / ((bare_now_us() - begun) / 1e6));
    close(fds[0]);
    wait(NULL);
    return rc < 0 ? 1 : 0;
}
