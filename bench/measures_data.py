# SPDX-License-Identifier: LGPL-2.1-or-later
"""Much of something: domains, events, bytes."""
import os

from daemon import Volume
from hosts import write_host
from lab import bare, client
from measures_calls import takers
from pairs import MODES, PAIRS, field, pinned, take_turns
from table import Bar

GIB = 1 << 30


def many_domains(lab, table):
    most = lab.n(10000, 30)
    for n in (10, most):
        path = write_host(os.path.join(lab.folder, f"host{n}.xml"), n)
        for mode, core in MODES:
            rows = []
            if n == most:
                rows = [(f"{n} domains, {what}, {mode}", "ms", field(key), Bar(faster=5))
                        for key, what in (("list_ms", "list all"), ("xml_ms", "XML of all"), ("stats_ms", "stats of all"))]
            for key in ("name", "uuid", "id"):
                # Flat: as quick among ten thousand as among ten.
                bar = Bar(faster=5, within=1.5, of=f"10 domains, lookup by {key}, {mode}") if n == most else None
                rows.append((f"{n} domains, lookup by {key}, {mode}", "µs", field(key + "_us"), bar))
            with pinned(lab, core):
                pairs = {who: (lambda c=c, d=d: client(c, lab.daemons[d].uri(path=path), "many", n, lab.n(4, 1), core=core))
                         for who, (c, d) in PAIRS.items()}
                take_turns(table, 1, pairs, rows)


def events(lab, table):
    most = lab.n(10000, 50)
    for n in (10, 100):
        def received(r, n=n):
            return n * most - r["lost"]

        for mode, core in MODES if n == 10 else MODES[1:]:  # a hundred on one core take too long
            with pinned(lab, core):
                take_turns(table, 1, takers(lab, "unix", "events", n, most, core=core),
                           [(f"{most} events to {n}, {mode}", "events/s", field("events_per_s"), Bar(faster=5)),
                            (f"{most} events to {n}, {mode}, received", "count", received, None),
                            (f"{most} events to {n}, {mode}, lost", "count", field("lost"), Bar(limit=0))])


def streams(lab, table):
    """A volume up and down, in a file of a tmpfs with the incumbent and the bare copy, in memory with our daemon, which has
    the test driver only. All of its pages are there before: the first upload is not measured."""
    volumes = {who: Volume(lab, who, lab.n(GIB, 1 << 20)) for who in lab.daemons}
    beside = os.path.join(lab.folder, "copied")
    try:
        for v in volumes.values():
            client("ours", v.uri("unix"), "stream", "up", v.name, lab.n(GIB, 1 << 20))
        for kind in ("unix", "tcp", "tls"):
            for way, what in (("up", "upload"), ("down", "download")):
                for mode, core in MODES:
                    one_stream(lab, table, (kind, way, mode, core, what), volumes, beside)
    finally:
        for v in volumes.values():
            v.close()
        if os.path.exists(beside):
            os.remove(beside)


def one_stream(lab, table, measure, volumes, beside):
    kind, way, mode, core, what = measure
    size = lab.n(GIB if core is None else GIB // 4, 1 << 20)
    bar = Bar(faster=2, share=0.8) if kind == "unix" else Bar(faster=2)
    pairs = {who: (lambda c=c, d=d: client(c, volumes[d].uri(kind), "stream", way, volumes[d].name, size, core=core))
             for who, (c, d) in PAIRS.items()}
    limits = []

    def copy():
        limits.append(bare("copy", kind, way, size, beside, *([lab.pki] if kind == "tls" else []), core=core))
        return limits[-1]

    pairs["bare"] = copy
    with pinned(lab, core):
        take_turns(table, 1, pairs, [(f"{what} of {size >> 20} MiB, {kind}, {mode}", "MiB/s", field("mib_per_s"), bar)])
    for how in ("plain", "splice", "sendfile"):  # the limit is the fastest; what each of them does, for information
        for r in limits if kind == "unix" else []:
            if how in r:
                table.add(f"  a bare copy, {way}, by {how}, {mode}", "MiB/s", "bare", r[how])
