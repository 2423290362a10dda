# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bare client of the wire, for tests that must send what no library would: frames are made and read by hand."""
import array
import socket
import struct

REMOTE, QEMU, KEEPALIVE = 0x20008086, 0x20008087, 0x6B656570
CALL, REPLY, MESSAGE, STREAM, CALL_FDS, REPLY_FDS, HOLE = range(7)
OK, ERROR, CONTINUE = range(3)


def u32(*values):
    return struct.pack(f">{len(values)}I", *values)


def i32(*values):
    return struct.pack(f">{len(values)}i", *values)


def string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return u32(len(data)) + data + b"\0" * (-len(data) % 4)


def optional(text):
    return u32(0) if text is None else u32(1) + string(text)


class Frame:
    def __init__(self, data):
        self.program, self.version, self.proc, self.type, self.serial, self.status = struct.unpack(">6I", data[:24])
        self.payload = data[24:]

    def __repr__(self):
        return (f"<frame program={self.program:#x} proc={self.proc} type={self.type} serial={self.serial} "
                f"status={self.status} {self.payload[:60]!r}>")

    def error(self):
        """(code, domain, message) of an ERROR reply."""
        assert self.status == ERROR, self
        code, domain, has_message = struct.unpack(">3I", self.payload[:12])
        if not has_message:
            return code, domain, None
        n = struct.unpack(">I", self.payload[12:16])[0]
        return code, domain, self.payload[16:16 + n].decode()


class Wire:
    """One connection. `target`: a socket path, or (host, port)."""

    def __init__(self, target, timeout=30):
        family = socket.AF_UNIX if isinstance(target, str) else socket.AF_INET
        self.sock = socket.socket(family)
        if family == socket.AF_UNIX:  # one with a time-out of Python's does not wait where the queue is full
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 30, 0))
        else:
            self.sock.settimeout(timeout)
        self.sock.connect(target)
        self.sock.settimeout(timeout)
        self.serial = 0
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()

    def raw(self, data):
        self.sock.sendall(data)

    def frame(self, proc, payload=b"", program=REMOTE, version=1, type=CALL, status=OK, serial=None):
        if serial is None:
            self.serial += 1
            serial = self.serial
        return struct.pack(">7I", 28 + len(payload), program, version, proc, type, serial, status) + payload

    def send(self, proc, payload=b"", **fields):
        """Returns the serial."""
        data = self.frame(proc, payload, **fields)
        self.raw(data)
        return struct.unpack(">I", data[20:24])[0]

    def read(self, n):
        data = b""
        while len(data) < n:
            got = self.sock.recv(n - len(data))
            if not got:
                raise EOFError("the daemon closed the connection")
            data += got
        return data

    def recv(self):
        """The next frame that is no event or ping; events are kept in self.events."""
        while True:
            (length,) = struct.unpack(">I", self.read(4))
            frame = Frame(self.read(length - 4))
            if frame.type != MESSAGE:
                return frame
            if frame.program == KEEPALIVE and frame.proc == 1:
                self.send(2, program=KEEPALIVE, type=MESSAGE, serial=0)
            else:
                self.events.append(frame)

    def wait_event(self, timeout=30):
        self.sock.settimeout(timeout)
        while not self.events:
            (length,) = struct.unpack(">I", self.read(4))
            frame = Frame(self.read(length - 4))
            assert frame.type == MESSAGE, frame
            self.events.append(frame)
        return self.events.pop(0)

    def call(self, proc, payload=b"", **fields):
        self.send(proc, payload, **fields)
        return self.recv()

    def send_fds(self, fds):
        """Descriptors as they follow a CALL_WITH_FDS: a message each, with one dummy byte."""
        for fd in fds:
            self.sock.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])

    def open(self, uri="test:///default", flags=0):
        frame = self.call(1, optional(uri) + u32(flags))
        assert frame.status == OK, frame
        return self

    def alive(self):
        """The connection still answers a harmless call."""
        frame = self.call(66)
        return frame.type == REPLY and frame.status == OK
