# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table: what was measured in rounds, its median and spread, and whether the bar is met."""
import statistics

WHO = ("theirs", "ours", "to", "ot", "bare")


class Bar:
    """What a row must reach: `faster` times the incumbent, at most `over` times the bare limit, at least `share` of it, at
    most `limit` itself, `exactly` a number, at most `within` times our own figure in the row `of`."""

    def __init__(self, faster=None, over=None, share=None, limit=None, exactly=None, within=None, of=None):
        self.faster, self.over, self.share, self.limit, self.exactly = faster, over, share, limit, exactly
        self.within, self.of = within, of

    def text(self):
        parts = [form.format(v) for form, v in (
            ("≥ {:g} ×", self.faster), ("≤ {:g} × bare", self.over), ("≥ {:g} × bare", self.share), ("≤ {:g}", self.limit),
            ("= {:g}", self.exactly), ("≤ {:g} × alone" if self.of and "alone" in self.of else "≤ {:g} × of 10", self.within)) if v is not None]
        return ", ".join(parts)


class Row:
    def __init__(self, what, unit, group):
        self.what, self.unit, self.group, self.bar, self.values = what, unit, group, None, {}

    def median(self, who):
        return statistics.median(self.values[who]) if who in self.values else None

    def spread(self, who):
        """Half the range between the quartiles; of fewer than three values, half their range."""
        v = self.values.get(who, [])
        if len(v) < 3:
            return (max(v) - min(v)) / 2 if v else 0
        q = statistics.quantiles(v, n=4, method="inclusive")
        return (q[2] - q[0]) / 2

    @property
    def higher_is_better(self):
        return self.unit.endswith("/s")

    def ratio(self):
        """How many times better than the incumbent."""
        ours, theirs = self.median("ours"), self.median("theirs")
        if not ours or not theirs or (self.bar and self.bar.exactly is not None):
            return None
        return ours / theirs if self.higher_is_better else theirs / ours

    def over_bare(self):
        ours, limit = self.median("ours"), self.median("bare")
        return ours / limit if ours and limit else None


class Table:
    def __init__(self, rounds, groups, machine):
        """`groups`: their titles by name, in the order they are shown; `machine`: what was measured, by what it is."""
        self.rounds, self.groups, self.machine, self.group = rounds, groups, machine, next(iter(groups))
        self.rows, self.failures, self.notes = {}, [], []

    def begin(self, group):
        self.group = group

    def add(self, what, unit, who, value, bar=None):
        row = self.rows.setdefault(what, Row(what, unit, self.group))
        row.bar = row.bar or bar
        row.values.setdefault(who, []).append(value)

    def fail(self, what, why):
        """A measure that could not be taken is shown, never left out."""
        self.failures.append((what, str(why)))

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def met(self, row):
        """True, False, or None where no bar was set. A bar whose figures are missing is not met."""
        b, ours, over = row.bar, row.median("ours"), row.over_bare()
        if b is None:
            return None
        base = self.rows[b.of].median("ours") if b.of in self.rows else None
        checks = [(b.faster, lambda: row.ratio() >= b.faster), (b.over, lambda: over <= b.over),
                  (b.share, lambda: (over if row.higher_is_better else 1 / over) >= b.share), (b.limit, lambda: ours <= b.limit),
                  (b.exactly, lambda: ours == b.exactly), (b.within, lambda: ours <= b.within * base)]
        try:
            return all(check() for wanted, check in checks if wanted is not None)
        except TypeError:
            return False

    # ---- shown ----

    def json(self):
        return {"machine": self.machine, "rounds": self.rounds, "rows": [
            {"group": r.group, "what": r.what, "unit": r.unit, "values": r.values, "median": {w: r.median(w) for w in r.values},
             "spread": {w: r.spread(w) for w in r.values}, "ratio": r.ratio(), "over_bare": r.over_bare(),
             "bar": r.bar.text() if r.bar else None, "met": self.met(r)}
            for r in self.rows.values()], "notes": self.notes, "failures": self.failures, "summary": self.summary()}

    def by_group(self):
        for name, title in self.groups.items():
            rows = [r for r in self.rows.values() if r.group == name]
            if rows:
                yield name, title, rows

    def remarks(self):
        return [f"Note: {text}" for text in self.notes] + [f"Not measured: {what}: {why}" for what, why in self.failures]

    def about(self):
        return [f"{k}: {v}" for k, v in self.machine.items()] + [
            f"medians of {self.rounds} interleaved rounds (or as many as a group has), ± half the range between the quartiles"]

    def markdown(self):
        out = [f"- {line}" for line in self.about()]
        for name, title, rows in self.by_group():
            out += ["", f"### {title[0].upper() + title[1:]}", "", f"`make bench ONLY={name}`", "",
                    "| what | unit | incumbent | Fairlead | their client, our daemon | our client, their daemon | bare limit | better by | "
                    "over bare | bar | met |", "|" + "---|" * 11]
            out += ["| " + " | ".join(self.cells(r, {True: "yes", False: "**no**", None: ""})) + " |" for r in rows]
        return "\n".join([*out, "", *self.remarks(), "", self.summary()])

    def cells(self, r, words, shown=None):
        ratio, over = r.ratio(), r.over_bare()
        return [r.what, r.unit, *((shown or number)(r.median(w), r.spread(w)) for w in WHO), f"{number(ratio)} ×" if ratio else "",
                f"{number(over)} ×" if over else "", r.bar.text() if r.bar else "", words[self.met(r)]]

    def terminal(self):
        head = ["what", "unit", "incumbent", "Fairlead", "their cl.", "our cl.", "bare", "better", "/ bare", "bar", "met"]
        groups = [(name, title, [self.cells(r, {True: "yes", False: "NO", None: ""}, short) for r in rows]) for name, title, rows in self.by_group()]
        for cells in (c for _, _, rows in groups for c in rows):
            cells[9] = cells[9].replace(" ×", "×").replace("× ", "×").replace("≥ ", "≥").replace("≤ ", "≤").replace(",", "")
        width = [max(map(len, column)) for column in zip(head, *(c for _, _, cells in groups for c in cells))]

        def line(cells):
            return " ".join(c.ljust(w) if i < 2 or i > 8 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, width))).rstrip()

        out = ["", *self.about(), "their cl.: their client with our daemon; our cl.: our client with their daemon", "", line(head)]
        for name, title, cells in groups:
            out += ["", f"{title}   (make bench ONLY={name})", *map(line, cells)]
        return "\n".join([*out, "", *self.remarks()])

    def summary(self):
        missed = [r.what for r in self.rows.values() if self.met(r) is False]
        met = sum(self.met(r) is True for r in self.rows.values())
        return f"{met} bars met, {len(missed)} missed" + (": " + "; ".join(missed) if missed else "")


def number(v, spread=None):
    if v is None:
        return ""
    if v >= 100000:
        return f"{v / 1000:.0f}k" + (f" ±{spread / 1000:.0f}k" if spread and spread >= 500 else "")
    digits = 0 if v >= 100 or v == int(v) else 1 if v >= 10 else 2
    return f"{v:.{digits}f}" + (f" ±{spread:.{digits}f}" if spread and spread >= 0.5 * 10 ** -digits else "")


def short(v, spread):
    """For the terminal: the spread as a share."""
    share = round(100 * spread / v) if v else 0
    return number(v) + (f" ±{share}%" if share else "")
