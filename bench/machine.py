# SPDX-License-Identifier: LGPL-2.1-or-later
"""The machine and the programs that were measured, as lines of text by what they are."""
import json
import os
import platform
import re
import subprocess
import time

from lab import BUILD, FREE, OURS, ROOT, THEIRS


def said(*argv):
    try:
        r = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT)
    except OSError:
        return ""
    return r.stdout.strip() if r.returncode == 0 else ""


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return ""


def found(pattern, text):
    m = re.search(pattern, text, re.M)
    return m.group(1).strip().strip('"') if m else ""


def frequency():
    governor = read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip()
    kind = said("systemd-detect-virt") or ("a virtual machine" if " hypervisor" in read("/proc/cpuinfo") else "")
    return ", ".join([f"governor {governor}" if governor else "governor unknown", f"virtualised ({kind})" if kind and kind != "none" else "bare metal"])


def build():
    compilers = json.loads(read(os.path.join(BUILD, "meson-info", "intro-compilers.json")) or "{}")
    c = compilers.get("host", {}).get("c", {})
    options = {o["name"]: o["value"] for o in json.loads(read(os.path.join(BUILD, "meson-info", "intro-buildoptions.json")) or "[]")}
    version = f"{c['id']} {c['version']}" if "id" in c else said("cc", "--version").split("\n")[0]
    return f"{version}, buildtype {options.get('buildtype', 'unknown')}"


def commit():
    git = ("git", "-c", f"safe.directory={ROOT}")
    name = said(*git, "rev-parse", "--short", "HEAD")
    return (name + (" with changes" if said(*git, "status", "--porcelain", "--untracked-files=no") else "")) if name else "unknown"


def machine():
    return {
        "processor": f"{found(r'^model name.*: (.*)', read('/proc/cpuinfo')) or platform.machine()}, {len(FREE)} cores",
        "memory": f"{int(found(r'^MemTotal: *([0-9]+)', read('/proc/meminfo')) or 0) / 1048576:.0f} GiB",
        "frequency": frequency(),
        "kernel": f"Linux {platform.release()}",
        "distribution": found(r"^PRETTY_NAME=(.*)", read("/etc/os-release")),
        "compiler": build(),
        "incumbent": "libvirt " + said(THEIRS["virsh"], "--version"),
        "Fairlead": f"{said(OURS['virsh'], '--version')}, commit {commit()}",
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }
