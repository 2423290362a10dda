# SPDX-License-Identifier: LGPL-2.1-or-later
"""A connection held by another process (client_main.py), and a wire in between that a test can cut or stop."""
import json
import select
import shutil
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

from interop_lab import python_environment

HERE = Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"


class LibvirtError(Exception):
    def __init__(self, code, domain, message, seconds):
        super().__init__(f"code {code} domain {domain}: {message}")
        self.code, self.domain, self.message, self.seconds = code, domain, message, seconds


class Held:
    """held.do("c.getHostname()") -> its value, or LibvirtError. start() and result() do it in two steps."""

    def __init__(self, uri, ours=True, loop=True, args=(), env=None, wrap=list):
        if subprocess.run([PYTHON, "-c", "import libvirt"], stderr=subprocess.DEVNULL).returncode != 0:
            pytest.skip("no python3-libvirt")
        argv = [PYTHON, str(HERE / "client_main.py"), uri, "loop" if loop else "none", *args]
        env = python_environment(ours, **(env or {}))
        self.proc = subprocess.Popen(wrap(argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                     stderr=subprocess.PIPE, env=env)
        self.seconds = 0.0
        self.opened = self.result(timeout=120)

    def start(self, line):
        self.proc.stdin.write(json.dumps(line) + "\n")
        self.proc.stdin.flush()

    def result(self, timeout=120):
        ready, _, _ = select.select([self.proc.stdout], [], [], timeout)
        if not ready:
            self.proc.kill()
            raise AssertionError(f"no answer in {timeout} s:\n{self.proc.stderr.read()}")
        line = self.proc.stdout.readline()
        if not line:
            raise AssertionError(f"the client ended with {self.proc.wait()}:\n{self.proc.stderr.read()}")
        kind, *rest = json.loads(line)
        if kind == "error":
            raise LibvirtError(*rest)
        self.seconds = rest[1]
        return rest[0]

    def do(self, line, timeout=120):
        self.start(line)
        return self.result(timeout)

    def close(self):
        """What it wrote to stderr."""
        try:
            self.proc.stdin.close()
            self.proc.wait(60)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self.proc.kill()
            self.proc.wait()
        text = self.proc.stderr.read()
        self.proc.stdout.close()
        self.proc.stderr.close()
        return text


@pytest.fixture
def hold():
    """hold(uri, ours=..., loop=...) -> Held."""
    clients = []

    def start(uri, **kwargs):
        clients.append(Held(uri, **kwargs))
        return clients[-1]

    yield start
    for client in clients:
        said = client.close()
        assert "Sanitizer" not in said, said


class Pair:
    def __init__(self, near, far):
        self.near, self.far, self.threads, self.resetting = near, far, [], False

    def shut(self):
        for s in (self.near, self.far):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def reset(self):
        """The last close of a socket that does not linger sends it: whoever reads from it must have left."""
        self.resetting = True
        self.near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for s, how in ((self.near, socket.SHUT_RD), (self.far, socket.SHUT_RDWR)):
            try:
                s.shutdown(how)
            except OSError:
                pass  # it has ended by itself
        for t in self.threads:
            t.join()
        self.near.close()


class Middle:
    """A TCP port that passes everything on to `target` (a socket path or an address), until told otherwise."""

    def __init__(self, target):
        self.target = target
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs, self.lock, self.seen = [], threading.Lock(), 0
        self.log = []  # (seconds, "up" or "down", bytes)
        self.passing = threading.Event()
        self.passing.set()
        self.holding = threading.Event()  # something has come from the client while nothing passed
        self.listen()

    def listen(self):
        self.listener.listen(16)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX if isinstance(self.target, str) else socket.AF_INET)
            try:
                far.connect(self.target)
            except OSError:
                near.close()
                continue
            pair = Pair(near, far)
            with self.lock:
                self.pairs.append(pair)
                self.seen += 1
            for a, b, way in ((near, far, "up"), (far, near, "down")):
                pair.threads.append(threading.Thread(target=self._copy, args=(pair, a, b, way), daemon=True))
            for t in pair.threads:
                t.start()

    def _copy(self, pair, a, b, way):
        try:
            while data := a.recv(65536):
                if way == "up" and not self.passing.is_set():
                    self.holding.set()
                self.passing.wait()
                self.log.append((time.monotonic(), way, data))
                b.sendall(data)
        except OSError:
            pass
        if not pair.resetting:
            pair.shut()

    def hold(self):
        """From now on nothing passes; holding tells of what the client sends."""
        self.holding.clear()
        self.passing.clear()

    def cut(self, reset=False):
        """Ends what is connected; with a reset instead of an end."""
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            pair.reset() if reset else pair.shut()

    def say(self, data):
        """Bytes of the test's own to the client."""
        with self.lock:
            for pair in self.pairs:
                pair.near.sendall(data)

    def refuse(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept_again(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listen()

    def close(self):
        self.passing.set()
        try:
            self.refuse()
        except OSError:
            pass
        self.cut()


@pytest.fixture
def middle():
    """middle(target) -> Middle."""
    all_ = []

    def start(target):
        all_.append(Middle(target))
        return all_[-1]

    yield start
    for m in all_:
        m.close()


FAKE_SSH = "#!/bin/sh\n# what the far shell would run, here\nfor last in \"$@\"; do :; done\nexec sh -c \"$last\"\n"
PIPE = "#!/bin/sh\nexec socat - UNIX-CONNECT:{sock}\n"


def uri_over(d, folder, over):
    """The URI of a daemon over unix, tcp, ext (socat) or ssh (a script that runs what the far shell would)."""
    if over == "unix":
        return d.uri()
    if over == "tcp":
        return d.tcp_uri()
    script = folder / over
    script.write_text(FAKE_SSH if over == "ssh" else PIPE.format(sock=d.sock))
    script.chmod(0o755)
    if over == "ext":
        if not shutil.which("socat"):
            pytest.skip("no socat")
        return f"test+ext:///default?command={script}"
    if not shutil.which("nc"):
        pytest.skip("no nc")
    return f"test+ssh://localhost/default?command={script}&socket={d.sock}&netcat=nc"
