# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a stream costs, counted: system calls and allocations per packet of 262120 bytes, in the client and in the daemon. The
difference between a short and a long one. How often a reader is woken is the scheduler's affair, so the ceilings have room for
a packet in several pieces, but not for what would be wrong: a wait before every piece that is there, memory for every packet,
a piece of a few bytes by itself."""
import subprocess

import pytest

from interop_lab import OUR_VIRSH, Daemon, environment, need
from test_cost import ALLOCATED, CLIENT, LIBRARY, Watched, hold_to, need_tool, pytestmark, strace_total, traced, valgrind_number  # noqa: F401

PACKET = 262120
FEW, MANY = 20, 220
# (client, daemon): one send per packet and what is left of it, with a wait in between; one receive and one write
UP = (4, 6)
# two or three receives, a wait before each; a look at the file, its first bytes, head, pages, waits in between
DOWN = (6, 12)
ALLOCATIONS = (0.1, 1.05)  # the daemon's small buffer, given back whenever it is empty


def per_packet(count):
    return (count(MANY) - count(FEW)) / (MANY - FEW)


def client(uri, way, packets, *prefix):
    done = subprocess.run([*map(str, prefix), str(CLIENT), str(LIBRARY), uri, "stream", way, "/default-pool/v", str(packets * PACKET)],
                          env=environment(True), text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture
def held(namespace):
    """held(daemon) -> its address; a volume is there as long as somebody is connected."""
    need(CLIENT, "the bench's client")
    need(OUR_VIRSH, "our virsh")
    shells, daemons = [], []

    def hold(daemon):
        daemons.append(daemon)
        shells.append(subprocess.Popen([str(OUR_VIRSH), "-c", daemon.uri()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                       env=environment(True)))
        shells[-1].stdin.write(f"vol-create-as default-pool v {MANY * PACKET}\necho created\n")
        shells[-1].stdin.flush()
        while (line := shells[-1].stdout.readline()) and "created" not in line:
            pass
        return daemon.uri()
    yield hold
    for s in shells:
        s.communicate("quit\n", timeout=120)
    for d in daemons:
        d.stop()


@pytest.mark.parametrize("way,ceiling", [("up", UP[0]), ("down", DOWN[0])])
def test_system_calls_of_the_client(held, tmp_path, way, ceiling):
    need_tool("strace")
    daemon = Daemon(tmp_path / "d")
    uri = held(daemon)
    client(uri, "up", MANY)

    def count(n):
        client(uri, way, n, "strace", "-f", "-c", "-o", tmp_path / "s")
        return strace_total(tmp_path / "s")
    hold_to(ceiling, lambda: per_packet(count))


@pytest.mark.parametrize("way,ceiling", [("up", UP[1]), ("down", DOWN[1])])
def test_system_calls_of_the_daemon(held, tmp_path, way, ceiling):
    need_tool("strace")
    daemon = Daemon(tmp_path / "d")
    uri = held(daemon)
    client(uri, "up", MANY)

    def count(n):
        out = tmp_path / f"s{n}"
        with traced(daemon, out):
            client(uri, way, n)
        return strace_total(out)
    hold_to(ceiling, lambda: per_packet(count))


@pytest.mark.parametrize("way", ["up", "down"])
def test_allocations_of_the_client(held, tmp_path, way):
    need_tool("valgrind")
    uri = held(Daemon(tmp_path / "d"))
    client(uri, "up", MANY)
    hold_to(ALLOCATIONS[0], lambda: per_packet(lambda n: valgrind_number(client(uri, way, n, "valgrind"), ALLOCATED)))


@pytest.mark.parametrize("way", ["up", "down"])
def test_allocations_of_the_daemon(held, tmp_path, way):
    need_tool("valgrind")

    def count(n):
        daemon = Watched(tmp_path / f"d{n}", "valgrind")
        client(held(daemon), way, n)
        return valgrind_number(daemon.ended(), ALLOCATED)
    hold_to(ALLOCATIONS[1], lambda: per_packet(count))
