# SPDX-License-Identifier: LGPL-2.1-or-later
"""One program, four daemons: what each name is called, where it keeps its things, what it serves."""
import os
import signal
import subprocess
import time

import pytest

import interop_lab as conftest
from interop_lab import OUR_LIBVIRTD, environment, need_root, run
from wire import Wire, optional, u32

UNIX_ONLY = ["virtqemud", "virtxend"]
NETWORK = ["libvirtd", "virtproxyd"]
STEM = {"libvirtd": "libvirt", "virtproxyd": "libvirt", "virtqemud": "virtqemud", "virtxend": "virtxend"}


def program(name):
    return OUR_LIBVIRTD.with_name(name)


@pytest.mark.parametrize("user,conf,sock,pid", [
    (None, "/etc/libvirt", "/run/libvirt", "/run"),
    (65534, "$XDG_CONFIG_HOME/libvirt", "$XDG_RUNTIME_DIR/libvirt", "$XDG_RUNTIME_DIR/libvirt")], ids=["root", "user"])
@pytest.mark.parametrize("name", UNIX_ONLY + NETWORK)
def test_help_has_the_names_own_paths(name, user, conf, sock, pid):
    if user:
        need_root("it becomes another user")
    text = run([program(name), "--help"], **({"user": user, "cwd": "/"} if user else {})).stdout
    assert f" {conf}/{name}.conf\n" in text and f" {pid}/{name}.pid\n" in text
    assert f" {sock}/{STEM[name]}-sock\n" in text
    assert (f" {sock}/{STEM[name]}-sock-ro\n" in text) == (user is None)
    assert ("--listen" in text) == ("TLS" in text) == (name in NETWORK)


@pytest.mark.parametrize("name", UNIX_ONLY + NETWORK)
def test_version_is_the_names(name):
    assert run([program(name), "-V"]).stdout.startswith(f"{name} (libvirt)")


@pytest.mark.parametrize("name", UNIX_ONLY)
def test_listening_is_not_for_all(name):
    done = run([program(name), "--listen", "-t", "1"])
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name}: --listen") and "virtproxyd" in done.stderr


@pytest.mark.parametrize("name", UNIX_ONLY + NETWORK)
def test_default_files_of_the_system_daemon(name):
    """The machine's own places (of this namespace): no option names any."""
    need_root("it uses /run and /etc")
    os.makedirs("/run/libvirt", exist_ok=True)
    with open(f"/etc/libvirt/{name}.conf", "w") as f:
        f.write('auth_unix_rw = "none"\nauth_unix_ro = "none"\n')
    before = set(os.listdir("/run/libvirt"))  # the incumbent's daemon leaves some of its own behind
    daemon = subprocess.Popen([program(name)], env=environment(True), stderr=subprocess.PIPE, text=True)
    files = [f"/run/{name}.pid", f"/run/libvirt/{STEM[name]}-sock", f"/run/libvirt/{STEM[name]}-sock-ro"]
    try:
        for _ in range(3000):
            if all(map(os.path.exists, files)):
                break
            assert daemon.poll() is None, daemon.stderr.read()
            time.sleep(0.02)
        assert open(files[0]).read().strip() == str(daemon.pid)
        assert not [f for f in set(os.listdir("/run/libvirt")) - before if "admin" in f]
        with Wire(files[1]) as c:
            c.open("test:///default")
    finally:
        daemon.send_signal(signal.SIGTERM)
        err = daemon.communicate()[1]
        os.unlink(f"/etc/libvirt/{name}.conf")
    assert daemon.returncode == 0, err
    assert not any(map(os.path.exists, files))


@pytest.mark.parametrize("name", ["virtqemud", "libvirtd"])
def test_files_of_a_session_daemon(name, folder):
    need_root("it becomes another user")
    os.chown(folder, 65534, 65534)
    env = {"XDG_RUNTIME_DIR": folder / "rt", "XDG_CONFIG_HOME": folder / "cf", "HOME": folder}
    for path in env.values():
        os.makedirs(path, exist_ok=True)
        os.chown(path, 65534, 65534)
    os.makedirs(folder / "cf/libvirt")
    (folder / f"cf/libvirt/{name}.conf").write_text("no_such_key = 1\n")
    daemon = subprocess.Popen([program(name), "-t", "30"], env=environment(True, **env), user=65534, group=65534,
                              stderr=subprocess.PIPE, text=True, cwd="/")
    wanted = {f"{STEM[name]}-sock", f"{name}.pid"}
    try:
        for _ in range(3000):
            have = set(os.listdir(folder / "rt/libvirt")) if (folder / "rt/libvirt").exists() else set()
            if wanted <= have:
                break
            assert daemon.poll() is None, daemon.stderr.read()
            time.sleep(0.02)
        assert have == wanted
    finally:
        daemon.terminate()
        err = daemon.communicate()[1]
    assert f"cf/libvirt/{name}.conf:1: 'no_such_key'" in err


@pytest.mark.parametrize("name,title,scheme,other", [("virtqemud", "QEMU", "qemu", "xen"), ("virtxend", "Xen", "xen", "qemu")])
def test_a_driver_not_built_is_said_in_one_line(start_daemon, any_virsh, name, title, scheme, other):
    d = start_daemon(name=name)
    line = f"this {name} is built without the {title} driver"
    assert line in d.log()
    uri = f"{scheme}+unix:///system?socket={d.sock}"
    done = any_virsh("uri", uri=uri)
    assert done.returncode == 1 and line in done.stderr, done.stderr
    done = any_virsh("uri", uri=f"{other}+unix:///system?socket={d.sock}")
    assert done.returncode == 1 and f"{name} serves {scheme}:// only" in done.stderr
    assert "test" in any_virsh.out("list", uri=f"test+unix:///default?socket={d.sock}")
    with Wire(d.sock) as c:  # no name: its own driver
        assert line in c.call(1, optional("") + u32(0)).error()[2]


@pytest.mark.parametrize("name", UNIX_ONLY + NETWORK)
def test_network_settings_where_there_is_no_network(start_daemon, name):
    d = start_daemon(name=name, conf={"tls_port": "1", "auth_tls": "none", "max_clients": 77, "key_file": "/k"})
    warned = [line for line in d.log().splitlines() if "unix sockets only" in line]
    if name in NETWORK:
        assert not warned
    else:
        assert len(warned) == 3, d.log()
        for key in "tls_port", "auth_tls", "key_file":
            assert [w for w in warned if f"{name}.conf:" in w and f"'{key}'" in w], warned


def test_two_daemons_live_beside_each_other(start_daemon):
    """Different names, different files: nothing of one is the other's."""
    first, second = start_daemon(name="virtqemud"), start_daemon(name="virtxend")
    assert first.alive() and second.alive()
    for d in first, second:
        with Wire(d.sock) as c:
            c.open("test:///default")


# ---- one daemon under both kinds of names

def test_old_and_new_names_at_once(start_daemon, any_virsh):
    d = start_daemon(conf={"also_listen_as": ["virtqemud", "virtxend"]})
    for stem in "libvirt", "virtqemud", "virtxend":
        for ro in "", "-ro":
            path = d.dir / f"{stem}-sock{ro}"
            assert "test" in any_virsh.out("list", uri=f"test+unix:///default?socket={path}")
            done = any_virsh("suspend", "test", uri=f"test+unix:///default?socket={path}")
            assert (done.returncode == 0) == (not ro)
    assert d.stop() == 0 and not list(d.dir.glob("*-sock*"))


def test_other_names_that_are_none(folder):
    conf = folder / "c"
    conf.write_text(f'also_listen_as = [ "virtfood" ]\nunix_sock_dir = "{folder}"\n')
    done = run([program("libvirtd"), "-f", conf, "-p", folder / "pid"])
    assert done.returncode == 6 and "'virtfood'" in done.stderr and str(conf) in done.stderr


def test_two_daemons_do_not_share_a_name(start_daemon, folder):
    d = start_daemon(name="virtqemud")
    conf = folder / "c"
    conf.write_text(f'also_listen_as = [ "virtqemud" ]\nunix_sock_dir = "{d.dir}"\n')
    done = run([program("libvirtd"), "-f", conf, "-p", folder / "pid"])
    assert done.returncode == 6 and f"process {d.proc.pid}" in done.stderr
