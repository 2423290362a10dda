# SPDX-License-Identifier: LGPL-2.1-or-later
"""virsh targets and a daemon that is there and silent; what doctor's JSON says was tried."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest

from interop_lab import need_root, until

LISTENER = ("import signal, socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen(16)\n"
            "print('there', flush=True)\nsignal.pause()\n")


@pytest.fixture
def silent(namespace):
    """A process that listens where virtxend does."""
    need_root("listens where the machine's daemons do")
    path = pathlib.Path("/run/libvirt/virtxend-sock")
    child = subprocess.Popen([sys.executable, "-c", LISTENER, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "there\n"
        yield child, str(path)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        path.unlink()


def state_letter(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def test_a_daemon_that_is_stopped_does_not_answer(silent, our_virsh):
    child, path = silent
    child.send_signal(signal.SIGSTOP)
    assert until(lambda: state_letter(child.pid) == "T", 60)
    row, = [r for r in json.loads(our_virsh.out("-o", "json", "targets", "--timeout", "1")) if r["socket"] == path]
    assert row["state"] == "no answer" and row["total"] is None
    assert f"(process {child.pid}) takes connections and does not answer: it is stopped" in row["reason"]
    assert row["reason"].endswith(f"kill -CONT {child.pid}")
    line, = [x for x in our_virsh.out("targets", "--timeout", "1").splitlines() if path in x]
    assert " no answer " in line and "kill -CONT" in line
    child.send_signal(signal.SIGCONT)
    assert until(lambda: state_letter(child.pid) != "T", 60)
    row, = [r for r in json.loads(our_virsh.out("-o", "json", "targets", "--timeout", "1")) if r["socket"] == path]
    assert row["state"] == "no answer" and "stopped" not in row["reason"] and f"-p {child.pid}" in row["reason"]


def test_a_daemon_whose_queue_is_full_is_named_too(silent, our_virsh):
    child, path = silent
    child.send_signal(signal.SIGSTOP)
    assert until(lambda: state_letter(child.pid) == "T", 60)
    waiting = []
    try:
        for _ in range(100000):
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            try:
                waiting[-1].connect(path)
            except BlockingIOError:
                break
        row, = [r for r in json.loads(our_virsh.out("-o", "json", "targets", "--timeout", "1")) if r["socket"] == path]
    finally:
        for s in waiting:
            s.close()
    assert row["state"] == "stuck" and "a full queue of waiting clients" in row["reason"], row


def doctor(our_virsh, uri, **more):
    told = json.loads(our_virsh("-o", "json", "doctor", uri, **more).stdout)
    assert all(set(s) >= {"name", "target", "verdict", "time_ms", "findings", "tried"} for s in told["stages"])
    assert not [f for s in told["stages"] for f in s["findings"] if "  " in f]
    return {s["name"]: s for s in told["stages"]}


def test_doctor_says_which_addresses_were_tried(our_virsh):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        found = doctor(our_virsh, f"test+tcp://127.0.0.1:{port}/default")
    assert found["lookup"]["tried"] == [{"kind": "address", "what": "127.0.0.1", "state": "found"}]
    assert found["connect"]["tried"] == [{"kind": "address", "what": "127.0.0.1", "port": port, "state": "Connection refused"}]
    assert found["connect"]["advice"] and found["connect"]["error"] and found["auth"]["tried"] == []
    facts = {f["key"]: (f["value"], f["why"]) for f in found["resolve"]["facts"]}
    assert facts["driver"] == ("test", "as given") and facts["port"] == (str(port), "as given")
    assert facts["remote name"][0] == "test:///default"


def test_doctor_says_which_sockets_were_tried(our_virsh, folder):
    path = f"{folder}/a b-sock"
    found = doctor(our_virsh, f"test+unix:///default?socket={path.replace(' ', '%20')}")
    assert {"kind": "path", "what": path, "state": "absent"} in found["connect"]["tried"]
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    found = doctor(our_virsh, f"test+unix:///default?socket={path.replace(' ', '%20')}")
    tried, = [t for t in found["connect"]["tried"] if t["kind"] == "path"]
    assert tried["what"] == path and tried["state"].startswith("refused")


def test_doctor_that_passes_says_what_it_used(our_virsh, shared_daemon):
    found = doctor(our_virsh, shared_daemon.tcp_uri())
    assert [t["state"] for t in found["connect"]["tried"]] == ["connected"]
    assert found["open"]["verdict"] == "passed" and "advice" not in found["open"]
