#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Numbers beside the incumbent and the bare limit, in one run. Both daemons run in a private namespace; rounds are
interleaved; medians with their spread; each figure with its bar. Exit status 0 whatever the figures are.

    FL_BUILD=build-bench bench/bench.py [--rounds N] [--only GROUP,...] [--json FILE] [--markdown FILE]
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import lab
from measures import GROUPS, ONCE
from table import Table


class Lab:
    def __init__(self):
        self.files = lab.raise_limits(50000)
        self.folder = tempfile.mkdtemp(prefix="fl-bench-")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self.folder], check=True)
        self.pki = lab.make_certificates(os.path.join(self.folder, "pki"))
        self.daemons = {who: lab.Daemon(who, self.folder, self.pki) for who in lab.WHO}

    def close(self):
        for d in self.daemons.values():
            d.stop()
        subprocess.run(["umount", "-l", self.folder], check=False)
        lab.remove(self.folder)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--only", help="groups: " + ", ".join(GROUPS))
    ap.add_argument("--json")
    ap.add_argument("--markdown")
    a = ap.parse_args()
    names = a.only.split(",") if a.only else list(GROUPS)
    unknown = set(names) - set(GROUPS)
    if unknown or a.rounds < 1:
        ap.error(f"there is no group {', '.join(sorted(unknown))}; there are: {', '.join(GROUPS)}")
    if os.geteuid() != 0:
        sys.exit("bench: needs root for private namespaces")
    lab.enter_namespace()
    table, place = Table(), Lab()
    try:
        for i in range(a.rounds):
            for name in names:
                if i > 0 and name in ONCE:
                    continue
                print(f"round {i + 1} of {a.rounds}: {name}", file=sys.stderr, flush=True)
                try:
                    GROUPS[name](place, table)
                except (RuntimeError, subprocess.SubprocessError) as e:
                    table.fail(f"{name}, round {i + 1}", e)
    finally:
        place.close()
    text = table.markdown(a.rounds)
    print(text)
    for path, content in ((a.json, json.dumps(table.json(), indent=1)), (a.markdown, text)):
        if path:
            with open(path, "w") as f:
                f.write(content + "\n")


if __name__ == "__main__":
    main()
