# SPDX-License-Identifier: LGPL-2.1-or-later
"""Streams as applications use them: memory of every size, all the ways of reading and writing, other calls meanwhile, ends
in the middle. What arrives is what was sent."""
import signal

import pytest

from held import hold  # noqa: F401  (fixture)
from interop_lab import Daemon

pytestmark = pytest.mark.tsan

SETUP = """
import hashlib, os
SIZE = 3_000_017
data = os.urandom(SIZE)
pool = c.storagePoolLookupByName("default-pool")

def volume(name, size=SIZE):
    return pool.createXML(f"<volume><name>{name}</name><capacity>{size}</capacity></volume>")

def pieces(n):
    return [data[at:at + n] for at in range(0, SIZE, n)]

def whole(st, piece):
    while piece:
        piece = piece[st.send(piece):]

def upload(v, n):
    st = c.newStream()
    v.upload(st, 0, SIZE)
    for p in pieces(n):
        whole(st, p)
    st.finish()

def download(v, n, between=None):
    st, got = c.newStream(), bytearray()
    v.download(st, 0, SIZE)
    while piece := st.recv(n):
        got.extend(piece)
        if between:
            between()
    st.finish()
    return bytes(got) == data
"""


@pytest.fixture(params=["unix", "tcp"])
def client(request, namespace, folder, hold):  # noqa: F811
    daemon = Daemon(folder / "d", args=["--listen"])
    uri = daemon.uri() if request.param == "unix" else daemon.tcp_uri()
    c = hold(uri)
    c.do(SETUP)
    c.daemon, c.again = daemon, lambda: hold(uri)
    yield c
    assert daemon.alive(), daemon.log()
    daemon.stop()


@pytest.mark.parametrize("n", [4001, 30000, 262119, 262120, 262121, 1_000_000])
def test_memory_of_every_size(client, n):
    client.do(f"v = volume('v'); upload(v, {n})")
    assert client.do(f"download(v, {n})")


def test_all_at_once(client):
    client.do("v = volume('v'); st = c.newStream(); v.upload(st, 0, SIZE); left = [pieces(50000)]\n"
              "def source(st, n, opaque): return left[0].pop(0) if left[0] else b''\n")
    client.do("st.sendAll(source, None); st.finish()")
    client.do("got = bytearray(); st = c.newStream(); v.download(st, 0, SIZE)\n"
              "def sink(st, piece, opaque): got.extend(piece)\n")
    client.do("st.recvAll(sink, None); st.finish()")
    assert client.do("bytes(got) == data")


def test_calls_meanwhile(client):
    """A thread that reads a stream, and calls of the same one and of others on the connection."""
    client.do("v = volume('v'); upload(v, 262120); import threading; calls = [0, 0]; stop = []\n"
              "def ask(i=0): calls[i] += c.getHostname() != ''\n"
              "def others():\n    while not stop: ask(1)\n")
    client.do("threads = [threading.Thread(target=others) for _ in range(3)]; [t.start() for t in threads]")
    assert client.do("[download(v, n, ask) for n in (262144, 70000, 262120) * 3]") == [True] * 9
    client.do("stop.append(1); [t.join() for t in threads]")
    assert min(client.do("calls")) > 9


def test_two_streams_at_a_time(client):
    client.do("v = volume('v'); upload(v, 262120); import threading; said = []\n"
              "def one(n): said.append(download(v, n))\n")
    client.do("threads = [threading.Thread(target=one, args=(n,)) for n in (262144, 262120, 50000)]; "
              "[t.start() for t in threads]; [t.join() for t in threads]")
    assert client.do("said") == [True] * 3


@pytest.mark.parametrize("end", ["st.abort()", "st.finish()", "st = None"])
def test_ended_in_the_middle(client, end):
    client.do("v = volume('v'); upload(v, 262120)")
    for n in (1, 100_000, 262_144, 600_000):
        client.do(f"st = c.newStream(); v.download(st, 0, SIZE); got = 0\nwhile got < {n}: got += len(st.recv(262144))")
        client.do(end)
        assert client.do("c.getHostname()")
    assert client.do("download(v, 262144)")


@pytest.mark.parametrize("end", ["st.abort()", "st.finish()"])
def test_ended_while_the_daemon_reads_it(client, end):
    """The daemon's thread may be in the middle of the file then: no error to anybody, nor a line of its log."""
    client.do("v = volume('v'); upload(v, 262120)\n"
              f"def once(n): st = c.newStream(); v.download(st, 0, SIZE); st.recv(n); {end}\n")
    assert client.do("[once(n * 7919) for n in range(1, 60)] and c.getHostname()")
    assert "error" not in client.daemon.log(), client.daemon.log()


def test_without_waiting(client):
    client.do("v = volume('v'); upload(v, 262120); got = bytearray(); done = []; st = c.newStream(libvirt.VIR_STREAM_NONBLOCK)\n"
              "def readable(s, events, opaque):\n"
              "    while True:\n"
              "        r = s.recv(100000)\n"
              "        if r == -2: return\n"
              "        if not r:\n"
              "            s.eventRemoveCallback(); s.finish(); return done.append(1)\n"
              "        got.extend(r)\n"
              "v.download(st, 0, SIZE); st.eventAddCallback(libvirt.VIR_STREAM_EVENT_READABLE, readable, None)")
    assert client.do("wait(lambda: done) and bytes(got) == data")


def test_sent_without_waiting(client):
    """Whoever was told that nothing can be sent now is told when it can. No socket has room for so much."""
    client.do("big = data * 20; v = volume('v', len(big)); done = []; full = []; at = 0; "
              "st = c.newStream(libvirt.VIR_STREAM_NONBLOCK); v.upload(st, 0, len(big))\n"
              "def writable(s, events, opaque):\n"
              "    global at\n"
              "    while at < len(big):\n"
              "        r = s.send(big[at:at + 100000])\n"
              "        if r == -2: return full.append(at)\n"
              "        at += r\n"
              "    s.eventRemoveCallback(); s.finish(); done.append(1)\n")
    client.daemon.freeze()
    try:
        client.do("st.eventAddCallback(libvirt.VIR_STREAM_EVENT_WRITABLE, writable, None)")
        assert client.do("wait(lambda: full)"), client.do("at, done")
    finally:
        client.daemon.proc.send_signal(signal.SIGCONT)
    assert client.do("wait(lambda: done)"), client.do("at, full")
    client.do("got = bytearray(); st = c.newStream(); v.download(st, 0, len(big))\n"
              "while piece := st.recv(262144): got.extend(piece)\n")
    assert client.do("bytes(got) == big")


def test_holes_stay_holes(client):
    client.do("v = volume('v', 8 << 20); st = c.newStream(); v.upload(st, 1 << 20, 1 << 20); whole(st, data[:1 << 20]); st.finish()")
    client.do("got = []; st = c.newStream(); v.download(st, 0, 8 << 20, libvirt.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM)\n"
              "def sink(st, piece, opaque): got.append(piece)\n"
              "def hole(st, n, opaque): got.append(bytes(n))\n")
    client.do("st.sparseRecvAll(sink, hole, None); st.finish()")
    assert client.do("b''.join(got) == bytes(1 << 20) + data[:1 << 20] + bytes(6 << 20) and len(got[0]) == 1 << 20")
