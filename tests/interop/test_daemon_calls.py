# SPDX-License-Identifier: LGPL-2.1-or-later
"""Serving: features, events, streams, keepalive, the shells over each socket, and that nothing leaks."""
import itertools
import os
import resource
import socket
import struct
import threading
import time

import pytest

import growth
import wire
from interop_lab import BUILD
from wire import Wire, i32, optional, string, u32

pytestmark = pytest.mark.tsan

OPEN, CLOSE, GET_HOSTNAME, GET_URI, LOOKUP_BY_NAME, FEATURE = 1, 2, 59, 110, 23, 60
DESTROY, CREATE, SUSPEND, RESUME = 12, 9, 34, 28
REGISTER, DEREGISTER, REGISTER_ANY, DEREGISTER_ANY, CALLBACK_ANY, CALLBACK_DEREGISTER = 105, 106, 167, 168, 316, 317
EVENT_LIFECYCLE_LEGACY, EVENT_LIFECYCLE = 107, 318
SCREENSHOT = 211
SANITIZED = bool(os.environ.get("FL_SANITIZE"))


def domain(c, name="test"):
    """The wire's domain of this name: name, UUID, id."""
    reply = c.call(LOOKUP_BY_NAME, string(name))
    assert reply.status == wire.OK, reply.error()
    return reply.payload


def toggle(c, dom):
    """Something that causes a lifecycle event."""
    assert c.call(SUSPEND, dom).status == wire.OK
    assert c.call(RESUME, dom).status == wire.OK


# ---- features

def test_features_are_answered_as_by_the_incumbent(shared_daemon, real_daemon):
    def features(target):
        with Wire(target) as c:
            c.open()
            return [c.call(FEATURE, i32(n)).payload for n in range(30)]
    assert features(shared_daemon.sock) == features(real_daemon.sock)


def test_keepalive_is_the_only_feature_before_opening(shared_daemon):
    with Wire(shared_daemon.sock) as c:
        assert c.call(FEATURE, i32(10)).payload == u32(1)
        assert c.call(FEATURE, i32(14)).status == wire.ERROR


# ---- events

def test_numbered_events_carry_the_number(shared_daemon):
    with Wire(shared_daemon.sock) as c, Wire(shared_daemon.sock) as other:
        c.open(), other.open()
        dom = domain(c)
        number = c.call(CALLBACK_ANY, i32(0) + u32(0)).payload
        toggle(other, dom)
        for state, detail in ((3, 0), (4, 0)):  # suspended, resumed
            event = c.wait_event()
            assert (event.proc, event.serial, event.status) == (EVENT_LIFECYCLE, 0, wire.OK)
            assert event.payload == number + dom + i32(state, detail)
        assert c.call(CALLBACK_DEREGISTER, number).status == wire.OK
        toggle(other, dom)
        assert c.call(GET_URI).status == wire.OK and not c.events


def test_old_events_carry_none(shared_daemon):
    with Wire(shared_daemon.sock) as c:
        c.open()
        dom = domain(c)
        assert c.call(REGISTER).payload == u32(0)
        toggle(c, dom)
        c.call(GET_URI)
        event = c.wait_event()
        assert event.proc == EVENT_LIFECYCLE_LEGACY and event.payload == dom + i32(3, 0)
        assert c.call(DEREGISTER).status == wire.OK
        assert c.call(DEREGISTER).status == wire.ERROR
        assert c.call(REGISTER_ANY, i32(0)).status == wire.OK
        assert c.call(REGISTER_ANY, i32(0)).status == wire.ERROR  # as the incumbent
        assert c.call(DEREGISTER_ANY, i32(0)).status == wire.OK


def test_a_filter_on_another_domain_keeps_events_away(shared_daemon):
    with Wire(shared_daemon.sock) as c:
        c.open()
        dom = domain(c)
        other = string("other") + b"\7" * 16 + i32(-1)
        assert c.call(CALLBACK_ANY, i32(0) + u32(1) + other).status == wire.OK
        toggle(c, dom)
        assert c.call(GET_URI).status == wire.OK and not c.events
        assert c.call(CALLBACK_ANY, i32(0) + u32(1) + dom).status == wire.OK
        toggle(c, dom)
        assert c.wait_event().proc == EVENT_LIFECYCLE


@pytest.mark.parametrize("event", [-1, 99, 2**31 - 1])
def test_unknown_events_are_refused(shared_daemon, event):
    with Wire(shared_daemon.sock) as c:
        c.open()
        assert c.call(CALLBACK_ANY, i32(event) + u32(0)).status == wire.ERROR
        assert c.call(REGISTER_ANY, i32(event)).status == wire.ERROR
        assert c.call(CALLBACK_DEREGISTER, i32(event)).status == wire.ERROR


def test_clients_that_go_while_events_come(shared_daemon):
    """Subscribers come and go while another client causes events without pause."""
    stop = threading.Event()

    def cause():
        with Wire(shared_daemon.sock) as c:
            c.open()
            dom = domain(c)
            while not stop.is_set():
                toggle(c, dom)

    thread = threading.Thread(target=cause)
    thread.start()
    try:
        for i in range(200):
            with Wire(shared_daemon.sock) as c:
                c.open()
                assert c.call(CALLBACK_ANY, i32(0) + u32(0)).status == wire.OK
                if i % 3 == 0:
                    c.wait_event()
    finally:
        stop.set()
        thread.join()
    assert shared_daemon.alive()


# ---- streams

def screenshot(c):
    """Opens the stream; its serial."""
    dom = domain(c)
    serial = c.send(SCREENSHOT, dom + u32(0, 0))
    reply = c.recv()
    assert reply.status == wire.OK and reply.payload[:4] == u32(1), reply
    return serial


def read_stream(c, serial):
    data = b""
    while True:
        frame = c.recv()
        assert (frame.type, frame.serial, frame.status) == (wire.STREAM, serial, wire.CONTINUE), frame
        assert len(frame.payload) <= 262120
        if not frame.payload:
            return data
        data += frame.payload


def test_a_stream_is_read_and_finished(shared_daemon):
    with Wire(shared_daemon.sock) as c:
        c.open()
        serial = screenshot(c)
        assert read_stream(c, serial)[:4] == b"\x89PNG"
        done = c.call(SCREENSHOT, type=wire.STREAM, serial=serial)
        assert (done.type, done.status, done.payload) == (wire.STREAM, wire.OK, b"")
        c.send(SCREENSHOT, type=wire.STREAM, serial=serial)  # once more: dropped
        c.send(SCREENSHOT, b"late", type=wire.STREAM, status=wire.CONTINUE, serial=serial)
        assert c.alive()


def test_a_stream_is_aborted(shared_daemon):
    with Wire(shared_daemon.sock) as c:
        c.open()
        serial = screenshot(c)
        c.send(SCREENSHOT, type=wire.STREAM, status=wire.ERROR, serial=serial)
        frame = c.recv()
        while frame.status == wire.CONTINUE:
            frame = c.recv()
        assert (frame.type, frame.serial, frame.status, frame.payload) == (wire.STREAM, serial, wire.OK, b"")
        assert c.alive()


def test_clients_that_go_in_the_middle_of_a_stream(shared_daemon):
    with Wire(shared_daemon.sock) as c:
        assert c.alive()  # its sockets are there before its threads and what they have open
        before, threads = shared_daemon.fds() - 1, shared_daemon.status("Threads")
    for i in range(60):
        with Wire(shared_daemon.sock) as c:
            c.open()
            serial = screenshot(c)
            if i % 3 == 1:
                c.send(SCREENSHOT, type=wire.STREAM, status=i % 2, serial=serial)
            elif i % 3 == 2:
                c.send(SCREENSHOT, b"x" * 5000, type=wire.STREAM, status=wire.CONTINUE, serial=serial)
    end = time.monotonic() + 30
    while (shared_daemon.fds() > before or shared_daemon.status("Threads") > threads) and time.monotonic() < end:
        time.sleep(0.05)
    assert shared_daemon.fds() <= before and shared_daemon.status("Threads") <= max(threads, 6)


def test_the_same_serial_twice_is_refused(shared_daemon):
    with Wire(shared_daemon.sock) as c:
        c.open()
        dom = domain(c)
        c.send(SCREENSHOT, dom + u32(0, 0), serial=50)
        assert c.recv().status == wire.OK
        read_stream(c, 50)
        c.send(SCREENSHOT, dom + u32(0, 0), serial=50)
        assert c.recv().status == wire.ERROR
        assert c.alive()


# ---- keepalive

def test_pings_are_answered(shared_daemon):
    with Wire(shared_daemon.sock) as c:
        c.send(1, program=wire.KEEPALIVE, type=wire.MESSAGE, serial=0)
        (length,) = struct.unpack(">I", c.read(4))
        pong = wire.Frame(c.read(length - 4))
        assert (pong.program, pong.proc, pong.type, pong.serial) == (wire.KEEPALIVE, 2, wire.MESSAGE, 0)


def test_the_daemon_pings_who_supports_it_and_drops_the_dead(start_daemon):
    d = start_daemon(conf={"keepalive_interval": 1, "keepalive_count": 1})
    with Wire(d.sock, timeout=30) as silent, Wire(d.sock, timeout=30) as old:
        silent.open(), old.open()
        assert silent.call(FEATURE, i32(10)).payload == u32(1)
        began = time.monotonic()
        (length,) = struct.unpack(">I", silent.read(4))
        ping = wire.Frame(silent.read(length - 4))
        assert (ping.program, ping.proc, ping.type) == (wire.KEEPALIVE, 1, wire.MESSAGE)
        with pytest.raises((EOFError, ConnectionResetError)):
            silent.read(10000)  # no answer to the ping
        assert time.monotonic() - began < 25
        assert old.call(GET_URI).status == wire.OK  # never asked for it, never dropped


# ---- both shells, every socket

@pytest.mark.parametrize("way", ["unix", "ro", "tcp"])
def test_both_shells_list_over_each_socket(shared_daemon, any_virsh, way):
    uri = {"unix": shared_daemon.uri(), "ro": shared_daemon.uri(read_only=True), "tcp": shared_daemon.tcp_uri()}[way]
    flags = ["-r"] if way == "ro" else []
    out = any_virsh.out(*flags, "list", uri=uri)
    assert out.split() == ["Id", "Name", "State", "-" * len(out.splitlines()[1].strip()), "1", "test", "running"]


def test_lifecycle_from_the_real_shell(daemon, real_virsh):
    with Wire(daemon.sock) as c:
        c.open()  # the make-believe host lives as long as somebody is connected to it
        assert domain(c).endswith(i32(1))
        assert "destroyed" in real_virsh.out("destroy", "test", uri=daemon.uri())
        assert domain(c).endswith(i32(-1))
        assert "started" in real_virsh.out("start", "test", uri=daemon.tcp_uri())
        assert "off" not in real_virsh.out("domstate", "test", uri=daemon.uri(read_only=True))


# ---- nothing leaks

def test_a_thousand_connections_leave_nothing_behind(start_daemon):
    d = start_daemon()

    visits = itertools.count()

    def visit():
        with Wire(d.sock) as c:
            c.open()
            dom = domain(c)
            c.call(CALLBACK_ANY, i32(0) + u32(0))
            c.call(14, dom + u32(0))
            c.call(GET_HOSTNAME)
            if next(visits) % 2:
                c.call(CLOSE)

    growth.assert_daemon_stands_still(d, visit, 1000)


@pytest.mark.skipif(SANITIZED, reason="sanitizers keep what is freed, and must be loaded first")
def test_a_leak_would_be_found(start_daemon):
    """64 bytes lost with every connection: memory that never stands still, though rounds of noise are forgiven."""
    d = start_daemon(env={"LD_PRELOAD": BUILD / "tests/interop/leaks.so"})

    def visit():
        with Wire(d.sock) as c:
            c.open()

    with pytest.raises(AssertionError, match="KiB before and after each round"):
        growth.assert_daemon_stands_still(d, visit, 1000)


def test_an_idle_connection_costs_little(start_daemon):
    count = 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 100:
        pytest.skip("too few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    d = start_daemon()
    with Wire(d.sock) as c:
        c.open()
    before = d.status("VmRSS")
    conns = [Wire(d.sock).open() for _ in range(count)]
    grown = d.status("VmRSS") - before
    for c in conns:
        c.sock.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    print(f"{grown / count:.2f} KiB per idle connection")
    if not SANITIZED:
        assert grown / count < 4


def test_many_clients_at_once(shared_daemon):
    failures = []

    def client():
        try:
            with Wire(shared_daemon.sock, timeout=20) as c:
                c.open()
                for _ in range(100):
                    assert c.call(GET_URI).status == wire.OK
                    assert c.call(14, domain(c) + u32(0)).status == wire.OK
        except Exception as e:  # pylint: disable=broad-except
            failures.append(e)

    threads = [threading.Thread(target=client) for _ in range(24)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures[0]


def test_one_slow_client_holds_up_nobody(start_daemon):
    """Opens that wait (for a FIFO nobody writes to) while others are served; what is sent behind an open waits for it."""
    d = start_daemon()
    fifo = d.dir / "fifo"
    os.mkfifo(fifo)
    slow = [Wire(d.sock) for _ in range(3)]
    for c in slow:
        c.raw(c.frame(OPEN, optional(f"test://{fifo}") + u32(0)) + c.frame(GET_URI))
    for _ in range(20):
        with Wire(d.sock) as c:
            c.open()
            assert c.call(GET_URI).payload == string("test:///default")
    fd = os.open(fifo, os.O_RDWR)
    os.write(fd, b"<node/>")
    for c in slow[:1]:
        c.sock.close()  # gone while its open is still being served
    os.close(fd)
    for c in slow[1:]:
        opened, uri = c.recv(), c.recv()
        assert (opened.proc, uri.proc) == (OPEN, GET_URI)
        assert opened.status == uri.status
    assert d.alive()
