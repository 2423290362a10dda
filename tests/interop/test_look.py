# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looking again before sleeping (base/spin.h) is given up where it does not pay. Counted, not timed."""
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

import pytest

from interop_lab import Daemon

AUTH_LIST = 66


@pytest.fixture
def daemon(namespace, tmp_path):
    d = Daemon(tmp_path / "d")
    yield d
    d.stop()


def seldom(daemon, calls):
    """Each call comes a while after the answer to the last."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(daemon.sock))
        for serial in range(calls):
            s.sendall(struct.pack(">7I", 28, 0x20008086, 1, AUTH_LIST, 0, serial, 0))
            assert len(s.recv(100)) > 28
            time.sleep(0.002)


def test_a_client_that_thinks_between_its_calls_is_slept_for(daemon, tmp_path):
    if not shutil.which("strace"):
        pytest.skip("no strace on this machine")
    trace = tmp_path / "trace"
    tracer = subprocess.Popen(["strace", "-f", "-e", "trace=epoll_wait", "-o", str(trace), "-p", str(daemon.proc.pid)],
                              stderr=subprocess.PIPE, text=True)
    try:
        tracer.stderr.readline()  # "attached"
        time.sleep(0.2)
        seldom(daemon, 300)
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=120)
    text = trace.read_text()
    assert len(re.findall(r"epoll_wait\(", text)) >= 300
    # 0, 4, 20 and 84 calls are passed over after the first misses; each look is a few system calls.
    assert len(re.findall(r"epoll_wait\(.*, 0\) += 0$", text, re.M)) < 150


def used(daemon):
    """Clock ticks of processor time the daemon has taken, and how often its threads were switched to."""
    ticks = pathlib.Path(f"/proc/{daemon.proc.pid}/stat").read_text().rsplit(")")[1].split()[11:13]
    switches = 0
    for task in pathlib.Path(f"/proc/{daemon.proc.pid}/task").iterdir():
        switches += sum(int(n) for n in re.findall(r"ctxt_switches:\s+(\d+)", (task / "status").read_text()))
    return sum(map(int, ticks)), switches


def test_an_idle_daemon_burns_nothing(daemon):
    seldom(daemon, 50)

    def rests():
        before = used(daemon)
        time.sleep(1)
        ticks, switches = (b - a for a, b in zip(before, used(daemon)))
        return ticks <= 1 and switches <= 2
    assert any(rests() for _ in range(5))  # on a busy machine what went before may take a while to settle
