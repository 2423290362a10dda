# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing hangs for ever: servers that stay silent at each stage of opening, and later, over every way in. The shell
must end when the limit is reached (and a slow machine has had some time), saying the stage, the target, how long it waited and what to do."""
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from transport_lab import ROOT, write_script

BUILD = Path(os.environ.get("FL_BUILD", ROOT / "build")).resolve()
VIRSH = Path(os.environ.get("FL_VIRSH", BUILD / "virsh" / "virsh"))
OPEN, CLOSE, GET_HOSTNAME, FEATURE, AUTH_LIST, AUTH_POLKIT = 1, 2, 59, 60, 66, 70
POLKIT = 2
LIMIT = 1
AT_MOST = 28  # seconds: without a limit it would be half a minute, or for ever


class Silent:
    """Accepts, answers the procedures of `answers` (number: payload) and nothing else. `drip`: sends a byte of a frame
    that never ends now and then."""

    def __init__(self, listener, answers=None, drip=False):
        self.listener, self.answers, self.drip = listener, answers or {}, drip
        listener.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.drip_bytes if self.drip else self.serve, args=(conn,), daemon=True).start()

    @staticmethod
    def drip_bytes(conn):
        try:
            for byte in struct.pack(">I", 1000) + bytes(500):
                conn.sendall(bytes([byte]))
                time.sleep(0.1)
        except OSError:
            pass

    def serve(self, conn):
        buf = b""
        try:
            while data := conn.recv(65536):
                buf += data
                while len(buf) >= 28 and len(buf) >= struct.unpack(">I", buf[:4])[0]:
                    length, program, version, proc, _, serial, _ = struct.unpack(">7I", buf[:28])
                    buf = buf[length:]
                    if proc in self.answers:
                        payload = self.answers[proc]
                        conn.sendall(struct.pack(">7I", 28 + len(payload), program, version, proc, 1, serial, 0) + payload)
        except OSError:
            pass


NO_AUTH = struct.pack(">2I", 1, 0)
ASKS_POLKIT = struct.pack(">2I", 1, POLKIT)
OPENS = {AUTH_LIST: NO_AUTH, OPEN: b"", FEATURE: struct.pack(">I", 0)}


@pytest.fixture
def silent(short_tmp):
    sockets = []

    def make(kind="unix", **how):
        listener = socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET)
        address = str(short_tmp / f"s{len(sockets)}") if kind == "unix" else ("127.0.0.1", 0)
        listener.bind(address)
        sockets.append(listener)
        Silent(listener, **how)
        return address if kind == "unix" else listener.getsockname()[1]

    yield make
    for s in sockets:
        s.close()


def shell(uri, *command, patience=120):
    """(exit code, stderr, seconds)"""
    if not VIRSH.exists():
        pytest.skip(f"{VIRSH} is not built")
    begun = time.monotonic()
    done = subprocess.run([VIRSH, "-c", uri, *(command or ["hostname"])], capture_output=True, text=True, timeout=patience,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stderr, time.monotonic() - begun


def check(uri, *words):
    for limit in (LIMIT, 6 * LIMIT):  # a machine that stands still may take the first of them for an earlier stage
        code, err, took = shell(uri.replace(f"_timeout={LIMIT}", f"_timeout={limit}"))
        missing = [w for w in words if w.replace(f"{LIMIT} s", f"{limit} s") not in err]
        assert code == 1 and limit - 0.1 <= took < AT_MOST, (took, err)
        if not missing:
            return
    raise AssertionError(f"no {missing} in {err}")


def test_a_unix_socket_that_never_answers(silent):
    path = silent()
    check(f"test+unix:///default?socket={path}&connect_timeout={LIMIT}", "auth: ", path, "(1 s)", "connect_timeout=")


def test_a_port_that_never_answers(silent):
    port = silent("tcp")
    check(f"test+tcp://127.0.0.1:{port}/default?connect_timeout={LIMIT}", "auth: ", str(port), "(1 s)", "connect_timeout=")


def test_bytes_that_come_too_slowly_do_not_prolong_it(silent):
    path = silent(drip=True)
    check(f"test+unix:///default?socket={path}&connect_timeout={LIMIT}", "auth: ", path, "(1 s)")


def test_silence_after_the_first_answer(silent):
    path = silent(answers={AUTH_LIST: NO_AUTH})
    check(f"test+unix:///default?socket={path}&connect_timeout={LIMIT}", "open: ", path, "(1 s)", "connect_timeout=")


@pytest.mark.parametrize("extra", ["", "&auth=polkit"])
def test_silence_while_authenticating(silent, extra):
    path = silent(answers=OPENS | {AUTH_LIST: ASKS_POLKIT})
    check(f"test+unix:///default?socket={path}&connect_timeout={LIMIT}{extra}", "auth: ", path, "(1 s)", "connect_timeout=")


@pytest.mark.parametrize("transport", ["ext", "ssh"])
@pytest.mark.parametrize("script", ["exec sleep 60", "trap '' TERM HUP; sleep 60 & wait; wait"], ids=["plain", "ignoring SIGTERM"])
def test_a_command_that_connects_and_stays_silent(short_tmp, transport, script):
    command = write_script(short_tmp / "command", f"#!/bin/sh\n{script}\n")
    host = "far" if transport == "ssh" else ""
    target = "ssh far" if transport == "ssh" else str(command)
    stage = "ssh-auth: " if transport == "ssh" else "auth: "
    check(f"test+{transport}://{host}/default?command={command}&connect_timeout={LIMIT}", stage, target, "(1 s)", "connect_timeout=")


def full_queue(listener, address):
    """Connects until the listener's queue takes no more. Returns what must stay open."""
    held = []
    listener.listen(0)
    for _ in range(16):
        s = socket.socket(listener.family)
        s.settimeout(0.1)
        held.append(s)
        try:
            s.connect(address)
        except OSError:
            break
    return held


def test_a_unix_socket_nobody_accepts_from(short_tmp):
    path = str(short_tmp / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        held = full_queue(listener, path)
        check(f"test+unix:///default?socket={path}&connect_timeout={LIMIT}", "connect: ", path, "after 1 s", "connect_timeout=")
        for s in held:
            s.close()


def test_a_port_nobody_accepts_from():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        held = full_queue(listener, ("127.0.0.1", port))
        check(f"test+tcp://127.0.0.1:{port}/default?connect_timeout={LIMIT}", "connect: ", str(port), "after 1 s", "connect_timeout=")
        for s in held:
            s.close()


def test_a_call_has_its_own_limit(silent):
    path = silent(answers=OPENS | {CLOSE: b""})
    check(f"test+unix:///default?socket={path}&call_timeout={LIMIT}", path, "(1 s)", "call_timeout=")


def test_closing_is_bounded_too(silent):
    """The call and the close that follows it: each within the limit."""
    path = silent(answers=OPENS)
    code, err, took = shell(f"test+unix:///default?socket={path}&call_timeout={LIMIT}")
    assert code == 1 and "call_timeout=" in err
    assert took < AT_MOST


def test_the_end_of_ssh_names_its_own_stage(short_tmp):
    command = write_script(short_tmp / "command", "#!/bin/sh\necho 'Host key verification failed.' >&2\nexit 255\n")
    code, err, _ = shell(f"test+ssh://far/default?command={command}")
    assert code == 1 and "ssh-auth: ssh far" in err and "open:" not in err


def test_zero_means_no_limit(silent):
    path = silent()
    with subprocess.Popen([VIRSH, "-c", f"test+unix:///default?socket={path}&connect_timeout=0", "hostname"],
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as shell_process:
        time.sleep(1.5)
        assert shell_process.poll() is None
        shell_process.send_signal(signal.SIGKILL)


def test_what_answers_in_time_is_not_cut(silent):
    path = silent(answers=OPENS | {CLOSE: b"", GET_HOSTNAME: struct.pack(">I", 3) + b"box\0"})
    code, err, _ = shell(f"test+unix:///default?socket={path}&connect_timeout=60&call_timeout=60", "hostname")
    assert (code, err) == (0, "")


# ---- streams: sending, receiving and finishing are calls as well

LOOKUP, CONSOLE = 23, 201
GUEST = struct.pack(">I", 4) + b"test" + bytes(16) + struct.pack(">i", 1)
STREAM_CALLS = """
import sys, time
import libvirt
libvirt.registerErrorHandler(lambda *_: None, None)
conn = libvirt.open(sys.argv[1])
stream = conn.newStream(0)
conn.lookupByName("test").openConsole(None, stream, 0)
begun = time.monotonic()
try:
    if sys.argv[2] == "finish":
        stream.finish()
    elif sys.argv[2] == "recv":
        stream.recv(10)
    else:
        while True:
            stream.send(b"x" * 200000)
except libvirt.libvirtError as e:
    print(e.get_error_code(), time.monotonic() - begun, e)
"""


class OneWay(Silent):
    """Once the stream is open it reads and says no more: what is sent piles up."""

    def serve(self, conn):
        buf = b""
        while len(buf) < 28 or struct.unpack(">7I", buf[:28])[3] != CONSOLE:
            buf += conn.recv(65536)
            while len(buf) >= 28 and len(buf) >= struct.unpack(">I", buf[:4])[0]:
                length, program, version, proc, _, serial, _ = struct.unpack(">7I", buf[:28])
                conn.sendall(struct.pack(">7I", 28 + len(self.answers[proc]), program, version, proc, 1, serial, 0) +
                             self.answers[proc])
                if proc == CONSOLE:
                    time.sleep(60)
                    return
                buf = buf[length:]


@pytest.mark.parametrize("what", ["recv", "finish", "send"])
def test_waiting_for_a_stream_has_the_limit_of_a_call(short_tmp, what):
    pytest.importorskip("libvirt")
    path = str(short_tmp / "s")
    env = {k: v for k, v in os.environ.items() if not k.startswith("LIBVIRT_")} | {"LD_LIBRARY_PATH": str(BUILD / "src")}
    if os.environ.get("FL_SANITIZE"):
        pytest.skip("Python would have to load the sanitizer first")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        OneWay(listener, answers=OPENS | {LOOKUP: GUEST, CONSOLE: b"", CLOSE: b""})
        uri = f"test+unix:///default?socket={path}&call_timeout={LIMIT}"
        done = subprocess.run([sys.executable, "-c", STREAM_CALLS, uri, what], capture_output=True, text=True, timeout=120, env=env)
    code, took, text = done.stdout.split(" ", 2)
    assert code == "68" and "call_timeout=" in text
    assert LIMIT - 0.1 <= float(took) < AT_MOST
