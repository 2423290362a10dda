# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is measured against whom, and in what order. A pairing is named client then daemon: "theirs" and "ours" are both ends
of one kind, "to" their client with our daemon, "ot" the other way round; "bare" is the limit."""
import contextlib
import statistics

from lab import CORE

PAIRS = {"theirs": ("theirs", "theirs"), "ours": ("ours", "ours"), "to": ("theirs", "ours"), "ot": ("ours", "theirs")}
MODES = (("one core", CORE), ("free", None))


@contextlib.contextmanager
def pinned(lab, core):
    """Both daemons on that core (None: on any) while it lasts; whoever measures starts its clients there, too."""
    for d in lab.daemons.values():
        d.pin(core)
    try:
        yield
    finally:
        for d in lab.daemons.values():
            d.pin(None)


def take_turns(table, times, takers, rows):
    """Every pairing in turn, `times` times over, so that what drifts hits all alike. `takers` says how each is measured;
    `rows` are (name, unit, value of what was measured, bar). A round's figure is the median."""
    got = {who: [] for who in takers}
    for _ in range(times):
        for who, take in takers.items():
            got[who].append(take())
    for what, unit, value, bar in rows:
        for who, results in got.items():
            table.add(what, unit, who, statistics.median(value(r) for r in results), bar)


def field(name):
    return lambda r: r[name]
