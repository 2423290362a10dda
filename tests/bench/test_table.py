# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bench's table: medians, spread, bars, and the three forms it is shown in."""
import json
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))
from table import Bar, Table, number, short  # noqa: E402

GROUPS = {"calls": "small calls", "other": "other things"}
MACHINE = {"processor": "a processor, 2 cores", "kernel": "Linux"}


def table():
    return Table(3, GROUPS, MACHINE)


def filled(unit="µs", bar=None, **values):
    t = table()
    for who, seen in values.items():
        for v in seen if isinstance(seen, list) else [seen]:
            t.add("row", unit, who, v, bar)
    return t, t.rows["row"]


def test_median_and_spread():
    _, row = filled(ours=[5, 1, 2, 100, 3])
    assert (row.median("ours"), row.spread("ours")) == (3, 1.5)  # between the quartiles: 2 and 5
    assert row.median("theirs") is None and row.spread("theirs") == 0
    assert filled(ours=[1, 4])[1].spread("ours") == 1.5


@pytest.mark.parametrize("unit, theirs, ours, ratio", [("µs", 20, 5, 4), ("calls/s", 20, 5, 0.25), ("KiB", 10, 0, None)])
def test_better_means_less_time_and_more_a_second(unit, theirs, ours, ratio):
    assert filled(unit, theirs=theirs, ours=ours)[1].ratio() == ratio


@pytest.mark.parametrize("bar, unit, values, met", [
    (None, "µs", {"ours": 1}, None),
    (Bar(faster=4), "µs", {"theirs": 20, "ours": 5}, True),
    (Bar(faster=4), "µs", {"theirs": 20, "ours": 5.1}, False),
    (Bar(faster=6), "calls/s", {"theirs": 10, "ours": 60}, True),
    (Bar(faster=6), "calls/s", {"theirs": 10, "ours": 59}, False),
    (Bar(faster=4, over=1.5), "µs", {"theirs": 20, "ours": 3, "bare": 2}, True),
    (Bar(faster=4, over=1.5), "µs", {"theirs": 20, "ours": 3.1, "bare": 2}, False),
    (Bar(share=0.7), "opens/s", {"ours": 70, "bare": 100}, True),
    (Bar(share=0.7), "opens/s", {"ours": 69, "bare": 100}, False),
    (Bar(limit=0), "wake-ups", {"ours": 0, "theirs": 1}, True),
    (Bar(limit=0), "wake-ups", {"ours": 1}, False),
    (Bar(exactly=1000), "connections", {"ours": 999}, False),
    (Bar(exactly=1000), "connections", {"ours": 1000}, True),
    # what is missing is not met, whatever the rest says
    (Bar(faster=4), "µs", {"ours": 5}, False),
    (Bar(faster=4, over=1.5), "µs", {"theirs": 20, "ours": 3}, False),
    (Bar(limit=3), "KB", {"theirs": 1}, False),
    (Bar(within=1.5, of="no such row"), "µs", {"ours": 1}, False),
])
def test_bars(bar, unit, values, met):
    t, row = filled(unit, bar, **values)
    assert t.met(row) is met


@pytest.mark.parametrize("ours, met", [(15, True), (15.1, False)])
def test_a_bar_within_another_row(ours, met):
    t = table()
    t.add("alone", "µs", "ours", 10)
    t.add("beside", "µs", "ours", ours, Bar(within=1.5, of="alone"))
    assert t.met(t.rows["beside"]) is met
    assert t.rows["beside"].bar.text() == "≤ 1.5 × alone"


def two_groups():
    t = table()
    t.begin("calls")
    t.add("one call", "µs", "theirs", 20, Bar(faster=4))
    t.add("one call", "µs", "ours", 4, Bar(faster=4))
    t.begin("other")
    t.add("memory", "KiB", "ours", 7000, Bar(limit=6144))
    t.note("a word")
    t.fail("streams, round 1", RuntimeError("no room"))
    return t


def test_summary_counts_and_names():
    assert two_groups().summary() == "1 bars met, 1 missed: memory"


def test_json_has_every_value_and_what_is_missing():
    j = json.loads(json.dumps(two_groups().json()))
    assert j["machine"] == MACHINE and j["rounds"] == 3
    assert [(r["group"], r["what"], r["met"]) for r in j["rows"]] == [("calls", "one call", True), ("other", "memory", False)]
    assert j["rows"][0]["values"] == {"theirs": [20], "ours": [4]} and j["rows"][0]["ratio"] == 5
    assert j["failures"] == [["streams, round 1", "no room"]] and j["notes"] == ["a word"]


def test_markdown_is_a_table_per_group():
    text = two_groups().markdown()
    rows = [line for line in text.split("\n") if line.startswith("|")]
    assert len(rows) == 6 and {line.count("|") for line in rows} == {12}
    assert "`make bench ONLY=calls`" in text and "| **no** |" in text and "Not measured: streams, round 1: no room" in text
    assert "- processor: a processor, 2 cores" in text


def test_terminal_is_aligned_and_names_the_command():
    lines = two_groups().terminal().split("\n")
    head = next(line for line in lines if line.startswith("what"))
    row = next(line for line in lines if line.startswith("one call"))
    assert row.index("20") + 2 == head.index("incumbent") + len("incumbent")
    assert row.index("yes") == head.index("met")
    assert any("make bench ONLY=other" in line for line in lines)


@pytest.mark.parametrize("value, spread, text", [
    (None, None, ""), (0, 0, "0"), (3.239, 0.062, "3.24 ±0.06"), (20.31, 0.4, "20.3 ±0.4"), (496.2, 10, "496 ±10"), (26548, 0.2, "26548"),
    (277924, 115978, "278k ±116k"), (277924, 10, "278k")])
def test_numbers(value, spread, text):
    assert number(value, spread) == text


@pytest.mark.parametrize("value, spread, text", [(None, 0, ""), (0, 0, "0"), (26548, 0.2, "26548"), (277924, 115978, "278k ±42%"), (3.239, 0.062, "3.24 ±2%")])
def test_numbers_of_the_terminal(value, spread, text):
    assert short(value, spread) == text
