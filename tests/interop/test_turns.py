# SPDX-License-Identifier: LGPL-2.1-or-later
"""What one client sends at once: its answers are as many as it reads, and others get their turn between them."""
import struct
import threading
import time

import pytest

import wire
from growth import SANITIZED
from interop_lab import until
from wire import Wire, string, u32

pytestmark = pytest.mark.tsan

CLOSE, DEFINE, LOOKUP_BY_NAME, GET_XML = 2, 11, 23, 14
POOL_BY_NAME, VOL_CREATE, DOWNLOAD = 84, 93, 209


def big_domain(c, kib):
    """A domain with that much to say, as the wire has it."""
    xml = (f"<domain type='test'><name>big</name><memory>8192</memory><os><type>hvm</type></os>"
           f"<description>{'x' * 1024 * kib}</description></domain>")
    assert c.call(DEFINE, string(xml)).status == wire.OK
    return c.call(LOOKUP_BY_NAME, string("big")).payload


def test_many_big_answers_to_one_who_reads(start_daemon):
    """More than the daemon would ever keep for a client; this one asks for all of it, and takes it."""
    daemon = start_daemon()
    calls = 300
    with Wire(daemon.sock) as c:
        c.open()
        dom = big_domain(c, 512)
        asked = b"".join(c.frame(GET_XML, dom + u32(0), serial=1000 + i) for i in range(calls))
        sender = threading.Thread(target=c.raw, args=(asked,))
        sender.start()
        try:
            for _ in range(calls):
                reply = c.recv()
                assert reply.status == wire.OK, reply.error()
        finally:
            sender.join()
        assert c.alive()
    if not SANITIZED:  # which keep what is freed
        assert daemon.status("VmHWM") < 64 << 10


def test_closing_is_answered_in_the_middle_of_a_download(shared_daemon):
    """The packet on its way, of which the client has read nothing yet, is completed, and the answer follows it."""
    with Wire(shared_daemon.sock) as keeper, Wire(shared_daemon.sock) as c:
        keeper.open(), c.open()
        pool = keeper.call(POOL_BY_NAME, string("default-pool")).payload
        volume = keeper.call(VOL_CREATE, pool + string("<volume><name>turns</name><capacity>8000000</capacity></volume>") + u32(0))
        assert volume.status == wire.OK, volume.error()
        c.send(DOWNLOAD, volume.payload + struct.pack(">QQI", 0, 0, 0))
        time.sleep(0.2)  # until it fills the socket
        serial = c.send(CLOSE)
        time.sleep(0.2)  # and has heard of the end
        frame = c.recv()
        while frame.type == wire.STREAM or frame.proc == DOWNLOAD:
            frame = c.recv()
        assert (frame.proc, frame.serial, frame.status) == (CLOSE, serial, wire.OK)
        with pytest.raises(EOFError):
            c.recv()


def test_clients_that_leave_while_a_worker_opens_their_stream(shared_daemon):
    """Nobody would end a stream that was opened behind the end of its client: its descriptors would stay."""
    with Wire(shared_daemon.sock) as keeper:
        keeper.open()
        pool = keeper.call(POOL_BY_NAME, string("default-pool")).payload
        volume = keeper.call(VOL_CREATE, pool + string("<volume><name>left</name><capacity>8000000</capacity></volume>") + u32(0))
        assert volume.status == wire.OK, volume.error()
        before = shared_daemon.fds()
        for _ in range(1000):
            with Wire(shared_daemon.sock) as c:
                c.open()
                c.raw(b"".join(c.frame(DOWNLOAD, volume.payload + struct.pack(">QQI", 0, 0, 0), serial=10 + i) for i in range(4)))
        assert until(lambda: shared_daemon.fds() <= before + 1)  # the volume's bytes
