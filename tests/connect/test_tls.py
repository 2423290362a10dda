# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tls transport as a client: every certificate and every parameter that decides, beside the incumbent's client; and
servers that do not do as they should."""
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

import pki_lab
from pki_lab import pki  # noqa: F401
from tls_lab import daemons, interop, open_all, open_one, private, serve, tls_handler, uri  # noqa: F401
from transport_lab import write_script

AUTH_FAILED, SYSTEM_ERROR, INVALID_ARG = 45, 38, 8
RPC = 7
ENOENT, EIO, ETIMEDOUT, ECONNREFUSED = 2, 5, 110, 111


def same_as_incumbent(address, code, *words, errno=None, **how):
    """Both clients end with the same code and domain; ours says these words. Returns our text."""
    ours, real = open_one(address, True, **how), open_one(address, False, **how)
    assert (ours["code"], ours["domain"]) == (code, RPC), ours
    assert (real["code"], real["domain"]) == (code, RPC), real
    if errno is not None:
        assert ours["errno"] == real["errno"] == errno, (ours, real)
    for word in words:
        assert word in ours["text"], ours["text"]
    return ours["text"]


def accept(session):
    """Lets the client in and then hangs up."""
    session.sendall(b"\1")


# ---- the server's certificate

SERVERS = {
    "wrong name": (dict(cn="other", names=("a.example", "b.example"), ips=("10.1.2.3",)),
                   ["it is for another name", "wanted name 'localhost'", "DNS a.example, DNS b.example, IP 10.1.2.3, CN other"]),
    "name only in another case of SAN": (dict(cn="localhost", names=("a.example",), ips=()), ["it is for another name"]),
    "expired": (dict(dates=pki_lab.EXPIRED), ["it has expired", "2020-01-01 00:00:00 to 2021-01-01 00:00:00 UTC"]),
    "not yet": (dict(dates=pki_lab.NOT_YET), ["it is not valid yet", "2090-01-01", "clocks"]),
    "other authority": (dict(ca="other"), ["no authority we trust has signed it", "cacert.pem"]),
    "all at once": (dict(ca="other", dates=pki_lab.EXPIRED, cn="x", names=("x",), ips=()),
                    ["no authority", "it has expired", "it is for another name"]),
}


@pytest.fixture(scope="module")
def other_ca(pki):
    return pki.authority("Other CA")


@pytest.mark.parametrize("fault", SERVERS)
def test_a_server_that_does_not_pass(pki, serve, other_ca, fault):
    how, words = SERVERS[fault]
    how = {**how, **({"ca": other_ca} if "ca" in how else {})}
    server = serve(tls_handler(pki.server(**how), accept))
    folder = pki.client_folder()
    text = same_as_incumbent(uri(port=server.port, pkipath=folder), AUTH_FAILED, "tls: ", "localhost", str(server.port),
                             *words)
    assert text.count("\n") == 0
    # no_verify lets both go on, to a server that hangs up: no fault of TLS
    after = open_one(uri(port=server.port, pkipath=folder, no_verify=1), True)
    assert after["code"] != AUTH_FAILED and "tls:" not in after["text"], after


@pytest.mark.parametrize("names,host,passes", [
    (dict(names=("localhost",), ips=()), "localhost", True),
    (dict(names=("*.example",), ips=()), "localhost", False),
    (dict(cn="x", names=(), ips=("127.0.0.1",)), "127.0.0.1", True),
    (dict(cn="x", names=("127.0.0.1",), ips=("127.0.0.2",)), "127.0.0.1", False),
    (dict(cn="localhost", names=(), ips=()), "localhost", True),
    (dict(cn="LOCALHOST", names=(), ips=()), "localhost", True),
])
def test_names(pki, serve, names, host, passes):
    seen = []
    server = serve(tls_handler(pki.server(**names), lambda s: (seen.append(1), accept(s))))
    address = uri(host, server.port, pkipath=pki.client_folder())
    ours, real = open_one(address, True), open_one(address, False)
    assert (ours["code"] != AUTH_FAILED) == (real["code"] != AUTH_FAILED) == passes, (ours, real)


@pytest.mark.parametrize("ips,passes", [(("::1",), True), (("::2", "127.0.0.1"), False)])
def test_an_ipv6_address(pki, serve, ips, passes):
    server = serve(tls_handler(pki.server(cn="x", names=(), ips=ips), accept), "::1")
    address = uri("[::1]", server.port, pkipath=pki.client_folder())
    results = [open_one(address, ours) for ours in (True, False)]
    assert [r["code"] != AUTH_FAILED for r in results] == [passes, passes], results
    assert passes or "IP ::2, IP 127.0.0.1" in results[0]["text"]


def test_authorities_between(pki, daemons):
    """Server and client send the certificates between theirs and the root, the only one that is trusted."""
    between = pki.authority("Between", ca=pki.ca)
    server, client = pki.server(ca=between), pki.client(cn="far", ca=between)
    folder = pki.client_folder(pki.chain(client, between))
    whole = daemons.start(True, pki.server_conf(pki.chain(server, between), port=17110)).tcp[1]
    assert open_one(uri(port=whole, pkipath=folder))["ok"]
    assert open_one(uri(port=whole, pkipath=folder, no_sanity=1), False)["ok"]  # its own check looks at the first only
    short = pki.client_folder(client)
    same_as_incumbent(uri(port=whole, pkipath=short), SYSTEM_ERROR, "no authority we trust has signed it", errno=-1)


def test_a_revoked_server(pki, serve):
    cert = pki.server()
    server = serve(tls_handler(cert, accept))
    folder = pki.client_folder(crl=pki.crl(cert))
    same_as_incumbent(uri(port=server.port, pkipath=folder), AUTH_FAILED, "it is revoked", "cacrl.pem")
    folder = pki.client_folder(crl=pki.crl(pki.server()))
    assert open_one(uri(port=server.port, pkipath=folder))["code"] != AUTH_FAILED


# ---- our own files

@pytest.mark.parametrize("without,code,errno,word", [
    (["cacert.pem"], SYSTEM_ERROR, ENOENT, "cacert.pem"),
    (["clientkey.pem"], SYSTEM_ERROR, None, "clientkey.pem"),
    (["clientcert.pem"], SYSTEM_ERROR, None, "clientcert.pem"),
    (["cacert.pem", "clientcert.pem", "clientkey.pem"], SYSTEM_ERROR, ENOENT, "cacert.pem"),
])
def test_a_missing_file(pki, shared, without, code, errno, word):
    folder = pki.client_folder(without=without)
    same_as_incumbent(uri(port=shared["ours"], pkipath=folder), code, "tls: ", f"{folder}/{word}", "missing" if not errno else
                      "No such file", errno=errno)


@pytest.mark.parametrize("broken,words", [
    ("cacert.pem", ["holds no certificate in PEM format"]),
    ("clientcert.pem", ["holds no certificate in PEM format"]),
    ("clientkey.pem", ["cannot be used"]),
    ("cacrl.pem", ["is no list of revoked certificates"]),
])
def test_a_broken_file(pki, shared, broken, words):
    folder = pki.client_folder(crl=pki.crl())
    (folder / broken).write_text("garbage\n")
    same_as_incumbent(uri(port=shared["ours"], pkipath=folder), SYSTEM_ERROR, "tls: ", str(folder / broken), *words, errno=-1)


@pytest.mark.parametrize("how,words", [
    (dict(dates=pki_lab.EXPIRED), ["has expired", "2021-01-01", "put a new one"]),
    (dict(dates=pki_lab.NOT_YET), ["is not valid yet", "clock"]),
    (dict(ca="other"), ["does not pass against the authority", "no authority we trust"]),
])
def test_our_own_certificate_is_checked(pki, shared, other_ca, how, words):
    client = pki.client(**{**how, **({"ca": other_ca} if "ca" in how else {})})
    folder = pki.client_folder(client)
    same_as_incumbent(uri(port=shared["ours"], pkipath=folder), SYSTEM_ERROR, str(folder / "clientcert.pem"), *words, errno=-1)
    # ... and shown unchecked where that is asked for: then the server refuses it
    same_as_incumbent(uri(port=shared["ours"], pkipath=folder, no_sanity=1), SYSTEM_ERROR, "does not accept our certificate",
                      errno=EIO)


def test_an_authority_is_no_client(pki, shared):
    folder = pki.client_folder(pki.ca)
    same_as_incumbent(uri(port=shared["ours"], pkipath=folder), SYSTEM_ERROR, "is an authority's", errno=-1)
    folder = pki.client_folder(ca=pki.good_client)
    same_as_incumbent(uri(port=shared["ours"], pkipath=folder), SYSTEM_ERROR, "is not an authority's", errno=-1)


def test_a_certificate_for_another_purpose(pki, shared, serve):
    """A warning, or a refusal where the extension is critical; both ours and the server's."""
    folder = pki.client_folder(pki.client(purpose="tls_www_server"))
    ours, real = (open_one(uri(port=shared["ours"], pkipath=folder), c) for c in (True, False))
    assert ours["ok"] and real["ok"], (ours, real)
    folder = pki.client_folder(pki.critical("serverAuth"))
    same_as_incumbent(uri(port=shared["ours"], pkipath=folder), SYSTEM_ERROR, "no clientAuth", errno=-1)
    same_as_incumbent(uri(port=shared["ours"], pkipath=folder, no_sanity=1), SYSTEM_ERROR, "does not accept our certificate",
                      errno=EIO)
    server = serve(tls_handler(pki.critical("clientAuth"), accept))
    same_as_incumbent(uri(port=server.port, pkipath=pki.client_folder()), AUTH_FAILED, "no serverAuth")
    server = serve(tls_handler(pki.server(purpose="tls_www_client"), accept))
    assert open_one(uri(port=server.port, pkipath=pki.client_folder()))["code"] != AUTH_FAILED


def test_the_key_of_another_certificate(pki, shared):
    folder = pki.client_folder()
    shutil.copy(pki.ca.key, folder / "clientkey.pem")
    same_as_incumbent(uri(port=shared["ours"], pkipath=folder), SYSTEM_ERROR, "the key is not this certificate's", errno=-1)


def test_a_warning_before_it_expires(pki, shared):
    folder = pki.client_folder(pki.client(dates=pki_lab.SOON))
    result = open_one(uri(port=shared["ours"], pkipath=folder), LIBVIRT_LOG_OUTPUTS="3:stderr")
    assert result["ok"] and "clientcert.pem' (O=Lab,CN=client1) expires on 20" in result["stderr"]
    result = open_one(uri(port=shared["ours"], pkipath=pki.client_folder()), LIBVIRT_LOG_OUTPUTS="3:stderr")
    assert result["ok"] and "expires" not in result["stderr"]


# ---- where files are looked for

IN_ETC = """
mount -t tmpfs -o mode=755 tmpfs /mnt && cp -a /etc/. /mnt && rm -rf /mnt/pki && cp -a "$0" /mnt/pki &&
mount --bind /mnt /etc && exec "$@"
"""


def with_etc_pki(folder, *argv):
    return ["unshare", "-m", "sh", "-c", IN_ETC, str(folder), *argv]


CERTS = ["clientcert.pem", "clientkey.pem"]


@pytest.mark.parametrize("system,user,ok,word", [
    (["CA/cacert.pem", "libvirt/clientcert.pem", "libvirt/private/clientkey.pem"], [], True, ""),
    ([], ["cacert.pem", *CERTS], True, ""),
    (["CA/cacert.pem"], CERTS, True, ""),
    (["libvirt/clientcert.pem", "libvirt/private/clientkey.pem"], ["cacert.pem"], True, ""),
    (["CA/cacert.pem", "libvirt/clientcert.pem", "libvirt/private/clientkey.pem"], ["clientcert.pem"], True, ""),
    (["CA/cacert.pem"], [], False, "/etc/pki/libvirt/clientcert.pem' is missing"),
    (["CA/cacert.pem"], ["clientcert.pem"], False, "/etc/pki/libvirt/clientcert.pem' is missing"),
    ([], CERTS, False, "/etc/pki/CA/cacert.pem"),
    ([], [], False, "/etc/pki/CA/cacert.pem"),
])
def test_user_files_before_the_machine_s(pki, shared, tmp_path_factory, system, user, ok, word):
    interop.need_root("another /etc")
    good = pki.client_folder()
    etc, home = pki.fresh("etc"), pki.fresh("home")
    for base, names in ((etc, system), (home / ".pki" / "libvirt", user)):
        base.mkdir(parents=True)
        for name in names:
            (base / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(good / name.rsplit("/", 1)[-1], base / name)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    address = uri(port=shared["ours"])
    results = [open_one(address, ours, prefix=with_etc_pki(etc, *nobody), HOME=home) for ours in (True, False)]
    assert [bool(r["ok"]) for r in results] == [ok, ok], results
    assert results[0]["code"] == results[1]["code"] and results[0]["errno"] == results[1]["errno"], results
    assert word in results[0]["text"]


def test_a_key_out_of_reach(pki, shared):
    """In a folder closed to this user: as if it were missing, and told so."""
    interop.need_root("another /etc")
    etc = pki.fresh("etc")
    good = pki.client_folder()
    for name in ("CA/cacert.pem", "libvirt/clientcert.pem", "libvirt/private/clientkey.pem"):
        (etc / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(good / name.rsplit("/", 1)[-1], etc / name)
    (etc / "libvirt" / "private").chmod(0o700)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    results = [open_one(uri(port=shared["ours"]), ours, prefix=with_etc_pki(etc, *nobody), HOME="/home/x") for ours in (True, False)]
    assert [(r["code"], r["errno"]) for r in results] == [(SYSTEM_ERROR, EIO)] * 2, results
    assert "clientkey.pem' is in a folder closed to this user" in results[0]["text"]
    assert "or into /home/x/.pki/libvirt" in results[0]["text"]


def test_root_uses_the_machine_s_files_only(pki, shared):
    interop.need_root("another /etc")
    home, etc = pki.fresh("home"), pki.fresh("etc")
    pki.client_folder(path=home / ".pki" / "libvirt")
    etc.mkdir()
    for ours in (True, False):
        result = open_one(uri(port=shared["ours"]), ours, prefix=with_etc_pki(etc), HOME=home)
        assert (result["code"], result["errno"]) == (SYSTEM_ERROR, ENOENT)


# ---- parameters

@pytest.fixture(scope="module")
def shared(pki, daemons):
    """Ports: our daemon and the incumbent's, with the same certificates."""
    found = {"ours": daemons.start(True, pki.server_conf(port=17101)).tcp[1]}
    try:
        found["real"] = daemons.start(False, pki.server_conf(port=17102)).tcp[1]
    except pytest.skip.Exception:
        pass
    return found


def test_tls_priority(pki, shared):
    folder = pki.client_folder()
    with_priority = lambda p, port=shared["ours"]: uri(port=port, pkipath=folder, tls_priority=p)
    assert open_one(with_priority("NORMAL:-VERS-ALL:%2bVERS-TLS1.2"))["ok"]
    same_as_incumbent(with_priority("NO-SUCH"), SYSTEM_ERROR, "the priority string 'NO-SUCH' cannot be used", errno=-1)
    same_as_incumbent(with_priority("NONE"), SYSTEM_ERROR, "the priority string 'NONE' cannot be used", errno=-1)


def test_tls_priority_without_anything_in_common(pki, daemons):
    port = daemons.start(True, pki.server_conf(port=17103, tls_priority="NORMAL:-VERS-ALL:+VERS-TLS1.3")).tcp[1]
    folder = pki.client_folder()
    assert open_one(uri(port=port, pkipath=folder))["ok"]
    same_as_incumbent(uri(port=port, pkipath=folder, tls_priority="NORMAL:-VERS-ALL:%2bVERS-TLS1.2"), AUTH_FAILED,
                      "refused the handshake", "VERS-TLS1.2")


def test_tls_priority_of_the_configuration(pki, shared):
    """libvirt.conf of this namespace, which began empty; the URI goes before it."""
    conf = Path("/etc/libvirt/libvirt.conf")
    assert not conf.exists()
    folder = pki.client_folder()
    try:
        conf.write_text('tls_priority = "NO-SUCH"\n')
        same_as_incumbent(uri(port=shared["ours"], pkipath=folder), SYSTEM_ERROR, "NO-SUCH", errno=-1)
        assert open_one(uri(port=shared["ours"], pkipath=folder, tls_priority="NORMAL"))["ok"]
    finally:
        conf.unlink()


def test_fingerprint(pki, serve, shared):
    sum_ = pki.fingerprint(pki.good_server)
    colons = ":".join(sum_[i:i + 2] for i in range(0, 64, 2)).upper()
    empty = pki.fresh("empty")
    pki.client_folder(path=empty, without=["cacert.pem"])
    for text in (sum_, colons):
        # neither authority nor name: the pin is all
        assert open_one(uri("127.0.0.1", shared["ours"], pkipath=empty, tls_fingerprint=f"sha256:{text}"))["ok"]
    other = "0" * 64
    result = open_one(uri("localhost", shared["ours"], pkipath=pki.client_folder(), tls_fingerprint=f"sha256:{other}"))
    assert (result["code"], result["domain"]) == (AUTH_FAILED, RPC)
    assert f"wanted sha256:{other}" in result["text"] and f"shows sha256:{sum_}" in result["text"]
    # no_verify does not undo it
    result = open_one(uri("localhost", shared["ours"], pkipath=pki.client_folder(), no_verify=1,
                          tls_fingerprint=f"sha256:{other}"))
    assert result["code"] == AUTH_FAILED
    # a server nobody trusts, but this one is meant
    strange = pki.server(ca=pki.authority("Strange CA"), cn="x", names=("x",), ips=(), dates=pki_lab.EXPIRED)
    server = serve(tls_handler(strange, accept))
    address = lambda f: uri(port=server.port, pkipath=empty, tls_fingerprint=f"sha256:{f}")
    assert open_one(address(pki.fingerprint(strange)))["code"] != AUTH_FAILED
    assert open_one(address(sum_))["code"] == AUTH_FAILED


@pytest.mark.parametrize("text", ["", "00", "sha256:", "sha256:00", "sha1:" + "0" * 40, "sha256:" + "0" * 63 + "g",
                                  "sha256:" + "0" * 66])
def test_a_fingerprint_that_is_none(pki, text):
    result = open_one(uri(port=9, pkipath="/nowhere", tls_fingerprint=text))
    assert result["code"] == INVALID_ARG and "tls_fingerprint" in result["text"], result


def test_no_verify_needs_no_authority(pki, shared):
    folder = pki.client_folder(without=["cacert.pem"])
    assert open_one(uri(port=shared["ours"], pkipath=folder, no_verify=1))["ok"]
    assert open_one(uri(port=shared["ours"], pkipath=folder, no_verify=0))["code"] == SYSTEM_ERROR


def test_over_a_socket_and_a_command(pki, shared, short_tmp):
    folder = pki.client_folder()
    command = write_script(short_tmp / "relay", f"#!/bin/sh\nexec nc 127.0.0.1 {shared['ours']}\n")
    result = open_one(uri("localhost", 9, pkipath=folder, command=command))
    assert result["ok"], result["text"] + result["stderr"]
    wrong = open_one(uri("elsewhere", 9, pkipath=folder, command=command))
    assert wrong["code"] == AUTH_FAILED and "wanted name 'elsewhere'" in wrong["text"]
    with_socket = subprocess.Popen(
        ["/usr/bin/python3", "-c", RELAY, str(short_tmp / "s"), str(shared["ours"])])
    try:
        assert interop.until((short_tmp / "s").exists)
        result = open_one(uri("localhost", 9, pkipath=folder, socket=short_tmp / "s"))
        assert result["ok"], result
    finally:
        with_socket.kill()
        with_socket.wait()


RELAY = """
import os, socket, sys, threading
l = socket.socket(socket.AF_UNIX); l.bind(sys.argv[1] + "-"); l.listen(); os.rename(sys.argv[1] + "-", sys.argv[1])
a, _ = l.accept(); b = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
def copy(x, y):
    while (d := x.recv(65536)): y.sendall(d)
    y.shutdown(socket.SHUT_WR)
threading.Thread(target=copy, args=(a, b)).start(); copy(b, a)
"""


def test_default_port_and_transport(pki, private):
    ours = open_one(f"test://127.0.0.1/default?pkipath={pki.client_folder()}")
    assert ours["errno"] == ECONNREFUSED and "port 16514" in ours["text"] and "libvirtd-tls.socket" in ours["text"]


# ---- servers that do not do as they should

def hold(server, peer):
    server.held.append(peer)


def test_a_silent_server(pki, serve):
    server = serve(hold)
    begun = time.monotonic()
    result = open_one(uri(port=server.port, pkipath=pki.client_folder(), connect_timeout=1))
    assert 0.9 < time.monotonic() - begun < 20
    assert "tls: " in result["text"] and "did not answer in time during the handshake" in result["text"], result


def test_a_server_that_never_accepts(pki, serve):
    server = serve(tls_handler(pki.good_server, lambda s: time.sleep(60)))
    for limit in (1, 6):  # a machine that stands still may take the first for the handshake
        begun = time.monotonic()
        result = open_one(uri(port=server.port, pkipath=pki.client_folder(), connect_timeout=limit))
        assert 0.9 < time.monotonic() - begun < 28
        if "during its check" in result["text"]:
            break
    assert "during its check of our certificate" in result["text"], result


def drip(server, peer):
    for _ in range(400):
        peer.sendall(b"\x16")
        time.sleep(0.1)


BAD_SERVERS = {
    "garbage": (lambda server, peer: (peer.recv(9999), peer.sendall(b"SSH-2.0-nothing of the kind\r\n" * 9), time.sleep(0.3)),
                ["answers, but not with TLS", "16514"]),
    "closes at once": (lambda server, peer: None, ["tls: "]),
    "closes after the hello": (lambda server, peer: peer.recv(9999), ["closed the connection during the handshake"]),
}


@pytest.mark.parametrize("kind", BAD_SERVERS)
def test_a_server_without_tls(pki, serve, kind):
    handle, words = BAD_SERVERS[kind]
    server = serve(handle)
    same_as_incumbent(uri(port=server.port, pkipath=pki.client_folder()), AUTH_FAILED, f"port {server.port}", *words)


def test_a_drip_is_bounded(pki, serve):
    server = serve(drip)
    begun = time.monotonic()
    assert not open_one(uri(port=server.port, pkipath=pki.client_folder(), connect_timeout=1))["ok"]
    assert time.monotonic() - begun < 28


def test_a_daemon_s_plain_port(pki, daemons):
    port = daemons.start(True, {"listen_tls": 0, "listen_tcp": 1, "tcp_port": "17104", "tls_port": "17104"}).tcp[1]
    same_as_incumbent(uri(port=port, pkipath=pki.client_folder()), AUTH_FAILED, "tls: ", "16514")


def test_refused_after_the_handshake(pki, serve):
    """TLS 1.3: a server that dislikes our certificate says so only now."""
    server = serve(tls_handler(pki.good_server, lambda s: None, ask=pki.ca.cert))
    text = same_as_incumbent(uri(port=server.port, pkipath=pki.client_folder()), SYSTEM_ERROR,
                             "ended the connection after the handshake without a reason", "either it does not let us in",
                             "no room for more clients that are not logged in", "its log says which")
    assert "O=Lab,CN=client1" in text and "does not accept" not in text, text
    text = same_as_incumbent(uri(port=server.port, pkipath=pki.client_folder(without=["clientcert.pem", "clientkey.pem"])),
                             SYSTEM_ERROR, "without a reason", "we show no certificate", "clientcert.pem' is missing", "no room")


def test_another_answer_than_yes(pki, serve):
    server = serve(tls_handler(pki.good_server, lambda s: s.sendall(b"\0")))
    result = open_one(uri(port=server.port, pkipath=pki.client_folder()))
    assert result["code"] == AUTH_FAILED and "instead of accepting" in result["text"]


def test_many_connections_read_the_files_once(pki, shared, tmp_path):
    folder = pki.client_folder()
    trace = tmp_path / "trace"
    results = open_all([uri(port=shared["ours"], pkipath=folder)] * 20,
                       prefix=["strace", "-f", "-e", "trace=openat", "-o", trace] if shutil.which("strace") else [])
    assert all(r["ok"] for r in results)
    if trace.exists():
        assert trace.read_text().count("clientkey.pem") == 1


def test_a_changed_file_is_read_again(pki, shared):
    """One process: good files, then broken ones in their place."""
    folder = pki.client_folder()
    script = f"""
import libvirt, os
libvirt.registerErrorHandler(lambda a, b: None, None)
u = {uri(port=shared['ours'], pkipath=folder)!r}
libvirt.open(u).close()
open({str(folder / 'cacert.pem')!r}, "w").write("garbage")
try:
    libvirt.open(u)
except libvirt.libvirtError as e:
    assert "no certificate in PEM" in str(e), e
    print("refused")
"""
    done = interop.run(["/usr/bin/python3", "-c", script], env=interop.python_environment(True))
    assert done.stdout == "refused\n", done.stderr
