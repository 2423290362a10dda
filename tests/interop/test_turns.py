# SPDX-License-Identifier: LGPL-2.1-or-later
"""What one client sends at once: its answers are as many as it reads, and others get their turn between them."""
import threading

import pytest

import wire
from wire import Wire, string, u32

pytestmark = pytest.mark.tsan

DEFINE, LOOKUP_BY_NAME, GET_XML = 11, 23, 14


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
    assert daemon.status("VmHWM") < 64 << 10
