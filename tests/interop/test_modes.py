# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which daemon's socket a client goes to: mode=, remote_mode, root and users, system and session, whichever sockets are
there. The incumbent's client chooses the same; where it fails and another daemon could help, ours goes on."""
import os
import pathlib
import socket
import threading

import pytest

from interop_lab import BUILD, conf_text, need_root, run

NOBODY = 65534
ABSENT = None


class Sockets:
    """Listening sockets that note who was called, and hang up."""

    def __init__(self, folder, names, user=None):
        self.called, self.listeners = [], []
        folder.mkdir(exist_ok=True)
        for name in names:
            s = socket.socket(socket.AF_UNIX)
            path = folder / name
            s.bind(str(path))
            s.listen()
            os.chmod(path, 0o777)
            self.listeners.append((path, s))
            threading.Thread(target=self._accept, args=(s, name), daemon=True).start()

    def _accept(self, s, name):
        while True:
            try:
                conn, _ = s.accept()
            except OSError:
                return
            self.called.append(name)
            conn.close()

    def first(self):
        first = self.called[0] if self.called else ABSENT
        self.called.clear()
        return first

    def close(self):
        for path, s in self.listeners:
            s.shutdown(socket.SHUT_RDWR)
            s.close()
            path.unlink()


@pytest.fixture
def there(folder):
    """there(names, user): a place with these sockets, and the environment of a client that looks there."""
    made = []

    def make(names, user):
        os.chmod(folder, 0o755)
        place = pathlib.Path("/run/libvirt") if user is None or user == "system" else folder / "libvirt"
        made.append(Sockets(place, names))
        return made[-1], {"XDG_RUNTIME_DIR": folder, "HOME": folder, "XDG_CONFIG_HOME": folder / "config", "LIBVIRT_AUTOSTART": 0}

    yield make
    for m in made:
        m.close()


def ask(virsh, uri, env, user=None, args=()):
    more = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "cwd": "/"} if user else {}
    return virsh(*args, "uri", uri=uri, env=env, timeout=120, **more)


ALL = ["virtqemud-sock", "virtxend-sock", "libvirt-sock"]
CHOICES = [  # URI, sockets that are there, which is called
    ("qemu:///system", ALL, "virtqemud-sock"),
    ("qemu:///system", ["libvirt-sock"], "libvirt-sock"),
    ("qemu:///system", ["virtxend-sock"], ABSENT),
    ("xen:///system", ALL, "virtxend-sock"),
    ("xen:///system", ["virtqemud-sock", "libvirt-sock"], "libvirt-sock"),
    ("lxc:///", ALL, "libvirt-sock"),
    ("qemu:///session", ALL, "virtqemud-sock"),
    ("qemu:///session", ["libvirt-sock"], "libvirt-sock"),
    ("test+unix:///default", ALL, "libvirt-sock"),
    ("qemu:///system?mode=auto", ALL, "virtqemud-sock"),
    ("qemu:///system?mode=direct", ALL, "virtqemud-sock"),
    ("qemu:///system?mode=direct", ["libvirt-sock"], ABSENT),
    ("qemu:///system?mode=legacy", ALL, "libvirt-sock"),
    ("qemu:///system?mode=legacy", ["virtqemud-sock"], ABSENT),
    ("qemu:///session?mode=legacy", ALL, "libvirt-sock"),
    ("qemu:///session?mode=direct", ALL, "virtqemud-sock"),
]


@pytest.mark.parametrize("uri,names,called", CHOICES)
def test_roots_choice(there, any_virsh, uri, names, called):
    sockets, env = there(names, None)
    ask(any_virsh, uri, env)
    assert sockets.first() == called


@pytest.mark.parametrize("uri,names,called", CHOICES)
def test_a_users_choice(there, any_virsh, uri, names, called):
    need_root("it becomes another user")
    session = "/session" in uri or uri.startswith("test")
    sockets, env = there(names, "session" if session else "system")
    ask(any_virsh, uri, env, user=True)
    assert sockets.first() == called


@pytest.mark.parametrize("uri,called", [("qemu:///system", "virtqemud-sock-ro"), ("qemu:///system?mode=legacy", "libvirt-sock-ro"),
                                        ("xen:///system", "libvirt-sock-ro")])
def test_read_only(there, any_virsh, uri, called):
    sockets, env = there(["virtqemud-sock", "virtqemud-sock-ro", "libvirt-sock", "libvirt-sock-ro"], None)
    ask(any_virsh, uri, env, args=["-r"])
    assert sockets.first() == called


def test_a_session_has_no_read_only_socket(there, any_virsh):
    need_root("it becomes another user")
    sockets, env = there(["virtqemud-sock", "virtqemud-sock-ro"], "session")
    ask(any_virsh, "qemu:///session", env, user=True, args=["-r"])
    assert sockets.first() == "virtqemud-sock"


@pytest.fixture(params=["root", "user"])
def configured(request, there, folder):
    """configured(mode): sockets of all kinds, and a client whose libvirt.conf has remote_mode."""
    if request.param == "user":
        need_root("it becomes another user")

    def make(mode):
        user = request.param == "user"
        sockets, env = there(ALL, "session" if user else None)
        conf = folder / "config/libvirt" if user else pathlib.Path("/etc/libvirt")
        conf.mkdir(parents=True, exist_ok=True)
        (conf / "libvirt.conf").write_text(conf_text({"remote_mode": mode}))
        request.addfinalizer((conf / "libvirt.conf").unlink)
        return sockets, env, user

    return make


@pytest.mark.parametrize("mode,called", [("auto", "virtqemud-sock"), ("direct", "virtqemud-sock"), ("legacy", "libvirt-sock")])
def test_remote_mode(configured, any_virsh, mode, called):
    sockets, env, user = configured(mode)
    ask(any_virsh, "qemu:///session", env, user)
    assert sockets.first() == called
    ask(any_virsh, "qemu:///session?mode=" + ("direct" if mode == "legacy" else "legacy"), env, user)  # the URI counts
    assert sockets.first() == ("virtqemud-sock" if mode == "legacy" else "libvirt-sock")


def test_remote_mode_of_another_word(configured, any_virsh):
    sockets, env, user = configured("bogus")
    done = ask(any_virsh, "qemu:///session", env, user)
    assert done.returncode == 1 and "bogus" in done.stderr and sockets.first() is ABSENT


def test_without_a_uri(there, any_virsh):
    sockets, env = there(ALL, None)
    ask(any_virsh, None, env)
    assert sockets.first() == "libvirt-sock"


def test_without_a_uri_direct_has_nowhere_to_go(configured, any_virsh):
    sockets, env, user = configured("direct")
    done = ask(any_virsh, None, env, user)
    assert done.returncode == 1 and sockets.first() is ABSENT
    assert "irect" in done.stderr and "URI" in done.stderr
    code = ("import sys, libvirt\nlibvirt.registerErrorHandler(lambda c, e: None, None)\ntry: libvirt.open(None)\n"
            "except libvirt.libvirtError as e: print(e.get_error_code())")
    from interop_lab import python_environment
    import subprocess
    done = subprocess.run(["/usr/bin/python3", "-c", code], env=python_environment(any_virsh.ours, **env), stdout=subprocess.PIPE,
                          **({"user": NOBODY, "cwd": "/"} if user else {}))
    assert done.stdout == b"84\n"  # VIR_ERR_OPERATION_UNSUPPORTED


# ---- where ours goes on

def test_no_uri_finds_the_drivers_daemon(there, our_virsh):
    sockets, env = there(["virtqemud-sock", "virtxend-sock"], None)
    ask(our_virsh, None, env)
    assert sockets.first() == "virtqemud-sock"


def test_past_a_stale_socket(there, our_virsh):
    sockets, env = there(["libvirt-sock"], None)
    path = pathlib.Path("/run/libvirt/virtqemud-sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
    try:
        ask(our_virsh, "qemu:///system", env)
        assert sockets.first() == "libvirt-sock"
    finally:
        path.unlink()


@pytest.mark.parametrize("uri,daemon", [("qemu:///system", "virtqemud"), ("xen:///system", "virtxend"), ("lxc:///system", "libvirtd")])
def test_advice_names_a_unit_that_is_there(there, our_virsh, uri, daemon):
    """On a machine with the drivers' daemons only."""
    need_root("it covers the folders of units")
    units = pathlib.Path("/run/systemd/system")
    units.mkdir(parents=True, exist_ok=True)
    _, env = there([], None)
    covered = any(pathlib.Path(f"{top}/systemd/system/libvirtd.socket").exists()
                  for top in ("/lib", "/usr/lib", "/usr/local/lib", "/etc"))
    for name in "virtqemud", "virtxend":
        (units / f"{name}.socket").touch()
    try:
        text = ask(our_virsh, uri, env).stderr
        assert f"systemctl start {'libvirtd' if covered else daemon}" in text
    finally:
        for name in "virtqemud", "virtxend":
            (units / f"{name}.socket").unlink()
        os.removedirs(units)


# ---- a session's daemon is started by its first client

@pytest.mark.parametrize("uri,started", [("qemu:///session", "libvirtd"), ("qemu:///session?mode=direct", "virtqemud"),
                                         ("xen:///session?mode=direct", "virtxend"), ("qemu:///session?mode=legacy", "libvirtd")])
def test_what_is_started(folder, our_virsh, uri, started):
    need_root("it becomes another user")
    os.chown(folder, NOBODY, NOBODY)
    env = {"XDG_RUNTIME_DIR": folder, "HOME": folder, "XDG_CONFIG_HOME": folder / "config"}
    done = ask(our_virsh, uri, env, user=True)
    pids = [int(p.read_text()) for p in (folder / "libvirt").glob("*.pid")]
    try:
        assert [p.name for p in (folder / "libvirt").glob("*.pid")] == [f"{started}.pid"]
        assert pathlib.Path(f"/proc/{pids[0]}/cmdline").read_text().split("\0")[:2] == [str(BUILD / "src/daemon" / started), "--timeout=120"]
        assert f"{started} " in done.stderr and "driver" in done.stderr  # there is none for QEMU or Xen yet
    finally:
        for pid in pids:
            os.kill(pid, 15)
