# SPDX-License-Identifier: LGPL-2.1-or-later
"""What much of something costs, counted: per domain of a long list, per record of statistics, per event and subscriber. The
cost of one is the difference between two sizes. The ceilings are what was measured and a little more."""
import os
import pathlib
import subprocess
import sys

import pytest

import wire
from interop_lab import OUR_LIBVIRTD, Daemon, environment, need
from test_cost import ALLOCATED, COLLECTED, LIBRARY, Watched, hold_to, need_tool, traced, valgrind_number
from wire import Wire, i32, string, u32

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
from hosts import write_host  # noqa: E402

pytestmark = pytest.mark.skipif(os.environ.get("FL_SANITIZE") is not None, reason="a sanitizer's build does more per call")

FEW = 500
LOOKUP, SUSPEND, RESUME, REGISTER, ALL_STATS = 23, 34, 28, 316, 344
CALLGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
TOOLS = {"allocations": (["valgrind"], ALLOCATED), "instructions": (CALLGRIND, COLLECTED)}
# What the embedded driver does for one domain: listing it; its state statistics. What the daemon does for the latter.
EMBEDDED = {("list", "allocations"): 1.05, ("list", "instructions"): 380, ("stats", "allocations"): 1.1, ("stats", "instructions"): 780}
DAEMON_STATS = 2750

PROGRAM = """
import ctypes, sys
lib = ctypes.CDLL(sys.argv[1])
lib.virConnectOpen.restype = ctypes.c_void_p
conn = ctypes.c_void_p(lib.virConnectOpen(sys.argv[2].encode()))
for _ in range(int(sys.argv[4])):
    p = ctypes.POINTER(ctypes.c_void_p)()
    if sys.argv[3] == "list":
        n = lib.virConnectListAllDomains(conn, ctypes.byref(p), 0)
    else:
        n = lib.virConnectGetAllDomainStats(conn, 1, ctypes.byref(p), 0)
    assert n == int(sys.argv[5])
"""


def test_events_that_come_together_go_together(namespace, tmp_path):
    """A burst of changes, ten who listen: far fewer writes than events, none lost, in order, and every call answered."""
    need_tool("strace")
    need(OUR_LIBVIRTD, "the daemon")
    changes, listeners = 200, 10
    daemon = Daemon(tmp_path / "d")
    try:
        ears = []
        for _ in range(listeners):
            w = Wire(daemon.sock, timeout=20)
            w.open()
            w.call(REGISTER, u32(0, 0))  # lifecycle, of every domain
            ears.append(w)
        author = Wire(daemon.sock, timeout=20)
        author.open()
        found = author.call(LOOKUP, string("test")).payload
        out = tmp_path / "strace"
        with traced(daemon, out):
            author.sock.sendall(b"".join(author.frame(RESUME if i % 2 else SUSPEND, found, serial=100 + i) for i in range(changes)))
            for i in range(changes):
                reply = author.recv()
                assert (reply.type, reply.status) == (wire.REPLY, wire.OK)
            for w in ears:
                told = [w.wait_event() for _ in range(changes)]
                # suspended is 3, resumed 4; the two last words are the event and its detail
                assert [f.payload[-8:-4] for f in told] == [i32(4 if i % 2 else 3) for i in range(changes)]
        sent = [int(line.split()[3]) for line in out.read_text().splitlines() if line.endswith(" sendto")]
        # For sure those of the author's own thread; another thread may be quick enough to write one by one.
        assert sum(sent) <= changes * listeners / 2 + 100
    finally:
        daemon.stop()


@pytest.mark.parametrize("what", ["list", "stats"])
@pytest.mark.parametrize("counted", TOOLS)
def test_work_per_domain(namespace, tmp_path, what, counted):
    """In one process, with the driver: a list of many against one of few, the host's own loading taken off."""
    tool, pattern = TOOLS[counted]
    need_tool("valgrind")

    def count(n, times):
        path = write_host(tmp_path / f"h{n}.xml", n)
        done = subprocess.run([*tool, "/usr/bin/python3", "-c", PROGRAM, str(LIBRARY), f"test://{path}", what, str(times), str(n)],
                              env=environment(True), text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return valgrind_number(done.stderr, pattern)
    hold_to(EMBEDDED[what, counted], lambda: (count(FEW, 11) - count(FEW, 1)) / (10 * FEW))


def test_work_of_the_daemon_per_record(namespace, tmp_path):
    """Statistics of all, asked by a client that is not counted."""
    need_tool("valgrind")
    path = write_host(tmp_path / "h.xml", FEW)

    def count(times):
        daemon = Watched(tmp_path / f"d{times}", *CALLGRIND)
        with Wire(daemon.sock, timeout=60) as w:
            w.open(f"test://{path}")
            for _ in range(times):
                w.call(ALL_STATS, u32(0, 1, 0))
        return valgrind_number(daemon.ended(), COLLECTED)
    hold_to(DAEMON_STATS, lambda: (count(11) - count(1)) / (10 * FEW))

