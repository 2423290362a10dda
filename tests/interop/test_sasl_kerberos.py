# SPDX-License-Identifier: LGPL-2.1-or-later
"""SASL by GSSAPI: a Kerberos realm of the test's own, both libraries against both daemons over plain TCP."""
import glob
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

import sasl_lab
from interop_lab import MS_BIND, OUR_VIRSH, environment, libc, need, need_root, python_environment
from sasl_lab import case, log_in


def krb5(folder):
    """A realm of its own: environment for clients, keytab for the daemon; None where there are no programs for it."""
    tools = {t: shutil.which(t, path="/usr/sbin:/usr/bin") for t in ("krb5kdc", "kdb5_util", "kadmin.local", "kinit")}
    if None in tools.values():
        pytest.skip(f"no Kerberos here: {tools}")
    host = socket.gethostname().lower()
    (folder / "kdc").mkdir()
    (folder / "krb5.conf").write_text(
        "[libdefaults]\n default_realm = LAB.TEST\n dns_canonicalize_hostname = false\n rdns = false\n"
        f" default_ccache_name = FILE:{folder}/cc\n[realms]\n LAB.TEST = {{\n  kdc = 127.0.0.1:16688\n }}\n"
        f"[domain_realm]\n {host} = LAB.TEST\n 127.0.0.1 = LAB.TEST\n")
    (folder / "kdc.conf").write_text(
        "[kdcdefaults]\n kdc_ports = 16688\n kdc_tcp_ports = 16688\n[realms]\n LAB.TEST = {\n"
        f"  database_name = {folder}/kdc/db\n  key_stash_file = {folder}/kdc/stash\n  acl_file = {folder}/kdc/acl\n }}\n")
    env = dict(os.environ, KRB5_CONFIG=str(folder / "krb5.conf"), KRB5_KDC_PROFILE=str(folder / "kdc.conf"))
    quiet = dict(env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
    subprocess.run([tools["kdb5_util"], "-r", "LAB.TEST", "create", "-s", "-P", "x"], **quiet)
    for name in (f"libvirt/{host}", "libvirt/127.0.0.1"):
        subprocess.run([tools["kadmin.local"], "-r", "LAB.TEST", "-q", f"addprinc -randkey {name}"], **quiet)
        subprocess.run([tools["kadmin.local"], "-r", "LAB.TEST", "-q", f"ktadd -k {folder}/keytab {name}"], **quiet)
    subprocess.run([tools["kadmin.local"], "-r", "LAB.TEST", "-q", "addprinc -pw pw fred"], **quiet)
    kdc = subprocess.Popen([tools["krb5kdc"], "-n", "-r", "LAB.TEST"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(50):
        if subprocess.run([tools["kinit"], "fred"], input="pw\n", text=True, env=env, capture_output=True, timeout=120).returncode == 0:
            return host, env, kdc
    kdc.kill()
    kdc.wait()
    raise AssertionError("no ticket")


@pytest.fixture
def own_name(folder):
    """This machine's name means this machine, whatever its files say."""
    (folder / "hosts").write_text(f"127.0.0.1 {socket.gethostname().lower()} {socket.gethostname()} localhost\n")
    assert libc.mount(str(folder / "hosts").encode(), b"/etc/hosts", None, MS_BIND, None) == 0
    yield
    libc.umount2(b"/etc/hosts", 2)


# Opens the URI in a thread with tickets of its own, and in one that has to look for them where anybody would.
THREADS = """
import ctypes, libvirt, sys, threading
libvirt.registerErrorHandler(lambda *_: None, None)
gss = ctypes.CDLL("libgssapi_krb5.so.2")
minor = ctypes.c_uint32()

def log_in(cache):
    if cache:
        assert gss.gss_krb5_ccache_name(ctypes.byref(minor), cache.encode(), None) == 0
    try:
        libvirt.open(sys.argv[1]).close()
        print("in")
    except libvirt.libvirtError as e:
        print(e.get_error_code())

for cache in (sys.argv[2], None, sys.argv[2]):
    thread = threading.Thread(target=log_in, args=[cache])
    thread.start()
    thread.join()
"""


def tickets_of_a_thread(uri, cache, ours, env):
    env = dict(env, KRB5CCNAME="FILE:/nonexistent/cc", XDG_CONFIG_HOME="/nonexistent")
    done = subprocess.run(["/usr/bin/python3", "-c", THREADS, uri, f"FILE:{cache}"], text=True, capture_output=True, timeout=120,
                          env=python_environment(True, **env) if ours else environment(False, **env))
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_kerberos(namespace, own_name, start_daemon, folder):
    need_root("a realm listens in the namespace of this test")
    sasl_lab.need_sasl()
    host, env, kdc = krb5(folder)
    krb = {k: env[k] for k in ("KRB5_CONFIG",)}
    try:
        results = {}
        for name, ours, port in (("ours", True, "16615"), ("real", False, "16509")):
            sasl = sasl_lab.sasl_environment(folder / f"sasl-{name}", "gssapi", f"keytab: {folder}/keytab\n")
            daemon = start_daemon(ours=ours, args=["--listen"], conf={"auth_tcp": "sasl", "tcp_port": port},
                                  env={**sasl, **krb, "KRB5_KTNAME": f"FILE:{folder}/keytab"})
            uri = f"test+tcp://{host}:{port}/default"
            for client in (True, False):
                results[name, client] = log_in([case(uri, types=[]), case(uri + "?auth=sasl.GSSAPI", types=[])], client, krb)
                assert tickets_of_a_thread(uri, folder / "cc", client, krb) == ["in", "45", "in"], (name, client)
        for got in results.values():
            assert all(g.get("encrypted") == 1 and g["asked"] == [] for g in got), results
        # a KDC that does not answer, and a service nobody has a ticket for yet
        (folder / "cc").unlink()
        subprocess.run(["kinit", "fred"], input="pw\n", text=True, env=env, capture_output=True, timeout=120, check=True)
        kdc.send_signal(signal.SIGSTOP)
        need(OUR_VIRSH, "our virsh")
        begun = time.monotonic()
        done = subprocess.run([str(OUR_VIRSH), "-c", f"test+tcp://{host}:16615/default?auth=sasl.GSSAPI&connect_timeout=1", "uri"],
                              env=environment(True, **krb), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        took = time.monotonic() - begun
        assert done.returncode == 1 and "auth: " in done.stderr and "the KDC" in done.stderr, done.stderr
        assert took < 15, took  # the library itself goes on asking for much longer
    finally:
        kdc.send_signal(signal.SIGCONT)
        kdc.terminate()
        kdc.wait()


def test_who_has_no_ticket_is_told_the_other_ways(namespace, start_daemon, folder):
    """The library prefers GSSAPI where it is offered, and then cannot begin."""
    sasl_lab.need_sasl()
    if not glob.glob("/usr/lib/*/sasl2/libgssapiv2.so*"):
        pytest.skip("no plug-in for GSSAPI here")
    sasl = sasl_lab.sasl_environment(folder / "sasl", "gssapi digest-md5")
    start_daemon(args=["--listen"], conf={"auth_tcp": "sasl", "tcp_port": "16617"}, env=sasl)
    uri = "test+tcp://127.0.0.1:16617/default"
    refused, let_in = log_in([case(uri), case(uri + "?auth=sasl.DIGEST-MD5")], env={"KRB5CCNAME": f"FILE:{folder}/none"})
    assert refused["code"] == 45, refused
    assert "; get a ticket with kinit, or log in another way with auth=sasl.DIGEST-MD5" in refused["text"], refused
    assert let_in.get("encrypted") == 1, let_in
