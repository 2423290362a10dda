# SPDX-License-Identifier: LGPL-2.1-or-later
"""ext: a command that ends too early, at whatever moment, is named with its stage and its status."""
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from transport_lab import _program, write_script


@pytest.fixture(scope="module")
def virsh():
    return _program("FL_VIRSH", "virsh", "virsh")


@pytest.mark.parametrize("command,said", [
    ("/bin/true", r"connect: command '/bin/true' ended with status 0; run it by hand to see why"),
    ("/bin/false", r"connect: command '/bin/false' ended with status 1; run it by hand to see why"),
])
def test_a_command_that_ends_at_once(virsh, command, said):
    for _ in range(15):
        done = subprocess.run([virsh, "-c", f"test+ext:///default?command={command}", "uri"], capture_output=True, text=True,
                              timeout=120)
        assert done.returncode == 1
        assert re.fullmatch(r"error: failed to connect to the hypervisor\nerror: " + said + "\n", done.stderr), done.stderr


# ---- what it has started

def runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def number(path):
    end = time.monotonic() + 30
    while not (path.exists() and path.read_text().strip()) and time.monotonic() < end:
        time.sleep(0.02)
    return int(path.read_text())


def given_up(virsh, script, written):
    """How the shell ends when the command never answers: a machine that stands still may give it up before it has begun."""
    for limit in (1, 6):
        done = subprocess.run([virsh, "-c", f"qemu+ext:///system?command={script}&connect_timeout={limit}", "uri"], capture_output=True,
                              timeout=120)
        if written.exists():
            break
    return done


SCRIPTS = {  # of which the first line is run by the child, the others by what it waits for
    "a child in the background": "sleep 100 & echo $! >{0}/kin\nsleep 90",
    "a child in front": "sh -c 'echo $$ >{0}/kin; while :; do sleep 1; done'",
    "a grandchild": "sh -c 'sh -c \"sleep 100 & echo \\$! >{0}/kin; wait\" & wait'\nsleep 90",
    "one that ignores SIGTERM": "trap '' TERM\nsleep 100 & echo $! >{0}/kin\nwait",
    "a pipeline": "cat | sh -c 'echo $$ >{0}/kin; exec sleep 100'",
}


@pytest.mark.parametrize("kind", SCRIPTS)
def test_what_a_command_has_started_ends_with_it(virsh, short_tmp, kind):
    """Given up after a second, since it never answers."""
    script = write_script(short_tmp / "c", "#!/bin/sh\n" + SCRIPTS[kind].format(short_tmp) + "\n")
    done = given_up(virsh, script, short_tmp / "kin")
    assert done.returncode == 1 and b"connect_timeout=" in done.stderr
    assert not runs(number(short_tmp / "kin"))


def test_who_has_left_its_session_lives_on(virsh, short_tmp):
    """A daemon that the command started, such as the master of ssh's ControlPersist, is no part of it any more."""
    script = write_script(short_tmp / "c", f"#!/bin/sh\nsetsid sleep 100 >/dev/null 2>&1 & echo $! >{short_tmp}/daemon\n"
                                           f"sleep 100 & echo $! >{short_tmp}/kin\nsleep 90\n")
    given_up(virsh, script, short_tmp / "kin")
    kin, daemon = number(short_tmp / "kin"), number(short_tmp / "daemon")
    try:
        assert runs(daemon) and not runs(kin)
    finally:
        os.kill(daemon, signal.SIGKILL)
