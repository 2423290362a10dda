# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who does not ask for TLS, ssh in process, SASL or D-Bus does not pay for them: seen from outside, by strace."""
import re
import shutil
import subprocess

import pytest

from interop_lab import OUR_VIRSH, Daemon, environment, need, need_root, run

HEAVY = re.compile(r"lib(gnutls|ssh|ssh2|sasl2|xml2|gio|gobject|dbus|jansson|nettle|p11|gcrypt|crypto)[-.0-9]*\.so|/(fairlead|modules)/[^/]+\.so$")  # wherever the tree is


def opened(argv, tmp_path, **env):
    """The shared objects a program has opened."""
    if not shutil.which("strace"):
        pytest.skip("no strace on this machine")
    trace = tmp_path / "trace"
    done = subprocess.run(["strace", "-f", "-qq", "-e", "trace=openat,open", "-o", trace, *map(str, argv)], env=environment(True, ASAN_OPTIONS="detect_leaks=0", **env),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    return done, re.findall(r'open(?:at)?\([^"]*"([^"]+)"[^)]*\) = \d', trace.read_text())


def heavy(paths):
    return [p for p in paths if HEAVY.search(p)]


@pytest.fixture
def system_daemon(namespace, tmp_path):
    """The incumbent on the machine's own paths: it has the qemu driver."""
    need_root("the incumbent's system daemon gives folders to other users")
    daemon = Daemon(tmp_path / "d", ours=False)
    yield daemon
    daemon.stop()


@pytest.mark.parametrize("args", [["list", "--all"], ["nodeinfo"], ["uri"], ["capabilities"]], ids=lambda a: a[0])
def test_qemu_system(system_daemon, tmp_path, args):
    need(OUR_VIRSH, "our virsh")
    done, paths = opened([OUR_VIRSH, "-c", "qemu:///system", *args], tmp_path)
    assert done.returncode == 0, done.stderr
    assert any("libvirt.so" in p for p in paths) and not heavy(paths)


def test_a_failed_connection(namespace, tmp_path):
    done, paths = opened([OUR_VIRSH, "-c", "qemu+tcp://127.0.0.1:1/system", "list"], tmp_path)
    assert done.returncode == 1 and not heavy(paths)


def test_the_test_driver(namespace, tmp_path):
    done, paths = opened([OUR_VIRSH, "-c", "test:///default", "list"], tmp_path)
    assert done.returncode == 0 and not heavy(paths)


def test_tls_is_what_loads_gnutls(namespace, tmp_path):
    """So that the tests above can fail."""
    done, paths = opened([OUR_VIRSH, "-c", "qemu+tls://127.0.0.1:1/system", "list"], tmp_path)
    assert done.returncode == 1 and any("libgnutls" in p for p in heavy(paths)), paths


def test_an_idle_daemon(namespace, tmp_path):
    """Unix and TCP, both without authentication, a client served: nothing heavy is in its memory."""
    daemon = Daemon(tmp_path / "d", args=["--listen"])
    try:
        assert "running" in run([OUR_VIRSH, "-c", daemon.uri(), "domstate", "test"]).stdout
        with open(f"/proc/{daemon.proc.pid}/maps") as f:
            assert not heavy(set(line.split()[-1] for line in f if "/" in line))
    finally:
        daemon.stop()
