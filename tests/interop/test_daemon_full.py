# SPDX-License-Identifier: LGPL-2.1-or-later
"""A daemon that cannot start says what is in its way, and leaves nothing behind: full disks, sockets it may not give away."""
import os
import subprocess

import pytest

from interop_lab import OUR_LIBVIRTD, conf_text, environment, need, run


@pytest.fixture
def small_disk(namespace, folder):
    """small_disk(inodes=None) -> a folder of 64 KiB without room, or without room for one more file."""
    path = folder / "small"
    path.mkdir()

    def mount(inodes):
        options = "size=64k" + (",nr_inodes=2" if inodes else "")
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True)
        with open(path / "fill", "wb", buffering=0) as fill:
            while not inodes:
                try:
                    fill.write(bytes(4096))
                except OSError:
                    break
        return path

    yield mount
    subprocess.run(["umount", path], check=False)


def start(folder, sockets, *args):
    need(OUR_LIBVIRTD, "libvirtd")
    conf = folder / "x.conf"
    conf.write_text(conf_text({"unix_sock_dir": str(sockets), "auth_unix_rw": "none", "log_outputs": f"1:file:{folder}/log"}))
    return run([OUR_LIBVIRTD, "-f", conf, "-t", "1", *args])


@pytest.mark.parametrize("background", [[], ["-d"]], ids=["foreground", "background"])
@pytest.mark.parametrize("inodes", [False, True], ids=["bytes", "inodes"])
def test_a_pid_file_on_a_full_disk(folder, small_disk, inodes, background):
    disk = small_disk(inodes)
    done = start(folder, folder, "-p", disk / "pid", *background)
    assert done.returncode == 1 and f"{disk}/pid" in done.stderr and os.strerror(28) in done.stderr, done.stderr
    assert os.listdir(disk) == ["fill"] and sorted(os.listdir(folder)) == ["log", "small", "x.conf"]


def test_sockets_on_a_full_disk(folder, small_disk):
    disk = small_disk(True)
    done = start(folder, disk, "-p", folder / "pid")
    assert done.returncode == 6 and f"{disk}/libvirt-sock" in done.stderr and os.strerror(28) in done.stderr, done.stderr
    assert os.listdir(disk) == ["fill"] and not (folder / "pid").exists()


def test_the_second_socket_does_not_fit(folder, small_disk):
    disk = small_disk(True)
    (disk / "fill").unlink()  # room for one
    done = start(folder, disk, "-p", folder / "pid")
    assert done.returncode == 6 and f"{disk}/libvirt-sock-ro" in done.stderr, done.stderr
    assert not os.listdir(disk) and not (folder / "pid").exists()


def test_a_socket_that_cannot_be_given_to_its_group(folder):
    """In a namespace of users without that group."""
    need(OUR_LIBVIRTD, "libvirtd")
    apart = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*apart, "true"], capture_output=True).returncode != 0:
        pytest.skip("no namespaces of users here")
    conf = folder / "x.conf"
    conf.write_text(conf_text({"unix_sock_dir": str(folder), "unix_sock_group": "4711", "auth_unix_rw": "none"}))
    done = subprocess.run([*apart, str(OUR_LIBVIRTD), "-f", str(conf), "-t", "1", "-p", str(folder / "pid")], capture_output=True,
                          text=True, timeout=120, env=environment(True))
    assert done.returncode == 6 and "4711" in done.stderr and f"{folder}/libvirt-sock" in done.stderr, done.stderr
    assert os.listdir(folder) == ["x.conf"]
