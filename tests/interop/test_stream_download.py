# SPDX-License-Identifier: LGPL-2.1-or-later
"""Downloads of big packets that come in pieces of any size, cut anywhere, into memory of any size, alone and while other
threads call: what is received is what is there."""
import pathlib
import random
import socket
import subprocess
import threading
import time

import pytest

from interop_lab import python_environment

pytestmark = pytest.mark.tsan

PIECES = [1, 27, 28, 29, 500, 1024, 1052, 5000, 70_000, 300_000]

CLIENT = """
import libvirt, os, random, sys, threading
chance = random.Random(sys.argv[2])
c = libvirt.open(sys.argv[1])
pool = c.storagePoolLookupByName("default-pool")
data = os.urandom(8_000_000)
vol = pool.createXML(f"<volume><name>v</name><capacity>{len(data)}</capacity></volume>")
s = c.newStream()
vol.upload(s, 0, 0, 0)
for i in range(0, len(data), 262120):
    s.send(data[i:i + 262120])
s.finish()

def calls():
    while going:
        c.getLibVersion()

going = True
threads = [threading.Thread(target=calls) for _ in range(int(sys.argv[3]))]
[t.start() for t in threads]
for flags in (0, libvirt.VIR_STREAM_NONBLOCK):
    s, got = c.newStream(flags), bytearray()
    vol.download(s, 0, 0, 0)
    while True:
        part = s.recv(chance.choice([100, 5000, 65536, 262119, 262120, 300000]))
        if part == -2:
            continue
        if not part:
            break
        got += part
    s.finish()
    if got != data:
        sys.exit(f"{len(got)} bytes, the first that is wrong at {next((i for i, (a, b) in enumerate(zip(got, data)) if a != b), None)}")
going = False
[t.join() for t in threads]
print("the same")
"""


class Cutter:
    """Between a client and the daemon: what the daemon says goes on in pieces."""

    def __init__(self, path, daemon, seed):
        self.chance, self.daemon = random.Random(seed), daemon
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        near, far = self.listener.accept()[0], socket.socket(socket.AF_UNIX)
        far.connect(self.daemon.sock)
        threading.Thread(target=self.copy, args=(near, far), daemon=True).start()
        self.copy(far, near, True)

    def copy(self, a, b, cut=False):
        try:
            while data := a.recv(400_000):
                while data:
                    n = self.chance.choice(PIECES) if cut else len(data)
                    b.sendall(data[:n])
                    data = data[n:]
                    if cut and self.chance.random() < 0.05:
                        time.sleep(0.001)
        except OSError:
            pass
        finally:
            for s in (a, b):
                s.close()


@pytest.mark.parametrize("callers", [0, 2])
@pytest.mark.parametrize("seed", range(2))
def test_what_comes_in_pieces_is_whole(shared_daemon, folder, seed, callers):
    path = pathlib.Path(folder) / "cut"
    cutter = Cutter(path, shared_daemon, seed)
    try:
        done = subprocess.run(["/usr/bin/python3", "-c", CLIENT, f"test+unix:///default?socket={path}", str(seed), str(callers)],
                              env=python_environment(True), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    finally:
        cutter.listener.close()
    assert (done.returncode, done.stdout) == (0, "the same\n"), done.stdout + done.stderr
