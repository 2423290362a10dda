# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table: what was measured in rounds, its median and spread, and whether the bar is met."""
import os
import platform
import statistics
import subprocess

from lab import THEIRS


class Bar:
    """What a row must reach: `faster` times the incumbent, at most `over` times the bare limit, at least `share` of it,
    at most `limit` itself."""

    def __init__(self, faster=None, over=None, share=None, limit=None):
        self.faster, self.over, self.share, self.limit = faster, over, share, limit

    def text(self):
        parts = []
        if self.faster:
            parts.append(f"≥ {self.faster:g} ×")
        if self.over:
            parts.append(f"≤ {self.over:g} × bare")
        if self.share:
            parts.append(f"≥ {self.share:g} × bare")
        if self.limit is not None:
            parts.append(f"≤ {self.limit:g}")
        return ", ".join(parts)


class Row:
    def __init__(self, what, unit, bar):
        self.what, self.unit, self.bar, self.values = what, unit, bar, {}

    def median(self, who):
        return statistics.median(self.values[who]) if who in self.values else None

    def spread(self, who):
        return (max(self.values[who]) - min(self.values[who])) / 2 if who in self.values else 0

    @property
    def higher_is_better(self):
        return self.unit.endswith("/s")

    def ratio(self):
        """How many times better than the incumbent."""
        ours, theirs = self.median("ours"), self.median("theirs")
        if not ours or not theirs:
            return None
        return ours / theirs if self.higher_is_better else theirs / ours

    def over_bare(self):
        ours, limit = self.median("ours"), self.median("bare")
        return ours / limit if ours and limit else None

    def met(self):
        """True, False, or None where no bar was set or the figures are missing."""
        b, ours, ratio, over = self.bar, self.median("ours"), self.ratio(), self.over_bare()
        if b is None or ours is None:
            return None
        checks = []
        if b.faster and ratio is not None:
            checks.append(ratio >= b.faster)
        if b.over and over is not None:
            checks.append(over <= b.over)
        if b.share and over is not None:
            checks.append((over if self.higher_is_better else 1 / over) >= b.share)
        if b.limit is not None:
            checks.append(ours <= b.limit)
        return all(checks) if checks else None


class Table:
    def __init__(self):
        self.rows, self.failures = {}, []

    def add(self, what, unit, who, value, bar=None):
        row = self.rows.setdefault(what, Row(what, unit, bar))
        row.bar = row.bar or bar
        row.values.setdefault(who, []).append(value)

    def fail(self, what, why):
        """A measure that could not be taken is shown, never left out."""
        self.failures.append((what, str(why)))

    def json(self):
        return {"machine": machine(), "rows": [
            {"what": r.what, "unit": r.unit, "median": {w: r.median(w) for w in r.values}, "spread": {w: r.spread(w) for w in r.values},
             "ratio": r.ratio(), "over_bare": r.over_bare(), "bar": r.bar.text() if r.bar else None, "met": r.met()}
            for r in self.rows.values()], "failures": self.failures}

    def markdown(self, rounds):
        out = [f"{machine()}; median of {rounds} interleaved rounds, ± half the range.", "",
               "| what | unit | incumbent | Fairlead | their client, our daemon | our client, their daemon | bare limit | better by | "
               "over bare | bar | met |", "|---|---|---|---|---|---|---|---|---|---|---|"]
        for r in self.rows.values():
            cells = [number(r.median(w), r.spread(w)) for w in ("theirs", "ours", "to", "ot", "bare")]
            met = {True: "yes", False: "**no**", None: ""}[r.met()]
            out.append(f"| {r.what} | {r.unit} | " + " | ".join(cells) +
                       f" | {number(r.ratio()) + ' ×' if r.ratio() else ''} | {number(r.over_bare()) + ' ×' if r.over_bare() else ''} | "
                       f"{r.bar.text() if r.bar else ''} | {met} |")
        out += [f"\nNot measured: {what}: {why}" for what, why in self.failures]
        return "\n".join(out)


def number(v, spread=None):
    if v is None:
        return ""
    digits = 0 if v >= 100 else 1 if v >= 10 else 2
    return f"{v:.{digits}f}" + (f" ±{spread:.{digits}f}" if spread else "")


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    version = subprocess.run([THEIRS["virsh"], "--version"], capture_output=True, text=True).stdout.strip()
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}; incumbent libvirt {version}"
