# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bench itself, with tiny counts: every group measures every pairing it promises, the bare limit asks with frames of the
size that the measured call has, and nothing is left behind, also when somebody interrupts it. No figure is looked at."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("FL_BUILD", ROOT / "build")).resolve()
BENCH = [sys.executable, str(ROOT / "bench" / "bench.py")]
ALL = {"theirs", "ours", "to", "ot", "bare"}
BOTH = {"theirs", "ours"}

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="the bench needs root"),
    pytest.mark.skipif(bool(os.environ.get("FL_SANITIZE")), reason="measures an optimised build; its client loads the incumbent's library"),
    pytest.mark.skipif(not os.path.exists("/usr/sbin/libvirtd"), reason="no incumbent here"),
]

# A row of each kind, and who has a value in it.
ROWS = {
    "calls": [(r"call, (unix|tcp|tls), (one core|free), p(50|99)", 12, ALL)],
    "open": [(r"open \+ close, (unix|tcp|tls), (one core|free)", 6, ALL)],
    "threads": [(r"\d+ threads, one connection, .*", 6, ALL - {"bare"}), (r"\d+ threads, own connections, .*", 6, ALL)],
    "many": [(r"\d+ domains, .*", 18, ALL - {"bare"})],
    "events": [(r"\d+ events to (10|100), (one core|free)(, received|, lost)?", 9, ALL - {"bare"})],
    "streams": [(r"(up|down)load of 1 MiB, (unix|tcp|tls), .*", 12, ALL),
                (r"  a bare copy, .*", 10, {"bare"})],
    "programs": [(r"virsh .*", 6, BOTH | {"bare"}), (r"an empty program.*", 4, {"bare"})],
    "daemons": [(r"start to first answer, .*", 2, BOTH)],
    "idle": [(r"idle .*", 6, BOTH)],
    "connections": [(r"20 connections, .*", 3, BOTH)],
    "blocking": [(r".*, alone, p(50|99)", 8, BOTH), (r".*, beside 4 blocked, p(50|99)", 8, BOTH), (r"4 calls blocked .*", 1, BOTH)],
    "library": [(r".*", 5, BOTH)],
}


def run(folder, *args):
    paths = ["--json", str(folder / "b.json"), "--markdown", str(folder / "b.md")]
    r = subprocess.run([*BENCH, "--quick", "--rounds", "1", *paths, *args], env={**os.environ, "FL_BUILD": str(BUILD)}, capture_output=True,
                       text=True, timeout=120)
    assert r.returncode == 0, r.stdout[-3000:] + r.stderr[-3000:]
    return json.loads((folder / "b.json").read_text()), r.stdout


@pytest.mark.parametrize("group", ROWS)
def test_a_group(tmp_path, group):
    found, shown = run(tmp_path, "--only", group)
    left = {r["what"]: r for r in found["rows"]}
    for pattern, count, who in ROWS[group]:
        mine = [left.pop(what) for what in list(left) if re.fullmatch(pattern, what)]
        assert len(mine) == count, (pattern, [r["what"] for r in mine])
        for r in mine:
            # their client beside our daemon may be the row's bar, but everybody who is promised is there
            assert set(r["values"]) == who and all(len(v) == 1 for v in r["values"].values()), r
            assert r["what"] in shown
    assert not left and not found["failures"]
    for r in found["rows"]:
        assert not r["what"].endswith(", lost") or r["values"]["ours"] == [0], r
        assert not r["bar"] or not r["bar"].startswith("= ") or r["met"], r
    lines = [line for line in shown.split("\n") if line.startswith(tuple(r["what"] for r in found["rows"]))]
    assert max(map(len, lines)) <= 125  # with five spreads of seven columns it fits in 160
    assert found["summary"] in shown and "| what | unit |" in (tmp_path / "b.md").read_text()


def started_by(mark):
    """Processes whose command line has `mark` in it."""
    out = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            line = pathlib.Path("/proc", pid, "cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in line:
            out.append((int(pid), line))
    return out


@pytest.mark.parametrize("how,group,sign", [(signal.SIGINT, "idle", b"libvirtd"), (signal.SIGTERM, "idle", b"libvirtd"),
                                            (signal.SIGKILL, "idle", b"libvirtd"), (signal.SIGINT, "streams", b"\0stream\0")])
def test_nothing_is_left_behind(tmp_path, how, group, sign):
    """The bench and all it started have the path of the build in their names, which is our own here."""
    build = tmp_path / "build-of-this-test"
    build.symlink_to(BUILD)
    mounts = pathlib.Path("/proc/self/mounts").read_text()
    files = set(os.listdir("/tmp")) | set(os.listdir("/var/lib/libvirt"))
    p = subprocess.Popen([*BENCH, "--only", group, "--json", str(tmp_path / "j"), "--markdown", str(tmp_path / "m")],
                         env={**os.environ, "FL_BUILD": str(build)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    end = time.monotonic() + 100
    while not (seen := any(sign in line for _, line in started_by(build.name))) and time.monotonic() < end:
        time.sleep(0.05)
    if not seen:  # now and then there is none: daemons are started again
        os.kill(p.pid, signal.SIGKILL)
        pytest.fail(p.communicate()[0].decode())
    if how == signal.SIGINT:
        os.killpg(p.pid, how)  # as the terminal does
    elif how == signal.SIGKILL:
        os.kill(p.pid, how)
    else:
        os.killpg(p.pid, how)
    p.communicate(timeout=120)
    assert p.returncode != 0
    end = time.monotonic() + 60
    while started_by(build.name) and time.monotonic() < end:
        time.sleep(0.1)
    assert not started_by(build.name)
    assert pathlib.Path("/proc/self/mounts").read_text() == mounts
    assert "bench" not in (set(os.listdir("/tmp")) | set(os.listdir("/var/lib/libvirt"))) - files
    assert not (tmp_path / "j").exists()


@pytest.mark.parametrize("how,status,says", [(signal.SIGINT, 130, "bench: interrupted; nothing is left behind"),
                                             (signal.SIGTERM, 1, "bench: ended by SIGTERM")])
def test_ended_before_it_began(tmp_path, how, status, says):
    """While it still makes its namespaces, in which it is the first process: that one heeds only signals it handles."""
    place = tmp_path / "the-place-of-this-test"
    p = subprocess.Popen([*BENCH, "--only", "idle", "--json", str(place)], env={**os.environ, "FL_BUILD": str(BUILD)},
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    end = time.monotonic() + 30
    while not any(line.startswith(b"unshare") for _, line in started_by(place.name)) and time.monotonic() < end:
        pass
    os.kill(p.pid, how)
    shown = p.communicate(timeout=120)[0]
    assert (p.returncode, shown.splitlines()[-1]) == (status, says), shown
    assert not started_by(place.name)


def test_unknown_groups_and_no_rounds_are_refused():
    for args in (["--only", "nothing"], ["--rounds", "0"]):
        r = subprocess.run([*BENCH, *args], env={**os.environ, "FL_BUILD": str(BUILD)}, capture_output=True, text=True, timeout=120)
        assert r.returncode == 2 and "bench.py: error:" in r.stderr


def test_an_ordinary_user_is_told():
    """From a copy: a tree below /root is nobody else's to read."""
    with tempfile.TemporaryDirectory(prefix="flb") as place:
        os.chmod(place, 0o755)
        for program in (ROOT / "bench").glob("*.py"):
            shutil.copy(program, place)
        r = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", sys.executable, f"{place}/bench.py"], cwd="/", capture_output=True,
                           env={**os.environ, "FL_BUILD": str(BUILD), "PYTHONDONTWRITEBYTECODE": "1"}, text=True, timeout=120)
    assert r.returncode == 1 and "root" in r.stderr and "Traceback" not in r.stderr


def test_bare_limits_ask_with_frames_of_the_measured_size(tmp_path):
    """REQUEST and REPLY of bench/bare.h are what strace sees of the measured call."""
    sizes = dict(re.findall(r"#define (REQUEST|REPLY) +(\d+)", (ROOT / "bench" / "bare.h").read_text()))
    conf = tmp_path / "libvirtd.conf"
    conf.write_text(f'unix_sock_dir = "{tmp_path}"\nauth_unix_rw = "none"\n')
    sock = tmp_path / "libvirt-sock"
    d = subprocess.Popen([BUILD / "src/daemon/libvirtd", "-f", conf, "-p", tmp_path / "pid"], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while not sock.exists() and time.monotonic() < end:
            time.sleep(0.02)
        subprocess.run(["strace", "-f", "-o", tmp_path / "trace", "-e", "trace=sendto,sendmsg,recvfrom,recvmsg,write,read", BUILD / "bench/bench-client",
                        BUILD / "src/libvirt.so.0", f"test+unix:///default?socket={sock}", "call", "50"], check=True, capture_output=True, timeout=120)
    finally:
        d.terminate()
        d.wait(60)
    seen = re.findall(r"(?:send|write)\w*\(\d+, .* = (\d+)\n.*(?:recv|read)\w*\(\d+, .* = (\d+)\n", (tmp_path / "trace").read_text())
    assert seen.count((sizes["REQUEST"], sizes["REPLY"])) >= 50
