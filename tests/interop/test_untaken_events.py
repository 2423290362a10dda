# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events for clients that do not take them: who is slow gets every one, and so does who says that he lives; who does nothing
is cut off and named, and what waited for it is memory again. None answers pings: that alone would end them, as with the
incumbent."""
import os
import re
import socket
import struct
import time

import wire
from wire import Wire, optional, string, u32

LOOKUP, SET_METADATA, REGISTER = 23, 264, 316
METADATA_CHANGED, OF_AN_ELEMENT = 23, 2
NAME = "urn:" + "x" * 60000  # is in each of the events
HELD = 5 << 20  # with so much for it a client is not read
MUCH = 18 << 20  # above what somebody may leave for long, below what nobody may


def subscribe(daemon):
    w = Wire(daemon.sock, timeout=60)
    w.open()
    assert w.call(REGISTER, u32(METADATA_CHANGED, 0)).status == wire.OK
    return w


class Causer:
    def __init__(self, daemon):
        self.daemon = daemon
        self.wire = Wire(daemon.sock).open()
        self.dom = self.wire.call(LOOKUP, string("test")).payload
        self.events = 0

    def cause(self):
        args = u32(OF_AN_ELEMENT) + optional("<a/>") + optional("k") + optional(NAME) + u32(0)
        reply = self.wire.call(SET_METADATA, self.dom + args)
        assert reply.status == wire.OK, reply
        self.events += 1


def say_alive(client):
    """As the library does with a stream nobody takes. False: there is no room, since the daemon does not read either."""
    client.sock.settimeout(0)
    try:
        return client.sock.send(client.frame(2, program=wire.KEEPALIVE, type=wire.MESSAGE, serial=0)) > 0
    except BlockingIOError:
        return False
    finally:
        client.sock.settimeout(60)


def take_all(client, taken, size):
    while taken < size:
        got = len(client.sock.recv(1 << 20))
        assert got, f"{taken} of {size} bytes"
        taken += got
    assert taken == size


def test_who_takes_nothing_is_cut_off(start_daemon):
    daemon = start_daemon()
    causer = Causer(daemon)
    with subscribe(daemon) as lazy, subscribe(daemon) as slow, subscribe(daemon) as paused, subscribe(daemon) as long:
        before = daemon.status("VmRSS")
        causer.cause()
        size = struct.unpack(">I", lazy.sock.recv(4, socket.MSG_PEEK))[0]
        taken = dict.fromkeys((lazy, slow, paused, long), 0)
        while size * causer.events - max(taken.values()) < MUCH:
            causer.cause()
            if causer.events % 25 == 0:  # on a slow machine this may take longer than one may take nothing
                for client in taken:
                    taken[client] += len(client.sock.recv(300_000))
        assert "cut off" not in daemon.log()
        assert daemon.status("VmRSS") - before > MUCH // 1024 or os.environ.get("FL_SANITIZE")
        while say_alive(long):  # it has been paused for minutes
            pass
        end = time.monotonic() + 12  # twice the time that nothing may come
        while time.monotonic() < end:
            taken[slow] += len(slow.sock.recv(500_000))
            say_alive(paused)
            say_alive(long)
            time.sleep(0.5)
            causer.cause()
        causer.cause()
        end = time.monotonic() + 30
        while "cut off" not in daemon.log():
            assert time.monotonic() < end
            time.sleep(0.01)
        assert re.search(r"client \d+ \(uid 0 pid \d+\) is cut off: .*1\d MiB of events wait for it, and it has taken nothing for \d+ s",
                         daemon.log()), daemon.log()
        assert daemon.log().count("cut off") == 1
        # every one, to the last
        take_all(slow, taken[slow], size * causer.events)
        take_all(paused, taken[paused], size * causer.events)
        take_all(long, taken[long], size * causer.events)
    assert daemon.alive()


def test_a_call_to_the_program_of_signs_is_answered(start_daemon):
    """It is no sign of life, and is not passed over as one while the client is not read."""
    causer = Causer(start_daemon())
    with subscribe(causer.daemon) as client:
        for _ in range(HELD // len(NAME)):
            causer.cause()
        client.send(1, program=wire.KEEPALIVE, serial=77)
        causer.cause()  # now its signs are looked for
        frame = client.recv()
        assert (frame.type, frame.serial, frame.status) == (wire.REPLY, 77, wire.ERROR), frame
