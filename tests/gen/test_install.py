# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `make install` puts on a machine: all of it, working from where it is; the examples are taken as they are and with every
line of theirs in force."""
import fcntl
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("FL_BUILD", ROOT / "build")).resolve()
LOG = BUILD / "meson-logs/install-log.txt"  # what an uninstall reads: the one of a real install stays
SANITIZED = pytest.mark.skipif(bool(os.environ.get("FL_SANITIZE")), reason="a program of its own has no sanitizer")

pytestmark = pytest.mark.skipif(not os.access(LOG.parent, os.W_OK) or not shutil.which("meson"), reason="installs from a build of one's own")
PROGRAM = """
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <libvirt/libvirt-qemu.h>
#include <stdio.h>
int main(void)
{
    virConnectPtr c = virConnectOpen("test:///default");
    printf("%d\\n", c ? virConnectNumOfDomains(c) : -1);
    return c ? virConnectClose(c) : 1;
}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The prefix, as it lies below a DESTDIR."""
    dest = tmp_path_factory.mktemp("dest")
    with open(BUILD / "meson-logs/test_install.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests of this file may run side by side
        before = LOG.read_bytes() if LOG.exists() else None
        try:
            subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", dest], check=True,
                           capture_output=True, timeout=300)
        finally:
            if before is not None:
                LOG.write_bytes(before)
            else:
                LOG.unlink(missing_ok=True)
    prefix = next(pathlib.Path(folder).parent for folder, folders, files in os.walk(dest) if folder.endswith("/bin"))
    yield prefix
    shutil.rmtree(dest)


def paths(prefix):
    return {str(p.relative_to(prefix)) for p in prefix.rglob("*") if not p.is_dir()}


def test_everything_is_there(place):
    got = paths(place)
    for name in ("libvirt", "libvirt-qemu", "libvirt-lxc"):
        assert (place / f"lib/{name}.so").resolve() == (place / f"lib/{name}.so.0").resolve() == place / f"lib/{name}.so.0.11003.0"
        assert {f"lib/pkgconfig/{name}.pc", f"share/libvirt/api/{name}-api.xml", f"include/libvirt/{name}.h"} <= got
    for name in ("libvirtd", "virtqemud", "virtxend", "virtproxyd"):
        assert {f"sbin/{name}", f"share/man/man8/{name}.8", f"share/man/man5/{name}.conf.5", f"lib/systemd/system/{name}.service",
                f"lib/systemd/system/{name}.socket", f"lib/systemd/system/{name}-ro.socket"} <= got
    for name in ("libvirtd", "virtproxyd"):
        assert {f"lib/systemd/system/{name}-tcp.socket", f"lib/systemd/system/{name}-tls.socket"} <= got
    assert {f"lib/fairlead/{name}.so" for name in ("polkit", "sasl", "libssh", "libssh2", "tls")} <= got
    assert {"bin/virsh", "bin/virt-ssh-helper", "share/man/man1/virsh.1", "share/man/man1/virt-ssh-helper.1",
            "share/man/man5/libvirt.conf.5", "share/man/man7/libvirt-uri.7", "share/bash-completion/completions/virsh",
            "share/polkit-1/actions/org.libvirt.unix.policy", "share/polkit-1/rules.d/60-libvirt.rules", "lib/sysusers.d/fairlead.conf",
            "share/doc/fairlead/examples/libvirtd.conf", "share/doc/fairlead/examples/libvirt.conf",
            "share/doc/fairlead/examples/sasl2-libvirt.conf", "include/libvirt/fairlead.h"} <= got


def test_each_folder_of_it_is_described(place):
    said = (ROOT / "docs/install.md").read_text()
    for path in paths(place):
        folder = path.rsplit("/", 1)[0]
        parents = [folder, *map(str, pathlib.Path(folder).parents)]
        assert any(f"`{p}/" in said for p in parents if p != "."), path


def test_programs_run_from_there(place):
    shown = subprocess.run([place / "bin/virsh", "-c", "test:///default", "list", "--name"], capture_output=True, text=True, timeout=120,
                           env={"PATH": os.environ["PATH"], "ASAN_OPTIONS": "detect_leaks=0"})
    assert (shown.returncode, shown.stdout.strip()) == (0, "test"), shown.stderr
    for name in ("libvirtd", "virtproxyd"):
        said = subprocess.run([place / "sbin" / name, "--version"], capture_output=True, text=True, timeout=120).stdout
        assert said.startswith(f"{name} (libvirt) 11.3.0"), said


@SANITIZED
def test_a_program_is_built_there(place, tmp_path):
    (tmp_path / "p.c").write_text(PROGRAM)
    env = {**os.environ, "PKG_CONFIG_PATH": str(place / "lib/pkgconfig")}
    flags = subprocess.run(["pkg-config", "--define-prefix", "--cflags", "--libs", "libvirt", "libvirt-qemu"], capture_output=True, text=True,
                           env=env, check=True, timeout=120).stdout.split()
    assert f"-I{place}/include" in flags
    subprocess.run(["cc", "-Wall", "-Werror", tmp_path / "p.c", "-o", tmp_path / "p", *flags, f"-Wl,-rpath,{place}/lib"], check=True,
                   timeout=120)
    assert subprocess.run([tmp_path / "p"], capture_output=True, text=True, timeout=120).stdout == "1\n"


def in_force(text):
    """Every setting, without the mark before it."""
    return re.sub(r"^#(?=\w+ = |  |\]$)", "", text, flags=re.M)


@pytest.mark.parametrize("change", [str, in_force])
def test_the_daemon_takes_its_example(place, tmp_path, change):
    text = change((place / "share/doc/fairlead/examples/libvirtd.conf").read_text())
    own = {"unix_sock_dir": tmp_path, "unix_sock_group": os.getgid(), "also_listen_as": None, "access_drivers": None}  # the last is refused
    for key, value in own.items():
        text = re.sub(rf"^{key} = .*\n", f'{key} = "{value}"\n' if value is not None else "", text, flags=re.M)
    if change is str:
        text += f'unix_sock_dir = "{tmp_path}"\n'
    (tmp_path / "libvirtd.conf").write_text(text)
    with open(tmp_path / "log", "wb") as log:
        daemon = subprocess.Popen([place / "sbin/libvirtd", "-f", tmp_path / "libvirtd.conf", "-p", tmp_path / "pid"], stderr=log, stdout=log,
                                  stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while not (tmp_path / "libvirt-sock").exists() and daemon.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        said = (tmp_path / "log").read_text()
        assert (tmp_path / "libvirt-sock").exists() and "libvirtd.conf" not in said, said
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(60)


def test_a_client_takes_its_example(place, tmp_path):
    text = in_force((place / "share/doc/fairlead/examples/libvirt.conf").read_text())
    assert len(re.findall(r"^\w+ = ", text, re.M)) == 8
    (tmp_path / "libvirt").mkdir()
    conf = tmp_path / "libvirt/libvirt.conf"
    conf.write_text(text.replace("qemu:///system", "test:///default"))
    keys = re.findall(r"^\.BR (\w+) \" \((?:text|number|list)", (ROOT / "man/libvirt.conf.5.in").read_text(), re.M)
    assert [key for key in keys if f"\n{key} = " not in text] == []
    argv = [place / "bin/virsh", "uri"]
    if os.geteuid() == 0:  # who reads /etc only
        if not os.path.isdir("/etc/libvirt"):
            pytest.skip("no /etc/libvirt to put it over")
        script = 'mount --bind "$1" /etc/libvirt && shift && exec "$@"'
        argv = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", conf.parent, *argv]
    shown = subprocess.run(argv, capture_output=True, text=True, timeout=120,
                           env={"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(tmp_path), "ASAN_OPTIONS": "detect_leaks=0"})
    assert (shown.returncode, shown.stdout.strip()) == (0, "test:///default"), shown.stderr
