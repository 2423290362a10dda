# SPDX-License-Identifier: LGPL-2.1-or-later
"""Peers that leave early or ask for what the driver does not have."""
import time

import pytest

import wire
from wire import Wire, i32, optional

pytestmark = pytest.mark.tsan

HOSTNAME, SECRET_EVENTS, VIR_ERR_NO_SUPPORT = 59, 380, 3


def test_a_peer_that_leaves_before_its_replies_is_no_error(start_daemon):
    daemon = start_daemon(args=["-v"])
    for _ in range(40):
        with Wire(daemon.sock) as c:
            c.open()
            for serial in range(50):
                c.send(HOSTNAME, serial=100 + serial)
    time.sleep(0.3)
    assert daemon.alive() and " error " not in daemon.log()


def test_events_the_driver_never_has_are_refused(start_daemon):
    with Wire(start_daemon().sock) as c:
        c.open()
        reply = c.call(SECRET_EVENTS, i32(0) + optional(None))
        assert reply.status == wire.ERROR and reply.error()[0] == VIR_ERR_NO_SUPPORT
