# SPDX-License-Identifier: LGPL-2.1-or-later
"""What opening and closing a connection costs, counted as in test_cost.py, over a unix socket and plain TCP. Two round trips:
the first calls go out together; closing waits for its answer."""
import os
import time

import pytest

from interop_lab import Daemon, need
from test_cost import ALLOCATED, CLIENT, COLLECTED, Watched, client, hold_to, need_tool, strace_total, traced, valgrind_number

FEW, MANY = 50, 250
# client, daemon; per virConnectOpen and virConnectClose of test:///default at a daemon
SYSTEM_CALLS = {"unix": (17.5, 16.5), "tcp": (20.9, 15.5)}
ALLOCATIONS = {"unix": (80, 39), "tcp": (69, 39)}
INSTRUCTIONS = {"unix": (54500, 30000), "tcp": (48500, 31500)}

pytestmark = pytest.mark.skipif(os.environ.get("FL_SANITIZE") is not None, reason="a sanitizer's build does more per call")


def per_opening(count):
    return (count(MANY) - count(FEW)) / (MANY - FEW)


def where(daemon, kind):
    return daemon.uri() if kind == "unix" else daemon.tcp_uri()


def settings(kind, i):
    """A port for each, since they may run side by side."""
    return {"args": ["--listen"], "conf": {"tcp_port": str(17301 + i + 10 * (kind == "tcp"))}}


@pytest.fixture
def daemon(namespace, tmp_path, kind):
    need(CLIENT, "the bench's client")
    daemon = Daemon(tmp_path / "d", **settings(kind, 0))
    yield daemon
    daemon.stop()


KINDS = pytest.mark.parametrize("kind", ["unix", "tcp"])
TOOLS = pytest.mark.parametrize("tool,pattern,ceilings", [
    (["valgrind"], ALLOCATED, ALLOCATIONS),
    (["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"], COLLECTED, INSTRUCTIONS)], ids=["allocations", "instructions"])


@KINDS
def test_system_calls_of_the_client(daemon, kind, tmp_path):
    need_tool("strace")

    def count(n):
        client(where(daemon, kind), n, "strace", "-f", "-c", "-o", tmp_path / "s", what="open")
        return strace_total(tmp_path / "s")
    hold_to(SYSTEM_CALLS[kind][0], lambda: per_opening(count))


@KINDS
def test_system_calls_of_the_daemon(daemon, kind, tmp_path):
    need_tool("strace")

    def count(n):
        out = tmp_path / f"s{n}"
        with traced(daemon, out):
            client(where(daemon, kind), n, what="open")
            time.sleep(0.2)
        return strace_total(out)
    hold_to(SYSTEM_CALLS[kind][1], lambda: per_opening(count))


@KINDS
@TOOLS
def test_work_of_the_client(daemon, kind, tool, pattern, ceilings):
    need_tool("valgrind")
    hold_to(ceilings[kind][0], lambda: per_opening(lambda n: valgrind_number(client(where(daemon, kind), n, *tool, what="open"), pattern)))


@KINDS
@TOOLS
def test_work_of_the_daemon(namespace, tmp_path, kind, tool, pattern, ceilings):
    need_tool("valgrind")
    need(CLIENT, "the bench's client")

    def count(n):
        daemon = Watched(tmp_path / f"d{n}", *tool, **settings(kind, 1 if n == FEW else 2))
        client(where(daemon, kind), n, what="open")
        return valgrind_number(daemon.ended(), pattern)
    hold_to(ceilings[kind][1], lambda: per_opening(count))
