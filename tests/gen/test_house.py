# SPDX-License-Identifier: LGPL-2.1-or-later
"""The folders are the architecture: a file includes from its own folder or from one listed above it."""
import os
import re

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
ORDER = ["base", "config", "uri", "wire", "auth", "transport", "rpc", "model", "core", "driver", "daemon"]  # docs/architecture.md


def test_includes_point_up_the_list():
    seen, wrong = 0, []
    for folder, _, files in os.walk(os.path.join(ROOT, "src")):
        own = os.path.relpath(folder, os.path.join(ROOT, "src")).split(os.sep)[0]
        for name in files:
            if own not in ORDER or not name.endswith((".c", ".h")):
                continue
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                for to, what in re.findall(r'^#include "(\w+)/([\w./]+)"', f.read(), re.M):
                    seen += 1
                    if to in ORDER and ORDER.index(to) > ORDER.index(own):
                        wrong.append(f"src/{own}/{name} includes {to}/{what}")
    assert seen > 500 and not wrong, wrong


def test_the_shell_sees_public_headers_only():
    for name in os.listdir(os.path.join(ROOT, "virsh")):
        if name.endswith((".c", ".h")):
            with open(os.path.join(ROOT, "virsh", name), encoding="utf-8") as f:
                inside = [i for i in re.findall(r'^#include "([\w./]+)"', f.read(), re.M) if i.split("/")[0] in ORDER]
            assert not inside, f"virsh/{name} includes {inside}"
