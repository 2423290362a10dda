# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bad input to the daemon: every malformed frame gets an error reply or a closed connection, the daemon lives on, and
nothing grows."""
import os
import random
import socket
import struct
import time

import pytest

import growth
import wire
from wire import Wire, i32, optional, string, u32

pytestmark = pytest.mark.tsan

LOOKUP_BY_NAME, GET_URI, OPEN, AUTH_LIST, LIST_DEFINED, DEFINE_XML = 23, 110, 1, 66, 21, 11
GET_VCPUS, SET_MEM_PARAMS, LIST_ALL, GET_STATS, SHUTDOWN = 20, 198, 273, 344, 33
VIR_ERR_RPC = 39


def closed(conn):
    try:
        conn.sock.settimeout(30)
        while conn.sock.recv(65536):
            pass
        return True
    except ConnectionResetError:
        return True
    except socket.timeout:
        return False


def check_healthy(daemon):
    assert daemon.alive(), daemon.log()
    with Wire(daemon.sock) as c:
        c.open()
        assert c.call(GET_URI).status == wire.OK


@pytest.mark.parametrize("length", [0, 1, 4, 27, 33554437, 0x7FFFFFFF, 0xFFFFFFFF])
def test_length_out_of_range_closes_the_connection(shared_daemon, length):
    with Wire(shared_daemon.sock) as c:
        c.open()
        c.raw(u32(length) + b"\0" * 24)
        assert closed(c)
    check_healthy(shared_daemon)


@pytest.mark.parametrize("proc", [0, 9999, 454, 0xFFFFFFFF, 107, 318])
def test_unknown_procedure_gets_an_error_reply(shared_daemon, proc):
    """107 and 318 are events: only ever sent by the server."""
    with Wire(shared_daemon.sock) as c:
        c.open()
        reply = c.call(proc)
        assert (reply.program, reply.proc, reply.type) == (wire.REMOTE, proc, wire.REPLY)
        code, domain, message = reply.error()
        assert code == VIR_ERR_RPC and str(proc) in message
        assert c.alive()


@pytest.mark.parametrize("program,version", [(0x1234, 1), (0, 0), (wire.REMOTE, 2), (wire.REMOTE, 0), (0x06900690, 1)])
def test_unknown_program_gets_an_error_reply(shared_daemon, program, version):
    with Wire(shared_daemon.sock) as c:
        c.open()
        reply = c.call(GET_URI, program=program, version=version)
        assert (reply.program, reply.version) == (program, version)
        assert reply.error()[0] == VIR_ERR_RPC
        assert c.alive()


@pytest.mark.parametrize("status", [1, 2, 3, 0xFFFFFFFF])
def test_a_call_with_a_status_gets_an_error_reply(shared_daemon, status):
    with Wire(shared_daemon.sock) as c:
        c.open()
        assert c.call(GET_URI, status=status).error()[0] == VIR_ERR_RPC
        assert c.alive()


@pytest.mark.parametrize("kind", [1, 2, 5, 7, 99, 0xFFFFFFFF])
def test_frames_a_client_does_not_send_are_passed_over(shared_daemon, kind):
    """Replies without calls, events, unknown types: as the incumbent does."""
    with Wire(shared_daemon.sock) as c:
        c.open()
        for _ in range(100):
            c.send(GET_URI, u32(0), type=kind)
        assert c.alive()
    check_healthy(shared_daemon)


def test_a_reply_that_promises_descriptors_closes_the_connection(shared_daemon):
    with Wire(shared_daemon.sock) as c:
        c.open()
        c.raw(c.frame(GET_URI, u32(1), type=5) + b"\0")  # with the dummy byte that stands for one
        assert closed(c)
    check_healthy(shared_daemon)


@pytest.mark.parametrize("kind", [wire.STREAM, wire.HOLE])
def test_stream_packets_of_no_stream_are_dropped(shared_daemon, kind):
    with Wire(shared_daemon.sock) as c:
        c.open()
        for status in (wire.OK, wire.ERROR, wire.CONTINUE):
            c.send(209, b"x" * 12, type=kind, status=status, serial=4711)
        assert c.alive()


BAD_ARGS = {
    "nothing": (LOOKUP_BY_NAME, b""),
    "half a length": (LOOKUP_BY_NAME, b"\0\0"),
    "string cut short": (LOOKUP_BY_NAME, u32(100) + b"abc\0"),
    "string without padding": (LOOKUP_BY_NAME, u32(3) + b"abc"),
    "string of 2^32-1": (LOOKUP_BY_NAME, u32(0xFFFFFFFF) + b"abcd"),
    "string over its limit": (LOOKUP_BY_NAME, u32(4194305) + b"a" * 4194308),
    "optional that is missing": (OPEN, u32(1)),
    "count of 2^32-1 domains": (GET_STATS, u32(0xFFFFFFFF) + b"\0" * 64),
    "count over the limit": (GET_STATS, u32(16385) + b"\0" * 64),
    "count with no elements": (GET_STATS, u32(16384)),
    "count of 2^32-1 parameters": (SET_MEM_PARAMS, string("test") + b"\0" * 16 + u32(1, 0xFFFFFFFF) + b"\0" * 64),
    "parameter of unknown type": (SET_MEM_PARAMS, string("test") + b"\0" * 16 + u32(1, 1) + string("x") + u32(99) + u32(0, 0, 0)),
    "negative sizes": (GET_VCPUS, string("test") + b"\0" * 16 + u32(1) + i32(-1, -1)),
    "huge sizes": (GET_VCPUS, string("test") + b"\0" * 16 + u32(1) + i32(0x7FFFFFFF, 0x7FFFFFFF)),
    "negative list": (LIST_DEFINED, i32(-1)),
    "huge list": (LIST_DEFINED, i32(0x7FFFFFFF)),
    "xml that is none": (DEFINE_XML, string(b"\xff\xfe<domain")),
    "xml cut short": (DEFINE_XML, string("<domain type='test'><name>x</name>")),
}


def test_any_word_but_zero_says_that_an_optional_value_is_there(shared_daemon):
    """As the incumbent takes it: github.com/digitalocean/go-libvirt opens every connection so."""
    with Wire(shared_daemon.sock) as c:
        assert c.call(OPEN, b"\1\0\0\0" + string("test:///default") + u32(0)).status == wire.OK
        assert c.alive()


@pytest.mark.parametrize("what", BAD_ARGS)
def test_arguments_that_do_not_decode_get_an_error_reply(shared_daemon, what):
    proc, payload = BAD_ARGS[what]
    with Wire(shared_daemon.sock) as c:
        if proc != OPEN:
            c.open()
        reply = c.call(proc, payload)
        assert reply.status == wire.ERROR and reply.proc == proc
        assert reply.error()[2]
        assert c.alive()


def test_calls_before_opening_get_an_error_reply(shared_daemon):
    with Wire(shared_daemon.sock) as c:
        for proc in (GET_URI, LOOKUP_BY_NAME, LIST_ALL, 316, 209):
            assert c.call(proc, b"\0" * 64).status == wire.ERROR
        c.open()
        assert c.call(OPEN, optional("test:///default") + u32(0)).error()[2]
        assert c.call(GET_URI).status == wire.OK


@pytest.mark.parametrize("uri", ["test+unix:///default", "qemu:///system", "test://box/default", "nosuch:///x", "%", "://",
                                 "qemu+ssh://root@127.0.0.1/system", "test:///no/such/file.xml", "x" * 100000])
def test_uris_the_daemon_does_not_open(shared_daemon, uri):
    """Above all: it does not connect to itself or to others on behalf of a client."""
    with Wire(shared_daemon.sock) as c:
        assert c.call(OPEN, optional(uri) + u32(0)).status == wire.ERROR
        c.open()


def test_disconnect_at_every_byte(shared_daemon):
    session = b"".join([
        Wire.frame(FakeSerial(1), AUTH_LIST), Wire.frame(FakeSerial(2), OPEN, optional("test:///default") + u32(0)),
        Wire.frame(FakeSerial(3), GET_URI), Wire.frame(FakeSerial(4), LOOKUP_BY_NAME, string("test")),
        Wire.frame(FakeSerial(5), 316, i32(0) + u32(0)), Wire.frame(FakeSerial(6), 2)])
    with Wire(shared_daemon.sock) as c:
        assert c.alive()  # its sockets are there before its threads and what they have open
        before = shared_daemon.fds() - 1
    for cut in range(len(session)):
        with Wire(shared_daemon.sock) as c:
            c.raw(session[:cut])
    check_healthy(shared_daemon)
    wait_for(lambda: shared_daemon.fds() <= before, "descriptors are left behind")


class FakeSerial:
    """Stands in for a connection when only frames are wanted."""

    def __init__(self, serial):
        self.serial = serial - 1


def wait_for(condition, what, timeout=30):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def test_frames_byte_by_byte(shared_daemon):
    with Wire(shared_daemon.sock) as c:
        for byte in c.frame(OPEN, optional("test:///default") + u32(0)) + c.frame(GET_URI):
            c.raw(bytes([byte]))
        assert c.recv().status == wire.OK
        assert c.recv().payload == string("test:///default")


def test_many_frames_at_once(shared_daemon):
    with Wire(shared_daemon.sock) as c:
        c.open()
        c.raw(b"".join(c.frame(GET_URI) for _ in range(5000)))
        serials = [c.recv().serial for _ in range(5000)]
        assert serials == sorted(serials)


def test_random_garbage(start_daemon):
    daemon = start_daemon(conf={"listen_tcp": 0})
    rng = random.Random(1)
    for _ in range(300):
        with Wire(daemon.sock) as c:
            try:
                c.raw(rng.randbytes(rng.randrange(1, 400)))
            except OSError:
                pass
    for _ in range(1500):
        with Wire(daemon.sock) as c:
            c.open()
            payload = rng.randbytes(rng.randrange(0, 120))
            try:
                c.send(rng.randrange(0, 460), payload, type=rng.choice([0, 0, 0, 3, 4]), status=rng.choice([0, 0, 2]))
            except OSError:
                pass
    check_healthy(daemon)


def test_large_promises_take_no_memory(start_daemon):
    """A length word of 32 MiB, a thousand times: memory follows what arrives, not what is promised."""
    daemon = start_daemon(conf={"listen_tcp": 0})
    check_healthy(daemon)
    before = daemon.status("VmRSS")
    conns = [Wire(daemon.sock) for _ in range(500)]
    for c in conns:
        c.raw(u32(33554436, wire.REMOTE, 1, LOOKUP_BY_NAME, 0, 1, 0) + b"x" * 100)
    check_healthy(daemon)
    grown = daemon.status("VmRSS") - before
    for c in conns:
        c.sock.close()
    limit = 100 if os.environ.get("FL_SANITIZE") else 24
    assert grown < limit * 1024, f"{grown} KiB for 500 promises"


def test_no_growth_over_malformed_frames(start_daemon):
    daemon = start_daemon(conf={"listen_tcp": 0})

    def storm():
        with Wire(daemon.sock) as c:
            c.open()
            for proc, payload in BAD_ARGS.values():
                if proc != OPEN and len(payload) < 100000:
                    c.call(proc, payload)
            c.call(9999)
            c.call(GET_URI, program=5)
        with Wire(daemon.sock) as c:
            c.raw(u32(27) + b"\0" * 24)
            closed(c)

    growth.assert_daemon_stands_still(daemon, storm, 100)


def test_descriptors_that_are_promised_or_not(shared_daemon):
    """More descriptors than promised, fewer than promised, too many: no descriptor stays open in the daemon."""
    with Wire(shared_daemon.sock) as c:
        assert c.alive()  # its sockets are there before its threads and what they have open
        before = shared_daemon.fds() - 1
    r, w = os.pipe()
    with Wire(shared_daemon.sock) as c:  # a call that takes none gets two
        c.open()
        c.raw(c.frame(GET_URI, u32(2), type=wire.CALL_FDS))
        c.send_fds([r, w])
        assert c.recv().status == wire.OK
        assert c.alive()
    with Wire(shared_daemon.sock) as c:  # promised, never sent
        c.open()
        c.raw(c.frame(GET_URI, u32(3), type=wire.CALL_FDS))
        c.send_fds([r])
    with Wire(shared_daemon.sock) as c:  # a count beyond the limit
        c.open()
        c.raw(c.frame(GET_URI, u32(33), type=wire.CALL_FDS))
        assert closed(c)
    with Wire(shared_daemon.sock) as c:  # no count at all
        c.open()
        c.raw(c.frame(GET_URI, type=wire.CALL_FDS))
        assert closed(c)
    with Wire(shared_daemon.sock) as c:  # out of the blue
        c.open()
        c.sock.sendmsg([c.frame(GET_URI)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("2i", r, w))])
        assert c.recv().status == wire.OK
    os.close(r), os.close(w)
    check_healthy(shared_daemon)
    wait_for(lambda: shared_daemon.fds() <= before, "descriptors are left behind")


def test_a_client_that_does_not_read_is_bounded(start_daemon):
    """Calls without end whose answers nobody takes: the daemon stops reading that client and serves the others."""
    daemon = start_daemon(conf={"listen_tcp": 0})
    with Wire(daemon.sock) as deaf:
        deaf.open()
        deaf.sock.settimeout(1)
        call = deaf.frame(7)  # capabilities: a long answer
        try:
            for _ in range(20000):
                deaf.raw(call * 10)
        except socket.timeout:
            pass
        else:
            pytest.fail("the daemon takes calls without end")
        check_healthy(daemon)
        assert daemon.status("VmRSS") < (600 if os.environ.get("FL_SANITIZE") else 100) * 1024
