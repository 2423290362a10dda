# SPDX-License-Identifier: LGPL-2.1-or-later
"""Opening against a daemon that is only a script: what our client sends, in which order, and what it makes of strange
answers. The client is python3-libvirt on top of our library, in a process of its own."""
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("FL_BUILD", ROOT / "build")).resolve()
PROGRAM = 0x20008086
OPEN, CLOSE, FEATURE, AUTH_LIST, POLKIT = 1, 2, 60, 66, 70
NONE, SASL, POLKIT_TYPE = 0, 1, 2

CLIENT = """
import libvirt, sys
libvirt.registerErrorHandler(lambda *a: None, None)
try:
    conn = libvirt.open(sys.argv[1])
    print("opened", conn.getURI())
    conn.close()
except libvirt.libvirtError as e:
    print("error", e.get_error_code(), e)
"""


def text(data):
    return struct.pack(">I", len(data)) + data + b"\0" * (-len(data) % 4)


def error(code, message):
    return struct.pack(">iiI", code, 7, 1) + text(message) + struct.pack(">i", 2) + b"\0" * 16 + struct.pack(">iiI", -1, -1, 0)


class Daemon:
    """Answers on one connection as `answer(self, proc)` says: (status, payload), raw bytes, or None to hang up."""

    def __init__(self, path, answer):
        self.seen, self.serial, self.authenticated, self.answer = [], 0, False, answer
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        conn, buf = self.listener.accept()[0], b""
        while True:
            data = conn.recv(65536)
            if not data:
                return
            buf += data
            while len(buf) >= 28 and len(buf) >= struct.unpack(">I", buf[:4])[0]:
                length, program, version, proc, _, serial, _ = struct.unpack(">7I", buf[:28])
                buf = buf[length:]
                self.seen.append(proc)
                self.serial = serial
                reply = self.answer(self, proc)
                if reply is None:
                    conn.close()
                    return
                if isinstance(reply, tuple):
                    status, payload = reply
                    reply = struct.pack(">7I", 28 + len(payload), program, version, proc, 1, serial, status) + payload
                conn.sendall(reply)


def polite(types):
    def answer(daemon, proc):
        if proc == AUTH_LIST:
            daemon.authenticated = daemon.authenticated or types == [NONE]
            return 0, struct.pack(f">I{len(types)}I", len(types), *types)
        if proc == POLKIT:
            daemon.authenticated = True
            return 0, struct.pack(">I", 1)
        if not daemon.authenticated:
            return 1, error(45, b"authentication required")
        return 0, struct.pack(">I", 1) if proc == FEATURE else b""
    return answer


@pytest.fixture
def run(tmp_path):
    def go(answer, extra="", client=CLIENT):
        path = tmp_path / "sock"
        daemon = Daemon(path, answer)
        env = dict(os.environ, LD_LIBRARY_PATH=str(BUILD / "src"))
        sanitizer = {"address": "libasan.so", "thread": "libtsan.so"}.get(os.environ.get("FL_SANITIZE"))
        if sanitizer:  # its runtime must come first, and Python's own leaks are no news
            env["LD_PRELOAD"] = subprocess.check_output(["cc", "-print-file-name=" + sanitizer], text=True).strip()
            env.setdefault("ASAN_OPTIONS", "detect_leaks=0")
        out = subprocess.run(["/usr/bin/python3", "-c", client, f"test+unix:///default?socket={path}{extra}"], env=env, text=True,
                             capture_output=True, timeout=120, check=False)
        if "cannot open shared object" in out.stderr or "No module named" in out.stderr:
            pytest.skip(out.stderr.strip().splitlines()[-1])
        return daemon, out.stdout.strip()
    return go


@pytest.mark.parametrize("types, extra, seen", [
    ([NONE], "", [AUTH_LIST, OPEN, CLOSE]),
    ([NONE], "&auth=none", [AUTH_LIST, OPEN, CLOSE]),
    ([POLKIT_TYPE], "", [AUTH_LIST, OPEN, POLKIT, OPEN, CLOSE]),
    ([POLKIT_TYPE, SASL], "", [AUTH_LIST, OPEN, POLKIT, OPEN, CLOSE]),
    ([SASL, POLKIT_TYPE], "&auth=polkit", [AUTH_LIST, POLKIT, OPEN, CLOSE]),
])
def test_opens(run, types, extra, seen):
    daemon, out = run(polite(types), extra)
    assert out.startswith("opened test+unix:///default?")
    assert daemon.seen == seen


@pytest.mark.parametrize("types, extra, words", [
    ([SASL], "", "authentication required"),
    ([SASL, POLKIT_TYPE], "&auth=none", "sasl, polkit"),
    ([], "", "no way to authenticate"),
    ([9], "", "unknown type 9"),
])
def test_authentication_that_cannot_be(run, types, extra, words):
    daemon, out = run(polite(types), extra)
    assert out.startswith("error 45 ") and words in out
    assert POLKIT not in daemon.seen


def at_open(reply):
    def answer(daemon, proc):
        return reply if proc == OPEN else polite([NONE])(daemon, proc)
    return answer


def frame(length, proc=OPEN, kind=1, serial=2, status=0, payload=b"", program=PROGRAM):
    return struct.pack(">7I", length, program, 1, proc, kind, serial, status) + payload


@pytest.mark.parametrize("reply, code, words", [
    ((1, error(38, b"it will not")), 38, "it will not"),
    ((7, b""), 39, "unknown status 7"),
    ((1, b"\0" * 3), 39, "error, field 1"),
    ((1, struct.pack(">iiII", 1, 1, 1, 0xffffffff)), 39, "limit is 4194304"),
    (None, 38, "closed the connection"),
    (frame(0), 39, "frame length 0"),
    (frame(27), 39, "frame length 27"),
    (frame(33554437), 39, "frame length 33554437"),
    (frame(28, proc=3), 39, "procedure 3"),
    (frame(28, serial=77), 39, "no call waits"),
    (frame(28, kind=0), 39, "server does not send"),
    (frame(28, kind=9), 39, "server does not send frames of type 9"),
    ((1, error(38, b"it will not") + b"more"), 38, "it will not"),
    (frame(32, kind=5, payload=struct.pack(">I", 1)), 39, "carries none"),
])
def test_strange_answers(run, reply, code, words):
    _, out = run(at_open(reply))
    assert out.startswith(f"error {code} "), out
    assert words in out


@pytest.mark.parametrize("more", [b"left", b"xyz", bytes(1000)])
def test_bytes_behind_an_answer_are_not_looked_at(run, more):
    daemon, out = run(lambda daemon, proc: (polite([NONE])(daemon, proc)[0], polite([NONE])(daemon, proc)[1] + more))
    assert out.startswith("opened ")
    assert daemon.seen == [AUTH_LIST, OPEN, CLOSE]


WATCHER = """
import libvirt, sys
libvirt.virEventRegisterDefaultImpl()
got = []
conn = libvirt.open(sys.argv[1])
ids = [conn.domainEventRegisterAny(None, i, cb, None) for i, cb in (
    (0, lambda c, d, event, detail, o: got.append((d.name(), event, detail))),
    (1, lambda c, d, o: got.append((d.name(), "reboot"))))]
while len(got) < 2:
    libvirt.virEventRunDefaultImpl()
print(got)
for i in ids:
    conn.domainEventDeregisterAny(i)
conn.close()
"""


def test_events_of_a_daemon_without_numbers(run):
    """Feature 14 denied: the older calls register, and the messages carry no callback id."""
    domain = text(b"old") + bytes(16) + struct.pack(">i", 5)

    def answer(daemon, proc):
        if proc == FEATURE:
            return (0, struct.pack(">I", 1)) if daemon.seen.count(FEATURE) == 1 else (0, struct.pack(">I", 0))
        if proc in (105, 106):
            return 0, struct.pack(">I", 1)
        if proc == 167:  # the events come before the answer: nobody may lose them
            life, reboot = domain + struct.pack(">ii", 2, 3), domain
            return struct.pack(">7I", 28 + len(life), PROGRAM, 1, 107, 2, 0, 0) + life + \
                struct.pack(">7I", 28, PROGRAM, 1, 167, 1, daemon.serial, 0) + \
                struct.pack(">7I", 28 + len(reboot), PROGRAM, 1, 169, 2, 0, 0) + reboot
        return polite([NONE])(daemon, proc)

    daemon, out = run(answer, client=WATCHER)
    assert out == "[('old', 2, 3), ('old', 'reboot')]"
    assert daemon.seen == [AUTH_LIST, OPEN, FEATURE, FEATURE, 105, 167, 106, 168, CLOSE]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__]))
