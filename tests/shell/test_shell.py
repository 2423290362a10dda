# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same command lines through the reference shell and ours: equal standard output and exit code.

Each case runs ours twice: on the reference's library, which shows what the shell does, and on our own, which shows
the whole. FL_BUILD names the build directory (default: the newest), VIRSH_REAL the reference shell, FL_VIRSH ours.
"""
import functools
import os
import pathlib
import re
import shlex
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
REPO = HERE.parent.parent
DEADLINE = 15


def build_dir():
    if os.environ.get("FL_BUILD"):
        return pathlib.Path(os.environ["FL_BUILD"]).resolve()
    built = [p for p in REPO.glob("build*") if (p / "virsh" / "virsh").exists()]
    return max(built, key=lambda p: (p / "virsh" / "virsh").stat().st_mtime, default=None)


def our_shell():
    if os.environ.get("FL_VIRSH"):
        return os.environ["FL_VIRSH"]
    return str(build_dir() / "virsh" / "virsh") if build_dir() else None


def reference_shell():
    found = os.environ.get("VIRSH_REAL") or shutil.which("virsh", path="/usr/bin:/usr/local/bin")
    return found if found and os.path.exists(found) else None


@functools.lru_cache(None)
def reference_libraries():
    """The folder the reference shell takes its library from."""
    text = subprocess.run(["ldd", reference_shell()], capture_output=True, text=True, check=True).stdout
    return os.path.dirname(re.search(r"libvirt\.so\.0 => (\S+)", text).group(1))


def read_cases():
    lines = (HERE / "cases.txt").read_text().splitlines()
    return [line.removeprefix("\\") for line in lines if line.strip() and not line.startswith("#")]


def read_exceptions():
    rows = []
    for line in (HERE / "exceptions.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            kind, library, pattern, reason = line.split("\t")
            rows.append((kind, library, re.compile(pattern), reason))
    return rows


EXCEPTIONS = read_exceptions()
NORMAL = [
    (r"\d{4}-\d\d-\d\d[ -]\d\d:\d\d:\d\d(\.\d+)?( ?[+-]\d{4})?", "TIME"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
    (r"(CPU time: +)[\d.]+s", r"\1N"),
    (r"\(Time: [\d.]+ ms\)", "(Time: N ms)"),
    (r"Time: \d{5,}", "Time: N"),
    (r"last_update \d+", "last_update N"),
    (r"creationTime>\d+", "creationTime>N"),
    (r"\b\d{9,}\b", "BIG"),  # counters that follow the clock, snapshot names made of it
    (r"-?nan%", "nan%"),
]


def normalise(text, library):
    kept = [
        line
        for line in text.splitlines(keepends=True)
        if not any(k == "line" and lib in (library, "any") and p.search(line) for k, lib, p, _ in EXCEPTIONS)
    ]
    text = "".join(kept)
    for pattern, put in NORMAL:
        text = re.sub(pattern, put, text)
    return text


def command_line(shell, case, folder):
    if case.startswith("@argv "):
        return [shell, "-c", "test:///default", *shlex.split(case[6:])]
    if case.startswith("@host "):
        return [shell, "-c", f"test://{folder}/host.xml", case[6:]]
    return [shell, "-c", "test:///default", case]


def run(shell, case, folder, library_path):
    env = dict(os.environ, LC_ALL="C.UTF-8", TZ="UTC", HOME=str(folder))
    for name in ("LIBVIRT_DEFAULT_URI", "VIRSH_DEFAULT_CONNECT_URI", "LIBVIRT_DEBUG", "LD_LIBRARY_PATH"):
        env.pop(name, None)
    if library_path:
        env["LD_LIBRARY_PATH"] = library_path
    done = subprocess.run(
        command_line(shell, case, folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=folder,
        env=env,
        timeout=DEADLINE,
    )
    out = done.stdout.decode(errors="backslashreplace").replace(str(folder), "FOLDER")
    return out, done.returncode, done.stderr.decode(errors="backslashreplace")


def run_reference(case, folder):
    """The reference now and then never returns from save and its kin (its watcher misses the end): once more, then."""
    for _ in range(3):
        try:
            return run(reference_shell(), case, folder, None)
        except subprocess.TimeoutExpired:
            shutil.rmtree(folder)
            shutil.copytree(HERE / "data", folder)
    return pytest.skip("the reference did not return in three attempts")


def expected_difference(case, library):
    for kind, lib, pattern, reason in EXCEPTIONS:
        if kind == "case" and lib in (library, "any") and pattern.search(case):
            return reason
    return None


@pytest.fixture
def folders(tmp_path):
    """A folder with the input files for each of the two runs."""
    made = []
    for name in ("a", "b"):
        shutil.copytree(HERE / "data", tmp_path / name)
        made.append(tmp_path / name)
    return made


@pytest.mark.skipif(not reference_shell(), reason="the reference shell is not installed")
@pytest.mark.skipif(not our_shell(), reason="our shell is not built")
@pytest.mark.parametrize("library", ["reference", "own"])
@pytest.mark.parametrize("case", read_cases())
def test_shell_prints_what_the_reference_prints(case, library, folders):
    real_out, real_code, real_err = run_reference(case, folders[0])
    our_out, our_code, our_err = run(
        our_shell(), case, folders[1], reference_libraries() if library == "reference" else None
    )
    same = (normalise(our_out, library), our_code) == (normalise(real_out, library), real_code)
    reason = expected_difference(case, library)
    if reason and not same:
        return
    assert not reason, f"listed as different ({reason}) but equal: take it off the list"
    assert normalise(our_out, library) == normalise(real_out, library), (real_err, our_err)
    assert our_code == real_code, (real_err, our_err)
    assert our_err or not real_err or our_code == 0, real_err
