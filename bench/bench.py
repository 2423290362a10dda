#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Numbers beside the incumbent and the bare limit, in one run. Both daemons run in private namespaces, which end with the
bench however it ends; rounds are interleaved; medians with their spread; each figure with its bar. The exit status is 0
when all was measured, whatever the figures are.

    FL_BUILD=build-bench bench/bench.py [--rounds N] [--only GROUP,...] [--json FILE] [--markdown FILE] [--quick]
"""
import argparse
import json
import os
import subprocess
import sys
import time

import lab
from daemon import Daemon
from groups import GROUPS
from machine import machine
from table import Table


class Lab:
    """The place where groups measure: a folder in memory, certificates, and a daemon of each kind."""

    def __init__(self, quick):
        self.quick = quick
        self.files = lab.raise_limits(50000)
        self.folder = lab.FOLDER
        os.makedirs(self.folder)
        self.pki = lab.make_certificates(os.path.join(self.folder, "pki"))
        self.daemons = {who: Daemon(who, self.folder, self.pki) for who in lab.WHO}
        for d in self.daemons.values():
            d.start()

    def n(self, full, quick):
        """A count: as many as the figure needs, or just enough to see that all works."""
        return quick if self.quick else full

    def close(self):
        for d in self.daemons.values():
            d.stop()


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--only", metavar="GROUP,...", help="groups: " + ", ".join(GROUPS))
    ap.add_argument("--json", default=os.path.join(lab.BUILD, "bench.json"))
    ap.add_argument("--markdown", default=os.path.join(lab.BUILD, "bench.md"))
    ap.add_argument("--quick", action="store_true", help="tiny counts: shows that all works, the figures mean nothing")
    a = ap.parse_args()
    a.names = a.only.split(",") if a.only else list(GROUPS)
    unknown = set(a.names) - set(GROUPS)
    if unknown or a.rounds < 1:
        ap.error(f"there is no group {', '.join(sorted(unknown))}; there are: {', '.join(GROUPS)}" if unknown else "one round at least")
    return a


def measure(place, table, names, rounds):
    for i in range(rounds):
        for name in names:
            group = GROUPS[name]
            if i >= group.rounds:
                continue
            print(f"round {i + 1} of {min(rounds, group.rounds)}: {name}", end="", file=sys.stderr, flush=True)
            table.begin(name)
            begun = time.monotonic()
            try:
                group.measure(place, table)
            except (RuntimeError, OSError, subprocess.SubprocessError) as e:
                table.fail(f"{name}, round {i + 1}", e)
                for d in place.daemons.values():
                    d.ensure()
            print(f", {time.monotonic() - begun:.1f} s", file=sys.stderr, flush=True)


def main():
    a = arguments()
    lab.check_machine()
    lab.enter_namespace()
    table = Table(a.rounds, {name: g.title for name, g in GROUPS.items()}, machine())
    place = None
    try:
        place = Lab(a.quick)
        measure(place, table, a.names, a.rounds)
    except lab.Refused as e:
        sys.exit(f"bench: {e}")
    finally:
        if place:
            place.close()
    print(table.terminal())
    for path, content in ((a.json, json.dumps(table.json(), indent=1)), (a.markdown, table.markdown())):
        with open(path, "w") as f:
            f.write(content + "\n")
        print("written:", path)
    print(table.summary())
    sys.exit(1 if table.failures else 0)


if __name__ == "__main__":
    main()
