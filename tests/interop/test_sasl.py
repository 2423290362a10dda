# SPDX-License-Identifier: LGPL-2.1-or-later
"""SASL logins: both libraries against both daemons, over TCP, unix sockets and TLS; what the application is asked, what is
refused and with which code, and the security layer under real traffic."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

import sasl_lab
from interop_lab import Daemon, need_root, run
from sasl_lab import AUTHNAME, PASSPHRASE, REALM, USERNAME, case, log_in
from wire import Wire

SASL = {"auth_unix_rw": "sasl", "auth_unix_ro": "sasl", "auth_tcp": "sasl", "unix_sock_rw_perms": "0777"}


def make(ours, **kwargs):
    path = pathlib.Path(tempfile.mkdtemp(prefix="fl-"))
    path.chmod(0o755)
    env = sasl_lab.sasl_environment(path / "sasl")
    daemon = Daemon(path / "d", ours=ours, args=["--listen"], env=env, **kwargs)
    return path, daemon


def serve(ours, **kwargs):
    sasl_lab.need_sasl()
    path, daemon = make(ours, **kwargs)
    yield daemon
    alive = daemon.alive()
    daemon.stop()
    log = daemon.log()
    shutil.rmtree(path, ignore_errors=True)
    assert alive and "Sanitizer" not in log, log


@pytest.fixture(scope="module")
def our_sasl(namespace):
    yield from serve(True, conf={**SASL, "tcp_port": "16611"})


@pytest.fixture(scope="module")
def real_sasl(namespace):
    need_root("the incumbent's system daemon gives folders to other users")
    yield from serve(False, conf=SASL)


@pytest.fixture(params=["our_sasl", "real_sasl"])
def either(request):
    return request.getfixturevalue(request.param)


def with_auth(uri, auth):
    return uri + ("&" if "?" in uri else "?") + "auth=" + auth


NAME_THEN_PASSWORD = [[[AUTHNAME, "Please enter your authentication name", "Authentication Name", None],
                       [PASSPHRASE, "Please enter your password", "Password", None]]]


# ---- mechanisms

@pytest.mark.parametrize("ours", [True, False], ids=["our client", "real client"])
def test_every_mechanism(either, ours):
    tcp, unix = either.tcp_uri(), either.uri()
    uris = [tcp, with_auth(tcp, "sasl"), with_auth(tcp, "sasl.DIGEST-MD5"), unix, with_auth(unix, "sasl.SCRAM-SHA-256"),
            with_auth(unix, "sasl.DIGEST-MD5"), with_auth(unix, "sasl.PLAIN")]
    for uri, got in zip(uris, log_in([case(uri) for uri in uris], ours)):
        assert got["asked"] == NAME_THEN_PASSWORD, (uri, got)
        assert got["secure"] == 1 and got["xml"] > 1000
        # Nothing is encrypted on a unix socket; the incumbent's library says so all the same.
        assert got["encrypted"] == (1 if not ours or "tcp" in uri else 0), uri


# What goes wrong: (case, what it is called). Codes and domains are compared with the incumbent's.
FAULTS = [
    ("wrong password", dict(password="bad"), "tcp"),
    ("wrong user", dict(user="nobody"), "tcp"),
    ("wrong password over unix", dict(password="bad"), "unix"),
    ("nobody is asked", dict(types=None), "tcp"),
    ("no types", dict(types=[]), "tcp"),
    ("only the name can be asked", dict(types=[AUTHNAME]), "tcp"),
    ("the person gives up", dict(rc=-1), "tcp"),
    ("auth=none", dict(auth="none"), "tcp"),
    ("auth=polkit", dict(auth="polkit"), "tcp"),
    ("auth= and nothing", dict(auth=""), "tcp"),
    ("a mechanism that does not encrypt", dict(auth="sasl.SCRAM-SHA-256"), "tcp"),
    ("a mechanism that shows the password", dict(auth="sasl.PLAIN"), "tcp"),
    ("an unknown mechanism", dict(auth="sasl.FOO"), "unix"),
    ("anonymous", dict(auth="sasl.ANONYMOUS"), "unix"),
]


def fault_cases(daemon):
    cases = []
    for _, fault, where in FAULTS:
        fault = dict(fault)
        uri = daemon.tcp_uri() if where == "tcp" else daemon.uri()
        auth = fault.pop("auth", None)
        cases.append(case(uri if auth is None else with_auth(uri, auth), **fault))
    return cases


def test_codes_of_what_is_refused(our_sasl, real_sasl):
    want = log_in(fault_cases(real_sasl), ours=False)
    for daemon in (our_sasl, real_sasl):
        for ours in (True, False):
            got = log_in(fault_cases(daemon), ours)
            for (name, _, _), w, g in zip(FAULTS, want, got):
                assert (g.get("code"), g.get("domain")) == (w["code"], w["domain"]), (name, ours, daemon.ours, g)
                assert g["asked"] == w["asked"], (name, ours, daemon.ours)


def test_errors_say_what_to_do(our_sasl):
    tcp = our_sasl.tcp_uri()
    scram, foo, nobody, bad = log_in([case(with_auth(tcp, "sasl.SCRAM-SHA-256")), case(with_auth(our_sasl.uri(), "sasl.FOO")),
                                      case(tcp, types=None), case(tcp, password="bad")])
    assert "auth: " in scram["text"] and "DIGEST-MD5" in scram["text"] and "plain TCP" in scram["text"]
    assert "no plug-in for FOO" in foo["text"] and "PLAIN" in foo["text"] and "unix socket" in foo["text"]
    assert "auth.conf" in nobody["text"] and "virConnectOpenAuth" in nobody["text"] and "DIGEST-MD5" in nobody["text"]
    assert "auth: " in bad["text"] and "refuses" in bad["text"] and "secret" not in bad["text"]


def test_a_command_leads_to_any_daemon(our_sasl, real_sasl, folder):
    """With a layer where the far end is TCP, without one on a unix socket; a password is shown when the URI says so."""
    if not shutil.which("socat"):
        pytest.skip("no socat")
    cases = []
    for i, daemon in enumerate((our_sasl, real_sasl)):
        for name, address in (("tcp", "TCP:{}:{}".format(*daemon.tcp)), ("unix", f"UNIX:{daemon.sock}")):
            command = folder / f"{name}{i}"
            command.write_text(f"#!/bin/sh\nexec socat - {address}\n")
            command.chmod(0o755)
            uri = f"test+ext:///default?command={command}"
            cases += [(name, case(uri)), (name, case(with_auth(uri, "sasl.PLAIN")))]
    for (name, how), got in zip(cases, log_in([c for _, c in cases])):
        if name == "tcp" and "PLAIN" in how["uri"]:
            assert got["code"] == 45 and "DIGEST-MD5" in got["text"]
        else:
            assert got.get("encrypted") == (1 if name == "tcp" else 0), (how, got)


# ---- who answers

def test_the_application_is_asked_as_by_the_incumbent(our_sasl):
    kinds = [[AUTHNAME, PASSPHRASE], [USERNAME, AUTHNAME, PASSPHRASE], [PASSPHRASE, AUTHNAME, USERNAME, REALM],
             [USERNAME, AUTHNAME, PASSPHRASE, 6, 7, REALM]]
    uris = [our_sasl.tcp_uri(), with_auth(our_sasl.uri(), "sasl.PLAIN"), with_auth(our_sasl.uri(), "sasl.SCRAM-SHA-256")]
    cases = [case(uri, types=types) for uri in uris for types in kinds]
    ours, real = log_in(cases, True), log_in(cases, False)
    assert [g["asked"] for g in ours] == [g["asked"] for g in real]
    assert all("uri" in g for g in ours + real)


def auth_conf(path, user, password, host="default", mode=0o600, more=""):
    path.write_text(f"[credentials-x]\nauthname={user}\npassword={password}\n{more}[auth-libvirt-{host}]\ncredentials=x\n")
    path.chmod(mode)
    return path


def test_auth_conf_in_the_incumbents_order(our_sasl, folder):
    good, bad = auth_conf(folder / "good", "fred", "secret", our_sasl.tcp[0]), auth_conf(folder / "bad", "fred", "wrong")
    user = folder / "config" / "libvirt"
    user.mkdir(parents=True)
    uri = our_sasl.tcp_uri()

    def both(uri, **env):
        env["XDG_CONFIG_HOME"] = folder / "config"
        results = [log_in([case(uri)], ours, env)[0] for ours in (True, False)]
        assert results[0]["asked"] == results[1]["asked"], results
        assert results[0].get("code") == results[1].get("code"), results
        return results[0]

    assert both(uri)["asked"] == NAME_THEN_PASSWORD
    auth_conf(user / "auth.conf", "fred", "secret")
    assert both(uri)["asked"] == []  # the user's file
    assert both(f"{uri}?authfile={bad}")["code"] == 45  # authfile= comes before it
    assert both(f"{uri}?authfile={bad}", LIBVIRT_AUTH_FILE=good).get("code") is None  # the variable before both
    (user / "auth.conf").unlink()
    unix = auth_conf(folder / "unix", "joe", "other", "localhost")
    assert both(f"{our_sasl.uri()}&authfile={unix}")["asked"] == []
    unix.write_text("[auth-libvirt-localhost]\ncredentials=gone\n")
    assert both(f"{our_sasl.uri()}&authfile={unix}")["code"] == 33  # VIR_ERR_CONF_SYNTAX
    unix.write_text("[auth-libvirt-localhost]\n")
    assert both(f"{our_sasl.uri()}&authfile={unix}")["code"] == 33


def test_auth_conf_serves_a_program_that_asks_nobody(our_sasl, folder):
    """The incumbent needs a callback for each kind all the same."""
    path = auth_conf(folder / "auth", "fred", "secret")
    got = log_in([case(f"{our_sasl.tcp_uri()}?authfile={path}", types=None),
                  case(f"{our_sasl.tcp_uri()}?authfile={folder}/absent", types=None)])
    assert got[0]["encrypted"] == 1
    assert "absent" in got[1]["text"] and "authfile=" in got[1]["text"]


def test_the_user_of_the_uri_is_not_asked_for(our_sasl):
    uri = our_sasl.tcp_uri().replace("tcp://", "tcp://joe@")
    good, bad = log_in([case(uri, user="fred", password="other"), case(uri, user="fred", password="secret")])
    assert good["asked"] == [NAME_THEN_PASSWORD[0][1:]] and good["encrypted"] == 1
    assert bad["code"] == 45


def test_the_shell_asks_as_the_incumbents(our_sasl, our_virsh, real_virsh, folder):
    for text, status in (("fred\nsecret\n", 0), ("fred\nbad\n", 1), ("fred\n", 1)):
        (folder / "typed").write_text(text)
        done = []
        for virsh in (our_virsh, real_virsh):
            with open(folder / "typed") as typed:
                done.append(virsh("uri", uri=our_sasl.tcp_uri(), stdin=typed, env=sasl_lab.LEAKS))
        assert [d.returncode for d in done] == [status] * 2, done
        assert done[0].stdout == done[1].stdout, done


# ---- traffic

def test_much_goes_through_the_layer(our_sasl, real_sasl, our_virsh, real_virsh, folder):
    path = auth_conf(folder / "auth", "fred", "secret")
    text = "x" * 30000
    for daemon in (our_sasl, real_sasl):
        for virsh in (our_virsh, real_virsh):
            uri = daemon.tcp_uri() + f"?authfile={path}"
            out = virsh.out(f"desc test {text}; desc test; " * 3 + "capabilities; capabilities; list --all; echo end", uri=uri, env=sasl_lab.LEAKS)
            assert out.count(text) == 3 and out.count("</capabilities>") == 2 and out.strip().endswith("end")


def test_a_stream_goes_through_the_layer(our_sasl, real_virsh, our_virsh, folder):
    path = auth_conf(folder / "auth", "fred", "secret")
    data = os.urandom(3 << 20)
    (folder / "in").write_bytes(data)
    for i, virsh in enumerate((our_virsh, real_virsh)):
        uri = our_sasl.tcp_uri() + f"?authfile={path}"
        virsh.out(f"vol-create-as default-pool v{i} 3M; vol-upload v{i} {folder}/in --pool default-pool; "
                  f"vol-download v{i} {folder}/out{i} --pool default-pool", uri=uri, env=sasl_lab.LEAKS)
        assert (folder / f"out{i}").read_bytes() == data


def test_many_threads_share_an_encrypted_connection(our_sasl):
    code = """
import libvirt, sys, threading
def answer(creds, data):
    for c in creds: c[4] = "fred" if c[0] == libvirt.VIR_CRED_AUTHNAME else "secret"
    return 0
libvirt.virEventRegisterDefaultImpl()
conn = libvirt.openAuth(sys.argv[1], [[libvirt.VIR_CRED_AUTHNAME, libvirt.VIR_CRED_PASSPHRASE], answer, None], 0)
def work():
    for i in range(100):
        assert len(conn.getCapabilities()) > 1000 and conn.lookupByName("test").name() == "test"
threads = [threading.Thread(target=work) for _ in range(6)]
[t.start() for t in threads]; [t.join() for t in threads]
conn.close(); print("done")
"""
    done = subprocess.run(["/usr/bin/python3", "-c", code, our_sasl.tcp_uri()], text=True, capture_output=True, timeout=120,
                          env=sasl_lab.python_environment())
    assert done.stdout == "done\n", done.stderr


def test_what_follows_the_login_is_not_readable(our_sasl, folder):
    """A listener on the way sees no text of either side."""
    seen = relay(our_sasl.tcp, lambda uri: log_in([case(uri)]))
    assert b"DIGEST-MD5" in seen.replace(b"\0", b"") and b"test:///default" not in seen and b"<capabilities" not in seen


def relay(target, client):
    """The bytes of one connection through a relay that keeps them."""
    import socket
    import threading
    seen, listener = [], socket.create_server(("127.0.0.1", 0))

    def copy(a, b):
        while data := a.recv(65536):
            seen.append(data)
            b.sendall(data)
        try:
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def go():
        a = listener.accept()[0]
        b = socket.create_connection(target)
        t = threading.Thread(target=copy, args=(b, a))
        t.start()
        copy(a, b)
        t.join()
        a.close(), b.close()

    thread = threading.Thread(target=go)
    thread.start()
    (got,) = client(f"test+tcp://127.0.0.1:{listener.getsockname()[1]}/default")
    thread.join(10)
    listener.close()
    assert "uri" in got, got
    return b"".join(seen)


# ---- settings of the daemon

def test_who_is_let_in(start_daemon, folder):
    sasl_lab.need_sasl()
    env = sasl_lab.sasl_environment(folder / "sasl")
    d = start_daemon(args=["--listen", "-v"], env=env, conf={**SASL, "tcp_port": "16612", "sasl_allowed_username_list": ["jo*", "x"]})
    joe, fred = log_in([case(d.tcp_uri(), "joe", "other"), case(d.tcp_uri())])
    assert joe["encrypted"] == 1
    assert fred["code"] == 45 and "fred" in d.log() and "sasl_allowed_username_list" in d.log()
    assert "secret" not in d.log()


def test_more_strength_than_there_is(start_daemon, folder):
    """DIGEST-MD5 encrypts with 128 at most."""
    sasl_lab.need_sasl()
    env = sasl_lab.sasl_environment(folder / "sasl")
    d = start_daemon(args=["--listen"], env=env, conf={**SASL, "tcp_port": "16613", "tcp_min_ssf": 256})
    tcp, unix = log_in([case(d.tcp_uri()), case(d.uri())])
    assert tcp["code"] == 45 and "mechanism" in tcp["text"]
    assert "uri" in unix


def test_without_a_mechanism(start_daemon, folder):
    sasl_lab.need_sasl()
    env = sasl_lab.sasl_environment(folder / "sasl", mechanisms="nonesuch")
    d = start_daemon(args=["--listen"], env=env, conf={**SASL, "tcp_port": "16614"})
    (got,) = log_in([case(d.tcp_uri())])
    assert got["code"] == 45 and "mech_list" in got["text"]


# ---- weight

def test_no_library_of_it_is_loaded_without_it(daemon, our_virsh):
    def loads(text):
        return "libsasl2" in text or "/sasl.so" in text or "libgio" in text

    assert not loads(pathlib.Path(f"/proc/{daemon.proc.pid}/maps").read_text())
    if not shutil.which("strace"):
        pytest.skip("no strace")
    done = run(["strace", "-f", "-e", "trace=openat", str(our_virsh.path), "-c", daemon.uri(), "uri"])
    assert "libvirt.so" in done.stderr and not loads(done.stderr) and Wire(daemon.sock).open()
