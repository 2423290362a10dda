# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the manual and the page of the shell give as examples runs as it stands there."""
import pathlib
import re
import subprocess

import pytest

from interop_lab import OUR_VIRSH, ROOT, environment, need

CONF = pathlib.Path("/etc/libvirt/libvirt.conf")


def lines(text, pattern):
    found = re.findall(pattern, text, re.M)
    return [re.sub(r"   .*", "", line).replace("\\-", "-") for line in found if "qemu" not in line]


@pytest.mark.parametrize("page, pattern, least", [("docs/shell.md", r"^    (virsh .*)", 13), ("man/virsh.1.in", r"^(virsh \\?[-a-z].*)", 10)])
def test_examples_run(namespace, tmp_path, page, pattern, least):
    need(OUR_VIRSH, "our virsh")
    examples = lines((ROOT / page).read_text(), pattern)
    examples = [e for e in examples if e != "virsh - shell for libvirt: domains, networks, storage and the rest"]
    assert len(examples) >= least, examples
    env = environment(True, HOME=tmp_path)
    env["PATH"] = f"{OUR_VIRSH.parent}:{env['PATH']}"
    try:
        for example in examples:
            done = subprocess.run(["sh", "-c", example], cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=120)
            assert done.returncode == 0, (example, done.stdout, done.stderr)
    finally:
        CONF.unlink(missing_ok=True)
