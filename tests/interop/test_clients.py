# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Other people's clients, unchanged, as Debian has them: once on the real library and daemon, once on ours, and they must
see the same. docs/clients.md has the whole list of what was tried by hand; here are those that are quick to install.
"""
import os
import pathlib
import re
import subprocess
import time
import urllib.request

import pytest

from interop_lab import need, python_environment

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = os.environ.get("FL_SYSTEM_PYTHON", "/usr/bin/python3")
USUAL_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"  # Debian's programs want Debian's interpreters
EXPORTER = "/usr/bin/prometheus-libvirt-exporter"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxy the machine has
HOLD = "import libvirt, sys; c = libvirt.open(sys.argv[1]); print(c.getURI(), flush=True); sys.stdin.read()"


def environment(ours, folder):
    return python_environment(ours, PATH=USUAL_PATH, HOME=folder, XDG_CACHE_HOME=folder / "cache", TZ="UTC")


def normal(text):
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "#uuid#", text)
    text = re.sub(r"\b52:54:00(:[0-9a-f]{2}){3}|\b00:16:3e(:[0-9a-f]{2}){3}", "#mac#", text)
    return re.sub(r"\d{8,}", "#many#", text)


def run(argv, ours, folder):
    done = subprocess.run([str(a) for a in argv], env=environment(ours, folder), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", timeout=120, check=False)
    return done.returncode, normal(done.stdout), normal(done.stderr)


# ---- virtinst: Python, through python3-libvirt

NEW = ["--memory", 128, "--vcpus", 2, "--import", "--noautoconsole", "--graphics", "vnc", "--network", "network=default"]
VIRTINST = [
    ["virt-install", "--name", "one", "--osinfo", "generic", "--disk", "none", *NEW],
    ["virt-install", "--name", "two", "--osinfo", "debian11", "--disk", "pool=default-pool,size=1", *NEW, "--check", "all=off"],
    ["virt-install", "--name", "three", "--osinfo", "debian11", "--disk", "none", *NEW, "--print-xml", "--cpu", "host-passthrough",
     "--watchdog", "i6300esb", "--rng", "/dev/random", "--tpm", "emulator", "--iothreads", 2, "--channel", "spicevmc",
     "--controller", "usb,model=none"],
    ["virt-install", "--name", "test", "--osinfo", "generic", "--disk", "none", *NEW],
    ["virt-xml", "one", "--edit", "--memory", "200,maxmemory=300"],
    ["virt-xml", "one", "--add-device", "--disk", "/dev/null,device=cdrom"],
    ["virt-xml", "one", "--edit", "--vcpus", 4, "--print-diff"],
    ["virt-xml", "one", "--edit", "--metadata", "title=Hello,description=there"],
    ["virt-xml", "test", "--edit", "--boot", "network,hd", "--define"],
    ["virt-xml", "nope", "--edit", "--vcpus", 4],
    ["virt-clone", "--original", "two", "--name", "four", "--auto-clone"],  # refused: it runs
    ["virt-xml", "one", "--edit", "--print-xml", "--memory", 64],
]
DUMP = """
import libvirt, sys
c = libvirt.open(sys.argv[1])
for d in sorted(c.listAllDomains(), key=lambda d: d.name()):
    print(d.state(), d.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
for p in c.listAllStoragePools():
    print(p.info(), sorted(p.listVolumes()))
"""


def virtinst(uri, ours, folder):
    """What the programs print and leave. The host lives as long as somebody is connected, which they are not in between."""
    with subprocess.Popen([PYTHON, "-c", HOLD, uri], env=environment(ours, folder), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline().startswith("test")
        seen = []
        for program, *arguments in VIRTINST:
            code, out, err = run([f"/usr/bin/{program}", "--connect", uri, *arguments], ours, folder)
            # Errors are worded in other ways on purpose; what the program makes of them is not.
            seen.append((program, *arguments, code, out, err.count("\n") if code else err))
        seen.append(run([PYTHON, "-c", DUMP, uri], ours, folder))
        holder.stdin.close()
    return seen


def test_virtinst_sees_no_difference(shared_daemon, real_daemon, folder):
    for program in ("virt-install", "virt-xml", "virt-clone"):
        need(f"/usr/bin/{program}", "virtinst")
    peer = virtinst(real_daemon.uri(), False, folder)
    assert peer[0][-2] and "ich9-uhci1" in peer[-1][1] and peer[-1][0] == 0, peer
    for expected, got in zip(peer, virtinst(shared_daemon.uri(), True, folder)):
        assert got == expected


# ---- Sys::Virt: C code of Perl's

@pytest.mark.parametrize("where", ["in the process", "in a daemon"])
def test_perl_program_sees_no_difference(shared_daemon, real_daemon, folder, where):
    if subprocess.run(["/usr/bin/perl", "-MSys::Virt", "-e1"], capture_output=True, check=False).returncode:
        pytest.skip("libsys-virt-perl is not installed")
    local = where == "in the process"
    perl = ["/usr/bin/perl", HERE / "client.pl"]
    peer = run([*perl, "test:///default" if local else real_daemon.uri()], False, folder)
    ours = run([*perl, "test:///default" if local else shared_daemon.uri()], True, folder)
    assert peer[0] == 0 and "events: test 3 0|test 4 0" in peer[1], peer
    uri = re.compile(r"\?socket=\S*")
    assert uri.sub("", ours[1]).splitlines() == uri.sub("", peer[1]).splitlines()
    assert ours[0] == 0, ours[2]


# ---- the Prometheus exporter: Go, through cgo

def metrics(uri, ours, folder):
    argv = [EXPORTER, "--web.listen-address=127.0.0.1:9177", f"--libvirt.uri={uri}"]
    with subprocess.Popen(argv, env=environment(ours, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as program:
        end = time.monotonic() + 60
        try:
            while True:
                try:
                    with DIRECT.open("http://127.0.0.1:9177/metrics", timeout=30) as answer:
                        text = answer.read().decode()
                    break
                except OSError:
                    assert program.poll() is None and time.monotonic() < end
                    time.sleep(0.05)
        finally:
            program.kill()
    lines = [line for line in text.splitlines() if line.startswith("libvirt_")]
    moving = r"(libvirt_domain_(?:block_stats|interface_stats|info_cpu|vcpu)\S*) .*"
    return sorted(re.sub(moving, r"\1", normal(line)) for line in lines)


def test_exporter_sees_no_difference(shared_daemon, real_daemon, folder):
    need(EXPORTER, "prometheus-libvirt-exporter")
    if os.environ.get("FL_SANITIZE"):
        pytest.skip("a sanitizer's runtime does not go into a program of Go")
    peer = metrics(real_daemon.uri(), False, folder)
    assert len(peer) > 10 and "libvirt_up 1" in peer
    assert metrics(shared_daemon.uri(), True, folder) == peer
    assert metrics(shared_daemon.tcp_uri(), True, folder) == peer
