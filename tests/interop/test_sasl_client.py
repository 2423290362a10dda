# SPDX-License-Identifier: LGPL-2.1-or-later
"""The client's side of a SASL login against daemons that cheat, babble, stall or leave: what it ends with, beside the
incumbent's client, and that nothing is believed without proof."""
import socket
import struct
import threading

import pytest

import sasl_lab
from sasl_lab import INIT, LIST, START, STEP, case, chars, log_in
from wire import string, u32

OPEN, CLOSE, FEATURE, URI = 1, 2, 60, 110


def answer(complete, data=None):
    return u32(complete, data is None) + chars(data or b"")


class Fake:
    """Offers SASL on a unix socket; `steps` are the answers to START and STEP: bytes, None to leave, "mute" to stay silent."""

    def __init__(self, path, mechanisms, steps):
        self.mechanisms, self.steps, self.seen = mechanisms, steps, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(4)
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept(): its number may be another's a moment after close()
        self.thread.join(10)
        self.listener.close()

    def accept(self):
        while True:
            try:
                peer = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        data, n, opened = b"", 0, False
        while got := peer.recv(65536):
            data += got
            while len(data) >= 28 and len(data) >= struct.unpack(">I", data[:4])[0]:
                length, program, version, proc, _, serial, _ = struct.unpack(">7I", data[:28])
                data = data[length:]
                self.seen.append(proc)
                status, payload = 0, b""
                if proc == LIST:
                    payload = u32(1, 1)
                elif proc == INIT:
                    payload = string(self.mechanisms)
                elif proc in (START, STEP):
                    step = self.steps[min(n, len(self.steps) - 1)]
                    n += 1
                    if step == "mute":
                        continue
                    if step is None:
                        peer.close()
                        return
                    payload = step
                    opened = True
                elif not opened:
                    status, payload = 1, struct.pack(">iiI", 45, 7, 1) + string("log in") + struct.pack(">i", 2) + b"\0" * 16 + \
                        struct.pack(">iiI", -1, -1, 0)
                elif proc == FEATURE:
                    payload = u32(0)
                elif proc == URI:
                    payload = string("test:///default")
                peer.sendall(struct.pack(">7I", 28 + len(payload), program, version, proc, 1, serial, status) + payload)


DIGEST = b'nonce="abcdef",realm="lab",qop="auth",charset=utf-8,algorithm=md5-sess'
# Name: (mechanisms, answers, code, domain or None where the clients differ, words of ours)
FAULTS = {
    "no mechanism": ("", [answer(1)], 45, 7, "offers"),
    "unknown mechanisms": ("NONESUCH,OTHER-9", [answer(1)], 45, 7, "no plug-in for NONESUCH"),
    "complete without proof, SCRAM": ("SCRAM-SHA-256", [answer(1)], 45, None, "auth: "),
    "complete without proof, DIGEST": ("DIGEST-MD5", [answer(0, DIGEST), answer(1)], 45, None, "auth: "),
    "a false proof": ("DIGEST-MD5", [answer(0, DIGEST), answer(1, b"rspauth=00000000000000000000000000000000")], 45, 7, "auth: "),
    "garbage": ("SCRAM-SHA-256", [answer(0, bytes(range(256)) * 16)], 45, 7, "auth: "),
    "no end": ("LOGIN", [answer(0, b"Username:")], 45, None, "auth: "),
    "a frame cut short": ("PLAIN", [u32(1)], 39, None, "auth: "),
    "it leaves at the start": ("PLAIN", [None], 38, None, "auth: "),
    "it leaves in a step": ("SCRAM-SHA-256", [answer(0, b"r=x,s=eA==,i=4096"), None], 45, 7, "auth: "),
}


@pytest.mark.parametrize("name", list(FAULTS))
def test_a_daemon_that_cheats(namespace, folder, name):
    sasl_lab.need_sasl()
    mechanisms, steps, code, domain, words = FAULTS[name]
    fake = Fake(folder / "sock", mechanisms, steps)
    uri = f"test+unix:///default?socket={folder}/sock"
    (ours,), (real,) = log_in([case(uri + "&connect_timeout=10", password="hunter2")]), log_in([case(uri, password="hunter2")], False)
    fake.close()
    assert ours.get("code") == code and words in ours["text"], ours
    assert real.get("code") == code or name in ("no end", "a frame cut short"), real
    if domain:
        assert ours["domain"] == real["domain"] == domain, (ours, real)
    assert "hunter2" not in ours["text"]


def test_a_daemon_that_stalls(namespace, folder):
    sasl_lab.need_sasl()
    fakes = [Fake(folder / "a", "SCRAM-SHA-256", ["mute"]), Fake(folder / "b", "DIGEST-MD5", [answer(0, DIGEST), "mute"])]
    for name in ("a", "b"):
        (got,) = log_in([case(f"test+unix:///default?socket={folder}/{name}&connect_timeout=4")])
        assert got["code"] == 68 and "auth: " in got["text"], got  # OPERATION_TIMEOUT
    for fake in fakes:
        fake.close()
        assert OPEN not in fake.seen[fake.seen.index(START):] and CLOSE not in fake.seen


def test_a_good_one_is_opened(namespace, folder):
    """The fake is no reason for the failures above."""
    sasl_lab.need_sasl()
    fake = Fake(folder / "sock", "PLAIN", [answer(1)])
    code = "import libvirt,sys\n" + """
def cb(creds, data):
    for c in creds: c[4] = "x"
    return 0
c = libvirt.openAuth(sys.argv[1], [[2, 5], cb, None], 0)
print(c.isAlive())
"""
    import subprocess
    done = subprocess.run(["/usr/bin/python3", "-c", code, f"test+unix:///default?socket={folder}/sock"], text=True,
                          capture_output=True, timeout=120, env=sasl_lab.python_environment())
    assert done.stdout == "1\n", done.stderr
    fake.close()
