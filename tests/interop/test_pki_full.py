# SPDX-License-Identifier: LGPL-2.1-or-later
"""virsh pki where the disk is full: an error that says so, and nothing left behind."""
import os
import subprocess

import pytest

from interop_lab import OUR_VIRSH, environment

# A disk of its own, in a namespace of its own: the command, then what is left on it.
SCRIPT = 'mount -t tmpfs -o "$1" none "$2" || exit 77; cd "$2"; shift 2; "$@" 1>&2; echo "status $?"; find . -mindepth 1'


def on_a_small_disk(folder, options, *words):
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    done = subprocess.run([*unshare, "sh", "-c", SCRIPT, "sh", options, str(folder), OUR_VIRSH, *words], capture_output=True, text=True,
                          timeout=120, env=environment(True))
    if done.returncode == 77 or "status" not in done.stdout:
        pytest.skip(f"no disk of one's own: {done.stderr}")
    status, *left = done.stdout.split()[1:]
    return int(status), left, done.stderr


@pytest.mark.parametrize("options", ["size=4k", *[f"size=1m,nr_inodes={n}" for n in (2, 3, 4, 5)]])
@pytest.mark.parametrize("layout", [[], ["--flat"]])
def test_init_leaves_nothing(tmp_path, options, layout):
    status, left, said = on_a_small_disk(tmp_path, options, "pki", "init", "x", "--dir", "a/b", *layout)
    assert status == 1 and left == [], (left, said)
    assert said.startswith("error: cannot ") and "No space left on device" in said, said


def test_what_was_there_stays(tmp_path):
    script = ('mount -t tmpfs -o size=8k none "$1" || exit 77; cd "$1"; "$2" pki init x --dir . >/dev/null || exit 78; cp CA/cacert.pem "$3";'
              '"$2" pki init y --dir . --force; echo "status $?"; cmp CA/cacert.pem "$3"; echo "same $?"; find . -type f | sort')
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    (tmp_path / "disk").mkdir()
    done = subprocess.run([*unshare, "sh", "-c", script, "sh", str(tmp_path / "disk"), OUR_VIRSH, str(tmp_path / "kept")],
                          capture_output=True, text=True, timeout=120, env=environment(True))
    if done.returncode == 77:
        pytest.skip(f"no disk of one's own: {done.stderr}")
    assert done.stdout.split("\n")[-5:-1] == ["status 1", "same 0", "./CA/cacert.pem", "./CA/private/cakey.pem"], done.stdout + done.stderr
    assert "No space left on device" in done.stderr
