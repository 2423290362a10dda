# SPDX-License-Identifier: LGPL-2.1-or-later
"""tests/run itself: what it counts, what it names last, and what it asks once more."""
import os
import pathlib
import shutil
import subprocess

import pytest

RUN = pathlib.Path(__file__).resolve().parents[1] / "run"
MESON = """
project('toy', 'c')
test('good', find_program('true'))
test('bad', find_program('{bad}'))
"""
TESTS = """
import pathlib, pytest
seen = pathlib.Path(__file__).with_name("seen")
def test_good():
    pass
@pytest.mark.parametrize("what", ["x", "a b"])
def test_unsteady(what):
    mark = seen.with_name(what)
    if not mark.exists():
        mark.touch()
        raise AssertionError("the first time{report}")
def test_left_out():
    pytest.skip("so it is")
"""
BAD = """
def test_bad():
    assert 1 == 2
"""


def run(folder, bad="true", report="", more=""):
    (folder / "tests").mkdir()
    shutil.copy(RUN, folder / "tests" / "run")
    (folder / "meson.build").write_text(MESON.format(bad=bad))
    (folder / "tests" / "test_toy.py").write_text(TESTS.format(report=report) + more)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "FL_", "NINJA"))}
    subprocess.run(["meson", "setup", "b"], cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run(["tests/run"], cwd=folder, env={**env, "FL_BUILD": str(folder / "b")}, text=True, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout[done.stdout.index("== in short") :].splitlines()[1:]


@pytest.mark.skipif(os.getuid() != 0, reason="an ordinary user's run has a second half in a namespace, of folders that are not here")
class TestRun:
    def test_what_passes_alone_is_named_and_no_failure(self, tmp_path):
        code, lines = run(tmp_path)
        assert (code, lines[-1]) == (0, "5 passed, 0 failed, 1 skipped"), lines
        assert sorted(lines[:-1]) == [
            f"UNSTEADY (failed among others, passed alone): tests/test_toy.py::test_unsteady[{what}]" for what in ("a b", "x")]

    def test_what_fails_alone_too_is_one(self, tmp_path):
        code, lines = run(tmp_path, more=BAD)
        assert (code, lines[-1]) == (1, "5 passed, 1 failed, 1 skipped"), lines
        assert [line for line in lines if line.startswith("FAILED")] == ["FAILED tests/test_toy.py::test_bad - assert 1 == 2"]

    def test_a_program_that_fails_is_named(self, tmp_path):
        code, lines = run(tmp_path, bad="false")
        assert (code, lines[-1]) == (1, "4 passed, 1 failed, 1 skipped"), lines
        assert any(line.startswith("FAILED unit ") and "bad" in line for line in lines)

    def test_a_report_of_a_sanitizer_is_never_asked_again(self, tmp_path):
        code, lines = run(tmp_path, report=": WARNING: ThreadSanitizer: data race")
        assert (code, lines[-1]) == (1, "3 passed, 2 failed, 1 skipped"), lines
        assert len(lines) == 3 and all(line.startswith("FAILED") for line in lines[:-1])
