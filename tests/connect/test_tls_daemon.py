# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon's TLS: who is let in, beside the incumbent's; clients that are silent, slow or make no sense while others are
served. Its certificates: test_tls_certificates.py."""
import itertools
import os
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest

import pki_lab
from pki_lab import pki  # noqa: F401
from tls_lab import (CLIENTS, INTEROP, growth, TlsWire, client_context, daemons, interop, open_one, private,  # noqa: F401
                     shell, uri, wait_log)

AUTH_FAILED, SYSTEM_ERROR, RPC, EIO = 45, 38, 7, 5
STRICT = {"tls_allowed_dn_list": ["O=Lab,CN=client?", "C=GB,*"]}
CALLS = ["hostname", "nodeinfo", "list --all", "dominfo test", "dumpxml test", "net-dumpxml default",
         "pool-list --all --details", "suspend test", "domstate test --reason", "resume test"]


# ---- every direction

@pytest.fixture(scope="module")
def revoked(pki):
    return pki.client(cn="client2")


@pytest.fixture(scope="module")
def strict_conf(pki, revoked):
    return dict(pki.server_conf(), **STRICT, crl_file=str(pki.crl(revoked)))


@pytest.fixture(scope="module", params=["ours", "real"])
def strict(request, daemons, strict_conf):
    """A daemon that lets in valid, unrevoked certificates with names of its list."""
    ours = request.param == "ours"
    every = {"log_filters": "1:daemon.peer"} if ours else {}  # with those that are written seldom otherwise
    daemon = daemons.start(ours, dict(strict_conf, **every, tls_port="17201" if ours else "17202"))
    daemon.is_ours = ours
    return daemon


@pytest.mark.tsan
@pytest.mark.parametrize("client", CLIENTS)
def test_ten_calls(pki, strict, client):
    normal = lambda text: re.sub(r"(CPU time: +)[\d.]+", r"\1#", text)
    expected = shell(False).out("; ".join(CALLS), uri=strict_unix(strict))
    got = shell(CLIENTS[client]).out("; ".join(CALLS), uri=uri(port=strict.tcp[1], pkipath=pki.client_folder()))
    assert normal(got) == normal(expected)


def strict_unix(daemon):
    return daemon.uri()


@pytest.mark.parametrize("client", CLIENTS)
def test_much_goes_through(pki, strict, client, tmp_path):
    """Streams and large replies; only our daemon's test driver keeps what is uploaded."""
    address = uri(port=strict.tcp[1], pkipath=pki.client_folder())
    if not strict.is_ours:
        text = "<description>" + "x" * 1_000_000 + "</description>"
        assert len(shell(CLIENTS[client]).out("desc test " + "y" * 60000 + "; dumpxml test", uri=address)) > 60000 and text
        return
    up, down = tmp_path / "up", tmp_path / "down"
    up.write_bytes(os.urandom(9_000_000))
    shell(CLIENTS[client]).out(f"vol-create-as default-pool v{client} 10M; vol-upload v{client} {up} --pool default-pool; "
                               f"vol-download v{client} {down} --pool default-pool --length 9000000; "
                               f"vol-delete v{client} default-pool", uri=address)
    assert down.read_bytes() == up.read_bytes()


NONBLOCK = """
import libvirt, os, sys, time
libvirt.virEventRegisterDefaultImpl()
c = libvirt.open(sys.argv[1])
pool = c.storagePoolLookupByName("default-pool")
libvirt.virEventAddTimeout(50, lambda *a: None, None)

def download(size):
    v = pool.createXML(f"<volume><name>e{size}</name><capacity>{size}</capacity></volume>")
    data, got, done = os.urandom(size), bytearray(), []
    st = c.newStream(0)
    v.upload(st, 0, size, 0)
    at = 0
    while at < size:
        at += st.send(data[at:at + 65536])
    st.finish()
    st = c.newStream(libvirt.VIR_STREAM_NONBLOCK)
    v.download(st, 0, size, 0)

    def readable(s, events, opaque):
        for _ in range(3):
            r = s.recv(30000)
            if r == -2:
                return
            if r == b"":
                s.eventRemoveCallback()
                s.finish()
                return done.append(1)
            got.extend(r)

    st.eventAddCallback(libvirt.VIR_STREAM_EVENT_READABLE, readable, None)
    time.sleep(0.3)  # much has come before it is looked at
    end = time.monotonic() + 4  # a ping of the daemon would come to the rescue later
    while not done and time.monotonic() < end:
        libvirt.virEventRunDefaultImpl()
    v.delete(0)
    return done and bytes(got) == data

print(all([download(size) for size in (2375000, 2365000, 2385000, 2400000)]))
"""


def test_what_the_layer_holds_is_not_forgotten(pki, strict):
    """Packets that were decoded while the stream's queue was full, and an application that only waits for events."""
    if not strict.is_ours:
        pytest.skip("the incumbent's test driver keeps no volumes")
    done = subprocess.run(["/usr/bin/python3", "-c", NONBLOCK, uri(port=strict.tcp[1], pkipath=pki.client_folder())],
                          env=interop.python_environment(True), capture_output=True, text=True, timeout=120)
    assert done.stdout == "True\n", done.stdout + done.stderr


THREADS = """
import libvirt, sys, threading
c = libvirt.open(sys.argv[1])
failed = []
def work():
    try:
        d = c.lookupByName("test")
        for i in range(150):
            assert d.info()[0] and len(d.XMLDesc()) > 500
    except Exception as e:
        failed.append(e)
threads = [threading.Thread(target=work) for _ in range(6)]
[t.start() for t in threads]; [t.join() for t in threads]
print(failed or "fine")
"""


@pytest.mark.tsan
def test_many_threads_share_a_session(pki, strict):
    done = subprocess.run(["/usr/bin/python3", "-c", THREADS, uri(port=strict.tcp[1], pkipath=pki.client_folder())],
                          env=interop.python_environment(True), capture_output=True, text=True, timeout=120)
    assert done.stdout == "fine\n", done.stdout + done.stderr


# ---- who is let in

REFUSED = {
    "revoked": (lambda pki, revoked: pki.client_folder(revoked), "it is revoked", "revoked"),
    "not on the list": (lambda pki, _: pki.client_folder(pki.client(cn="visitor")), "O=Lab,CN=visitor is not in tls_allowed_dn_list",
                        "Access was denied"),
    "name too long for the pattern": (lambda pki, _: pki.client_folder(pki.client(cn="client10")), "O=Lab,CN=client10 is not in",
                                      "Access was denied"),
    "no certificate": (lambda pki, _: pki.client_folder(without=["clientcert.pem", "clientkey.pem"]), "shows no certificate",
                       "clientcert.pem' is missing"),
    "expired": (lambda pki, _: pki.client_folder(pki.client(dates=pki_lab.EXPIRED)), "it has expired", "expired"),
    "not yet": (lambda pki, _: pki.client_folder(pki.client(dates=pki_lab.NOT_YET)), "it is not valid yet", "expired"),
    "other authority": (lambda pki, _: pki.client_folder(pki.client(ca=pki.authority("Other CA"))), "no authority we trust",
                        "unknown"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_client_that_is_refused(pki, strict, revoked, fault):
    make, logged, told = REFUSED[fault]
    address = uri(port=strict.tcp[1], pkipath=make(pki, revoked), no_sanity=1)
    results = [open_one(address, ours) for ours in (True, False)]
    for r in results:
        assert (r["code"], r["domain"], r["errno"]) == (SYSTEM_ERROR, RPC, EIO), results
    text = results[0]["text"]
    assert "tls: " in text and "ended the connection after the handshake" in text and text.count("\n") == 0
    if strict.is_ours:
        assert told.lower() in text.lower(), text
        wait_log(strict, logged)
    # and the next one is served
    assert open_one(uri(port=strict.tcp[1], pkipath=pki.client_folder()))["ok"]


@pytest.mark.parametrize("client", CLIENTS)
def test_without_check_of_clients(pki, daemons, client, request):
    conf = pki.server_conf(port=17205 if client == "ours" else 17206, tls_no_verify_certificate=1)
    port = daemons.start(True, conf).tcp[1]
    for folder in (pki.client_folder(without=["clientcert.pem", "clientkey.pem"]),
                   pki.client_folder(pki.client(dates=pki_lab.EXPIRED)), pki.client_folder()):
        assert open_one(uri(port=port, pkipath=folder, no_sanity=1), CLIENTS[client])["ok"]


def test_a_list_is_kept_even_then(pki, daemons):
    daemon = daemons.start(True, pki.server_conf(port=17207, tls_no_verify_certificate=1, tls_allowed_dn_list=["O=Lab,CN=a"]))
    wait_log(daemon, "is no protection")
    assert not open_one(uri(port=17207, pkipath=pki.client_folder()))["ok"]
    assert not open_one(uri(port=17207, pkipath=pki.client_folder(without=["clientcert.pem", "clientkey.pem"])))["ok"]
    assert open_one(uri(port=17207, pkipath=pki.client_folder(pki.client(cn="a"))))["ok"]


def test_an_empty_list_lets_nobody_in(pki, daemons):
    daemons.start(True, pki.server_conf(port=17208, tls_allowed_dn_list=[]))
    assert not open_one(uri(port=17208, pkipath=pki.client_folder()))["ok"]


def test_versions_of_tls(pki, strict):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with TlsWire(strict.tcp[1], client_context(pki.good_client, version)) as w:
            assert w.open().alive()


def test_sasl_is_offered_over_tls(pki, daemons):
    daemons.start(True, pki.server_conf(port=17209, auth_tls="sasl"))
    with TlsWire(17209, client_context(pki.good_client)) as w:
        assert w.call(66).payload == b"\0\0\0\1\0\0\0\1"
        assert w.call(1, b"\0\0\0\0" + b"\0\0\0\0").status == 1  # not yet


# ---- clients that hold it up

def hello():
    """The first message of a handshake."""
    out = ssl.MemoryBIO()
    try:
        client_context().wrap_bio(ssl.MemoryBIO(), out).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def test_silent_slow_and_senseless_clients(pki, daemons):
    """At each stage of the handshake; meanwhile others are served in normal time, and all is freed."""
    daemon = daemons.start(True, dict(pki.server_conf(port=17217), max_anonymous_clients=200, max_clients=500))
    address = uri(port=17217, pkipath=pki.client_folder())
    assert open_one(address)["ok"]
    fds = growth.settled(daemon.fds)
    first = hello()
    junk = [b"", b"\x16", b"\x16\x03\x01", first[:7], first[:-1], first, b"\x16\x03\x01\xff\xff" + bytes(100), b"GET / HTTP/1.0\r\n\r\n",
            bytes(200), b"\x16\x03\x01\x40\x00" + b"\x01\x00\x3f\xfc" + bytes(8000), b"\x15\x03\x01\x00\x02\x02\x00",
            b"\x17\x03\x03\x00\x05hello", b"\x14\x03\x03\x00\x01\x01" * 50, b"\0\0\0\x1c\x20\0\x80\x86" + bytes(20)]
    held = []
    for data in junk * 4:
        s = socket.create_connection(("127.0.0.1", 17217))
        s.sendall(data)
        held.append(s)
    stop = threading.Event()

    def drip():
        with socket.create_connection(("127.0.0.1", 17217)) as s:
            for i in range(len(first)):
                if stop.is_set():
                    return
                s.sendall(first[i:i + 1])
                time.sleep(0.02)

    dripping = [threading.Thread(target=drip) for _ in range(3)]
    for d in dripping:
        d.start()
    # one is through the handshake and reads nothing more
    through = client_context(pki.good_client).wrap_socket(socket.create_connection(("127.0.0.1", 17217)))
    for _ in range(3):
        begun = time.monotonic()
        assert open_one(address)["ok"] and time.monotonic() - begun < 20
    with TlsWire(17217, client_context(pki.good_client)) as w:
        w.open()
        times = []
        for _ in range(50):
            begun = time.monotonic()
            assert w.alive()
            times.append(time.monotonic() - begun)
        assert sorted(times)[25] < 0.5, times
    stop.set()
    for d in dripping:
        d.join()
    through.close()
    for s in held:
        s.close()
    end = time.monotonic() + 30
    while daemon.fds() > fds:
        assert time.monotonic() < end, (fds, daemon.fds())
        time.sleep(0.02)


def test_a_handshake_has_an_end(pki, daemons):
    """login_timeout counts for it, too; and who is silent makes room for others before."""
    daemon = daemons.start(True, dict(pki.server_conf(port=17230), login_timeout=6, max_anonymous_clients=4, log_level=2))
    silent = [socket.create_connection(("127.0.0.1", 17230)) for _ in range(12)]
    half = socket.create_connection(("127.0.0.1", 17230))
    half.sendall(hello()[:-1])
    begun = time.monotonic()
    with TlsWire(17230, client_context(pki.good_client)) as w:
        w.open()
    assert time.monotonic() - begun < 5.8
    for s in (*silent, half):
        s.settimeout(30)
        with s:
            try:
                assert s.recv(100) in (b"",) or s.recv(100) == b""
            except ConnectionError:
                pass
    assert time.monotonic() - begun < 30
    wait_log(daemon, "did not finish the TLS handshake in time")


def test_strangers_do_not_fill_the_log(pki, daemons):
    """Neither those that fail the handshake nor those that garble what comes after it."""
    daemon = daemons.start(True, pki.server_conf(port=17231))
    before = daemon.log().count("\n")
    for _ in range(25):
        with socket.create_connection(("127.0.0.1", 17231)) as s:
            s.settimeout(30)
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
            try:
                while s.recv(4096):
                    pass
            except ConnectionError:
                pass
    wait_log(daemon, "is not let in")
    lines = daemon.log().splitlines()[before:]
    assert 1 <= len(lines) <= 5, lines
    context = client_context(pki.good_client)
    for _ in range(12):
        with TlsWire(17231, context) as w:
            w.raw(b"\xff\xff\xff\xff")
            with pytest.raises((EOFError, ConnectionError)):
                w.read(1 << 20)
    wait_log(daemon, "is cut off")
    assert len(daemon.log().splitlines()[before:]) <= 10, daemon.log()
    assert open_one(uri(port=17231, pkipath=pki.client_folder()))["ok"]


def test_malformed_after_the_handshake(pki, strict):
    if not strict.is_ours:
        pytest.skip("the incumbent's affair")
    context = client_context(pki.good_client)
    for data in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f" * 400):
        with TlsWire(strict.tcp[1], context) as w:
            w.raw(data)
            with pytest.raises((EOFError, ConnectionError)):
                w.read(1 << 20)
    # bytes that are no record
    with TlsWire(strict.tcp[1], context) as w:
        raw = w.sock.detach()
        with socket.socket(fileno=raw) as s:
            s.settimeout(30)
            s.sendall(os.urandom(100))
            try:
                while s.recv(4096):
                    pass
            except ConnectionError:
                pass
    assert open_one(uri(port=strict.tcp[1], pkipath=pki.client_folder()))["ok"]


def test_frames_however_they_are_cut(pki, strict):
    """A record per byte, and many frames in one record."""
    if not strict.is_ours:
        pytest.skip("the incumbent reads one frame per record")
    with TlsWire(strict.tcp[1], client_context(pki.good_client)) as w:
        for byte in w.frame(66):
            w.raw(bytes([byte]))
        assert w.recv().status == 0
        w.open()
        w.raw(b"".join(w.frame(59, b"") for _ in range(100)))
        assert sum(w.recv().status == 0 for _ in range(100)) == 100


def test_a_thousand_handshakes(pki, daemons):
    daemon = daemons.start(True, pki.server_conf(port=17218))
    context = client_context(pki.good_client)

    turns = itertools.count()
    first = hello()

    def shake():
        i = next(turns)
        with TlsWire(17218, context) as w:
            if i % 4 == 0:
                w.open()
        if i % 10 == 0:  # and some that end in the middle
            with socket.create_connection(("127.0.0.1", 17218)) as s:
                s.sendall(first)

    growth.assert_daemon_stands_still(daemon, shake, 300)


LOOP = """
import libvirt, os, sys
sys.path.append(sys.argv[1])
import growth
libvirt.registerErrorHandler(lambda a, b: None, None)
good, bad = sys.argv[2:]
def turn():
    c = libvirt.open(good); c.getHostname(); c.close()
    try: libvirt.open(bad)
    except libvirt.libvirtError: pass
turn()
fds = len(os.listdir("/proc/self/fd"))
growth.assert_stands_still(turn, 100, growth.resident)
print(len(os.listdir("/proc/self/fd")) - fds)
"""


def test_a_client_that_comes_and_goes(pki, daemons):
    daemons.start(True, pki.server_conf(port=17219))
    good = uri(port=17219, pkipath=pki.client_folder())
    bad = uri("127.0.0.1", 17219, pkipath=pki.client_folder(), tls_fingerprint="sha256:" + "1" * 64)
    done = subprocess.run(["/usr/bin/python3", "-c", LOOP, INTEROP, good, bad], env=interop.python_environment(True), text=True,
                          capture_output=True, timeout=300)
    assert done.stdout.split() == ["0"], done.stderr
