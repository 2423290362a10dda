# SPDX-License-Identifier: LGPL-2.1-or-later
"""README's tour, command by command: what it shows is what is printed."""
import os
import re
import subprocess

import pytest

from interop_lab import OUR_LIBVIRTD, OUR_VIRSH, ROOT, environment, need, need_root, until

PATH = f"{OUR_VIRSH.parent}:{OUR_LIBVIRTD.parent}:{os.environ['PATH']}"
# Which unit is to be started depends on those the machine has.
UNIT = re.compile(r"(start the daemon: ).*")


def blocks():
    """[(command, what is shown)] for each block of the tour."""
    tour = (ROOT / "README.md").read_text().split("\n## A tour\n")[1].split("\n## ")[0]
    return [[part.split("\n", 1) for part in re.split(r"^\$ ", block, flags=re.M)[1:]]
            for block in re.findall(r"^```\n(.*?)^```$", tour, re.S | re.M)]


@pytest.fixture
def background():
    running = []
    yield running
    for program in running:
        program.terminate()
        program.wait(60)


@pytest.mark.parametrize("block", range(3))
def test_the_tour_is_what_one_sees(folder, background, block):
    need(OUR_LIBVIRTD, "our libvirtd")
    need_root("/etc/libvirt is the tour's own")
    env = environment(True, PATH=PATH, HOME=folder)
    written = []
    for command, shown in blocks()[block]:
        command, shown = (text.replace("/tmp/toy", f"{folder}/toy").strip("\n") for text in (command, shown))
        if command.startswith("cat "):
            written.append(folder / command.split()[1])
            written[-1].write_text(shown + "\n")
        elif command.endswith(" &"):
            background.append(subprocess.Popen(["bash", "-c", "exec " + command[:-2]], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            assert until(lambda: (folder / "toy/libvirt-sock").exists())
        else:
            done = subprocess.run(["bash", "-c", command], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=120)
            assert UNIT.sub(r"\1", done.stdout.strip("\n")) == UNIT.sub(r"\1", shown), command
    for path in written:
        path.unlink()


def test_the_tour_has_these_blocks():
    assert [len(block) for block in blocks()] == [3, 5, 4]
