# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the documents point at is there: links, files of the tree, tests by name."""
import os
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
TOPS = "|".join(("src", "api", "bench", "completions", "docs", "gen", "include", "man", "packaging", "systemd", "tests", "virsh"))


@pytest.mark.parametrize("doc", DOCS)
def test_what_a_document_points_at_is_there(doc):
    text = (ROOT / doc).read_text()
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if link and not (ROOT / doc).parent.joinpath(link).exists()] == []
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    paths = re.findall(rf"`((?:{TOPS})/[\w./*-]+)`", prose)
    made = ("docs/libvirt-", "docs/procedures")  # by the build
    assert [path for path in paths if not path.startswith(made) and not re.search(r"[A-Z]{4}", path) and not list(ROOT.glob(path.rstrip("/")))] == []
    tests = re.findall(r"`(test_\w+\.py)`", prose)
    known = {name for _, _, files in os.walk(ROOT / "tests") for name in files}
    assert [name for name in tests if name not in known] == []


@pytest.mark.parametrize("doc", DOCS)
def test_every_group_of_the_bench_that_is_named_is_one(doc):
    groups = re.findall(r'^    "(\w+)": Group', (ROOT / "bench/groups.py").read_text(), re.M)
    said = [name for names in re.findall(r"\bONLY=([a-z,]+)", (ROOT / doc).read_text()) for name in names.split(",")]
    assert [name for name in said if name not in groups] == []
    if doc == "docs/performance.md":
        assert set(said) == set(groups)
