# SPDX-License-Identifier: LGPL-2.1-or-later
"""When CONNECT_OPEN goes along with the first question, and when it waits for its answer: over plain TCP what is opened is not
told to one who may want a login that encrypts, and nobody is asked in vain who wanted a login the last time."""
import select
import socket
import struct
import subprocess
import threading

from interop_lab import python_environment
from wire import i32, string, u32

LIST, OPEN, CLOSE = 66, 1, 2
NONE, SASL = 0, 1
OPEN_ALL = """
import libvirt, sys
libvirt.registerErrorHandler(lambda *a: None, None)
for uri in sys.argv[1:]:
    try:
        libvirt.open(uri).close()
        print("opened", flush=True)
    except libvirt.libvirtError as e:
        print(e.get_error_code(), flush=True)
"""


class Fake:
    """A daemon that wants in turn what `wants` says, and notes what had come before it answered the first question."""

    def __init__(self, where, wants):
        self.listener = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET)
        self.listener.bind(where)
        self.listener.listen(8)
        self.wants, self.early = wants, []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        for want in self.wants:
            peer = self.listener.accept()[0]
            try:
                self.serve(peer, want)
            finally:
                peer.close()
        self.listener.close()

    def frame(self):
        head = self.read(28)
        if not head:
            return None
        length, program, version, proc, _, serial, _ = struct.unpack(">7I", head)
        self.read(length - 28)
        return program, version, proc, serial

    def read(self, n):
        data = b""
        while len(data) < n and (got := self.peer.recv(n - len(data))):
            data += got
        return data

    def answer(self, frame, payload=b"", status=0):
        program, version, proc, serial = frame
        self.peer.sendall(struct.pack(">7I", 28 + len(payload), program, version, proc, 1, serial, status) + payload)

    def serve(self, peer, want):
        self.peer = peer
        first = self.frame()
        assert first[2] == LIST
        more = bool(select.select([peer], [], [], 0.5)[0])
        self.early.append(more)
        self.answer(first, u32(1, want))
        while frame := self.frame():
            if want == NONE:
                self.answer(frame)
            elif frame[2] == OPEN:
                self.answer(frame, i32(39, 7) + u32(1) + string("not yet") + i32(2) + b"\0" * 16 + i32(-1, -1) + u32(0), 1)
            else:
                return


def run(where, wants, *uris):
    fake = Fake(where, wants)
    done = subprocess.run(["/usr/bin/python3", "-c", OPEN_ALL, *uris], env=python_environment(True, XDG_CONFIG_HOME="/nonexistent"),
                          text=True, capture_output=True, timeout=120)
    fake.thread.join(10)
    return fake.early, done.stdout.split()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_over_plain_tcp(namespace):
    where = ("127.0.0.1", free_port())
    uri = f"test+tcp://127.0.0.1:{where[1]}/default"
    early, results = run(where, [NONE, NONE, SASL, SASL, NONE, NONE], *[uri] * 6)
    # Known once it has answered; a login that comes up meanwhile is asked for after the refusal, and known then.
    assert early == [False, True, True, False, False, True]
    assert [r == "opened" for r in results] == [True, True, False, False, True, True], results


def test_over_plain_tcp_to_whom_no_login_is_wanted_of(namespace):
    where = ("127.0.0.1", free_port())
    assert run(where, [NONE], f"test+tcp://127.0.0.1:{where[1]}/default?auth=none") == ([True], ["opened"])
    where = ("127.0.0.1", free_port())
    uri = f"test+tcp://127.0.0.1:{where[1]}/default"
    assert run(where, [NONE, NONE], uri, uri + "?auth=sasl")[0] == [False, False]


def test_over_a_unix_socket(namespace, folder):
    uri = f"test+unix:///default?socket={folder}/sock"
    early, results = run(f"{folder}/sock", [NONE, SASL, SASL, NONE, NONE], *[uri] * 5)
    assert early == [True, True, False, False, True]
    assert [r == "opened" for r in results] == [True, False, False, True, True], results


def test_one_far_side_says_nothing_of_another(namespace):
    ports = [free_port(), free_port()]
    fakes = [Fake(("127.0.0.1", p), [NONE, NONE]) for p in ports]
    uris = [f"test+tcp://127.0.0.1:{p}/default" for p in ports] * 2
    done = subprocess.run(["/usr/bin/python3", "-c", OPEN_ALL, *uris], env=python_environment(True), text=True, capture_output=True,
                          timeout=120)
    assert done.stdout.split() == ["opened"] * 4, done.stderr
    assert [f.early for f in fakes] == [[False, True]] * 2
