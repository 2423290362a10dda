# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a failed opening of a unix socket finds out and advises: units, the other kind of daemons, neighbours of a
socket, groups joined after login, folders in the way, read-only sockets."""
import os
import socket
from pathlib import Path

import pytest

from transport_lab import ROOT, pipe

BUILD = Path(os.environ.get("FL_BUILD", ROOT / "build")).resolve()
VIRSH = Path(os.environ.get("FL_VIRSH", BUILD / "virsh" / "virsh"))
NOBODY = 65534
ADM = 4


@pytest.fixture
def place(run_dir, short_tmp, pipe_main):
    """place(uri, ...) -> the error; place.socket(name, mode) makes one; all sees run_dir as /run and a systemd that knows
    no units but those of place.unit()."""
    return Place(run_dir, short_tmp, pipe_main)


class Place:
    def __init__(self, run_dir, tmp, program):
        self.run, self.libvirt, self.tmp, self.program = run_dir, run_dir / "libvirt", tmp, program
        self.units = tmp / "units"
        self.units.mkdir()
        self.group = tmp / "group"
        self.group.write_text(open("/etc/group", encoding="utf-8").read())
        self.held = []

    def socket(self, name, mode=0o777, gid=0, listen=True):
        s = socket.socket(socket.AF_UNIX)
        path = self.libvirt / name
        s.bind(str(path))
        if listen:
            s.listen(4)
        os.chown(path, 0, gid)
        os.chmod(path, mode)
        self.held.append(s)
        return path

    def unit(self, name):
        (self.units / name).write_text("")

    def __call__(self, uri, user=0, groups=None, options=(), argv=None, env=None):
        script = ('mount --bind "$1" /run; mount --bind "$2" /etc/group; '
                  'for d in /etc/systemd/system /usr/lib/systemd/system; do test -d $d && mount --bind "$3" $d; done; shift 3; exec "$@"')
        argv = argv or [self.program, *options, uri]
        if user:
            argv = ["setpriv", f"--reuid={user}", f"--regid={user}", f"--groups={groups}" if groups else "--clear-groups", *argv]
        done = pipe(["unshare", "-m", "sh", "-c", script, "sh", self.run, self.group, self.units, *argv],
                    env={**os.environ, **(env or {})})
        assert done.returncode == 1
        return done.stderr.decode()


def test_a_unit_is_named(place):
    place.unit("libvirtd.service")
    assert "; start the daemon: systemctl start libvirtd.service" in place("qemu:///system")
    place.unit("libvirtd.socket")
    assert "; start the daemon: systemctl start libvirtd.socket" in place("qemu:///system")


def test_the_unit_of_the_drivers_own_daemon_or_of_the_stand_in(place):
    place.unit("virtproxyd.socket")
    assert "systemctl start virtproxyd.socket" in place("qemu:///system")
    place.unit("virtqemud.socket")
    assert "systemctl start virtqemud.socket" in place("qemu:///system")
    assert "systemctl start virtqemud.socket, or leave mode=direct out" in place("qemu:///system?mode=direct")


def test_no_unit(place):
    assert "systemd here has no unit of it: install libvirtd, or start it by hand" in place("qemu:///system")


def test_a_stale_socket_is_started_again(place):
    place.unit("libvirtd.socket")
    place.socket("libvirt-sock", listen=False)
    assert "; start the daemon again: systemctl restart libvirtd.socket" in place("qemu:///system")


def test_the_other_kind_of_daemon_is_there(place):
    place.socket("libvirt-sock")
    assert "; /run/libvirt/libvirt-sock is there: leave mode=direct out" in place("qemu:///system?mode=direct")
    os.rename(place.libvirt / "libvirt-sock", place.libvirt / "virtqemud-sock")
    assert "; /run/libvirt/virtqemud-sock is there: leave mode=legacy out" in place("qemu:///system?mode=legacy")


def test_remote_mode_in_the_settings_is_what_to_change(place):
    place.socket("libvirt-sock")
    folder = place.tmp / "config" / "libvirt"
    folder.mkdir(parents=True)
    (folder / "libvirt.conf").write_text('# one\nremote_mode = "direct"\n')
    text = place("qemu:///system", user=NOBODY, argv=[VIRSH, "-c", "qemu:///system", "hostname"],
                 env={"XDG_CONFIG_HOME": str(folder.parent)})
    assert f"/run/libvirt/libvirt-sock is there: change remote_mode at {folder}/libvirt.conf:2" in text


def test_neighbours_of_an_absent_socket(place):
    place.socket("my-sock")
    text = place("qemu+unix:///system?socket=/run/libvirt/my-sokc")
    assert "/run/libvirt/my-sokc is absent (its folder has the sockets my-sock)" in text


def test_a_group_joined_after_login(place):
    place.socket("libvirt-sock", mode=0o770, gid=ADM)
    place.group.write_text("root:x:0:\nadm:x:4:daemon,nobody\nnogroup:x:65534:\n")
    text = place("qemu:///system", user=NOBODY)
    assert "root:adm with mode 0770" in text and "user 'nobody' (65534) in the groups nogroup)" in text
    assert "; user 'nobody' joined group 'adm' after this login began: log in again" in text


def test_a_group_to_join(place):
    place.socket("libvirt-sock", mode=0o770, gid=ADM)
    text = place("qemu:///system", user=NOBODY, groups="1,2")
    assert "in the groups nogroup, daemon, bin)" in text
    assert "; an administrator can let you in: usermod -a -G adm nobody, then log in again" in text


def test_a_closed_folder_is_named(place):
    place.socket("libvirt-sock")
    os.chmod(place.libvirt, 0o700)
    text = place("qemu:///system", user=NOBODY)
    assert "permission denied (its folder /run/libvirt belongs to root:root with mode 0700, this process is user 'nobody'" in text


def test_a_read_only_socket_that_is_open(place):
    place.socket("libvirt-sock", mode=0o700)
    place.socket("libvirt-sock-ro")
    assert "or open read-only, which /run/libvirt/libvirt-sock-ro allows (virsh -r)" in place("qemu:///system", user=NOBODY)
    os.chmod(place.libvirt / "libvirt-sock-ro", 0o700)
    assert "read-only" not in place("qemu:///system", user=NOBODY)
    assert "read-only" not in place("qemu:///system", user=NOBODY, options=["-r"])
