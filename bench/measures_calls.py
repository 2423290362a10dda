# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small calls, opening, calls of many threads: each pairing with both ends on one core, where the figure is what the call
costs, and free, where it is also where the scheduler puts the two."""
from lab import bare, client
from pairs import MODES, PAIRS, field, pinned, take_turns
from table import Bar


def takers(lab, kind, *args, core, limit=None):
    """How each pairing is measured; bound here, as the loop that calls this goes on."""
    def pair(c, d):
        return lambda: client(c, lab.daemons[d].uri(kind), *args, core=core)

    every = {who: pair(c, d) for who, (c, d) in PAIRS.items()}
    if limit:
        every["bare"] = lambda: bare(*limit, core=core)
    return every


def calls(lab, table):
    n = lab.n(4000, 20)
    for kind, bar in (("unix", Bar(faster=4, over=1.5)), ("tcp", Bar(faster=3)), ("tls", Bar(faster=2))):
        limit = ("pingpong", kind, n, *([lab.pki] if kind == "tls" else []))
        for mode, core in MODES:
            with pinned(lab, core):
                take_turns(table, lab.n(3 if core is not None else 5, 1), takers(lab, kind, "call", n, core=core, limit=limit),
                           [(f"call, {kind}, {mode}, {p}", "µs", field(p + "_us"), bar) for p in ("p50", "p99")])


def per_second(r):
    return 1e6 / r["mean_us"]


def opening(lab, table):
    for mode, core in MODES:
        times = lab.n(2 if core is not None else 3, 1)
        with pinned(lab, core):
            for kind in ("unix", "tcp"):
                n = lab.n(300, 3)
                take_turns(table, times, takers(lab, kind, "open", n, core=core, limit=("open", kind, n)),
                           [(f"open + close, {kind}, {mode}", "µs", field("p50_us"), Bar(faster=10))])
            n = lab.n(60, 2)
            take_turns(table, times, takers(lab, "tls", "open", n, core=core, limit=("handshake", n, lab.pki)),
                       [(f"open + close, tls, {mode}", "opens/s", per_second, Bar(share=0.7))])


def threads(lab, table):
    total = lab.n(8000, 64)
    for n in (2, 8, 32):
        for how, what in (("shared", "one connection"), ("threads", "own connections")):
            for mode, core in MODES:
                limit = ("threads", "unix", n, total // n) if how == "threads" else None
                with pinned(lab, core):
                    take_turns(table, lab.n(1 if core is not None else 3, 1),
                               takers(lab, "unix", how, n, total // n, core=core, limit=limit),
                               [(f"{n} threads, {what}, {mode}", "calls/s", field("calls_per_s"), Bar(faster=6))])
