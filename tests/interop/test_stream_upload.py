# SPDX-License-Identifier: LGPL-2.1-or-later
"""Uploads of big packets, byte by byte as the wire has them: in pieces, among calls and other streams, beyond their end, ended
or left in the middle. What was taken is what was sent, and the connection goes on."""
import os
import random
import struct
import time

import pytest

import wire
from wire import Wire, string, u32

pytestmark = pytest.mark.tsan

POOL_BY_NAME, VOL_CREATE, UPLOAD, DOWNLOAD, CLOSE = 84, 93, 208, 209, 2
PACKET = 262120


@pytest.fixture(params=["unix", "tcp"])
def connect(request, shared_daemon):
    def connect():
        return Wire(shared_daemon.sock if request.param == "unix" else ("127.0.0.1", 16609)).open()
    return connect


def volume(c, size):
    """As the wire has it. The host and its volumes live as long as somebody is connected."""
    pool = c.call(POOL_BY_NAME, string("default-pool")).payload
    v = c.call(VOL_CREATE, pool + string(f"<volume><name>v{random.random()}</name><capacity>{size}</capacity></volume>") + u32(0))
    assert v.status == wire.OK, v.error()
    return v.payload


def begin(c, vol, length=0):
    serial = c.send(UPLOAD, vol + struct.pack(">QQI", 0, length, 0))
    assert c.recv().status == wire.OK
    return serial


def packet(c, serial, data=b"", status=wire.CONTINUE):
    return c.frame(UPLOAD, data, type=wire.STREAM, status=status, serial=serial)


def finish(c, serial):
    c.raw(packet(c, serial, status=wire.OK))
    end = c.recv()
    assert (end.type, end.serial, end.status) == (wire.STREAM, serial, wire.OK), end


def content(c, vol):
    serial, got = c.send(DOWNLOAD, vol + struct.pack(">QQI", 0, 0, 0)), []
    assert c.recv().status == wire.OK
    while (frame := c.recv()).payload:
        assert frame.type == wire.STREAM and frame.status == wire.CONTINUE, frame
        got.append(frame.payload)
    c.send(DOWNLOAD, type=wire.STREAM, status=wire.OK, serial=serial)
    assert c.recv().status == wire.OK
    return b"".join(got)


def test_packets_of_every_size_in_pieces_of_every_size(connect):
    rnd = random.Random(7)
    sizes = [PACKET, 1, 65000, 65536 + 28, PACKET, 16384, PACKET - 1, 100_000, 28, PACKET, PACKET]
    data = [os.urandom(n) for n in sizes]
    with connect() as c:
        vol = volume(c, sum(sizes))
        serial = begin(c, vol)
        stream, at = b"".join(packet(c, serial, d) for d in data), 0
        while at < len(stream):
            n = rnd.choice([1, 27, 28, 29, 5000, 70_000, 300_000])
            c.raw(stream[at:at + n])
            at += n
            time.sleep(0.002)
        finish(c, serial)
        assert content(c, vol) == b"".join(data)


def test_calls_and_other_streams_between_packets(connect):
    data = [os.urandom(PACKET) for _ in range(16)]
    with connect() as c:
        vols = [volume(c, 8 * PACKET) for _ in range(2)]
        serials = [begin(c, v) for v in vols]
        for i, d in enumerate(data):
            call = c.frame(66)
            c.raw(packet(c, serials[i % 2], d) + call + packet(c, serials[i % 2]))  # an empty one is nothing
            reply = c.recv()
            assert (reply.type, reply.status) == (wire.REPLY, wire.OK), reply
        for s in serials:
            finish(c, s)
        assert content(c, vols[0]) == b"".join(data[::2])
        assert content(c, vols[1]) == b"".join(data[1::2])


def test_more_than_the_stream_takes(connect):
    """It is told once, what else was on its way is dropped, and the connection goes on."""
    data = os.urandom(PACKET)
    with connect() as c:
        vol = volume(c, 4 * PACKET)
        serial = begin(c, vol, 2 * PACKET + 100_000)
        c.raw(b"".join(packet(c, serial, data) for _ in range(6)))
        end = c.recv()
        assert (end.type, end.serial) == (wire.STREAM, serial), end
        assert end.error()[0] == 38, end.error()
        assert c.alive()
        assert content(c, vol) == data * 2 + data[:100_000] + bytes(2 * PACKET - 100_000)


@pytest.mark.parametrize("at", [28, 29, 30_000, 70_000, PACKET + 27])
def test_a_client_that_leaves_within_a_packet(connect, at):
    with connect() as keeper:
        vol, data = volume(keeper, 2 * PACKET), os.urandom(PACKET)
        with connect() as c:
            serial = begin(c, vol)
            c.raw((packet(c, serial, data) * 2)[:PACKET + 28 + at])
        again = begin(keeper, vol)
        keeper.raw(packet(keeper, again, data))
        finish(keeper, again)
        assert content(keeper, vol)[:PACKET] == data


def test_aborted_between_packets(connect):
    data = os.urandom(PACKET)
    with connect() as c:
        vol = volume(c, 4 * PACKET)
        serial = begin(c, vol)
        c.raw(packet(c, serial, data) + packet(c, serial, status=wire.ERROR) + packet(c, serial, data))
        end = c.recv()
        assert (end.type, end.serial, end.status) == (wire.STREAM, serial, wire.OK), end
        assert c.alive()
        assert content(c, vol) == data + bytes(3 * PACKET)
