# SPDX-License-Identifier: LGPL-2.1-or-later
"""The unix transport: which socket is chosen, what a failure lists, and the session daemon's start on demand."""
import os
import shutil
import socket
import subprocess
import threading
import time

import pytest

from transport_lab import in_run, pipe, write_script

NOBODY = 65534


def local(run_dir, *argv, **options):
    return pipe(in_run(run_dir, argv), **options)


def chosen(run_dir, pipe_main, uri, *options):
    """The socket's name, told by servers that answer with it."""
    result = local(run_dir, pipe_main, *options, uri, data=b"")
    return result.stdout.decode(), result.stderr.decode()


@pytest.fixture
def named(run_dir):
    """Makes sockets whose servers say their own name."""
    listeners = []

    def make(*names, folder=run_dir / "libvirt"):
        for name in names:
            s = socket.socket(socket.AF_UNIX)
            s.bind(str(folder / name))
            s.listen(8)
            os.chmod(folder / name, 0o777)
            listeners.append(s)
            threading.Thread(target=serve, args=(s, name), daemon=True).start()

    def serve(s, name):
        while True:
            try:
                peer, _ = s.accept()
            except OSError:
                return
            peer.sendall(name.encode())
            peer.close()

    yield make
    for s in listeners:
        s.shutdown(socket.SHUT_RDWR)
        s.close()


def stale(path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(path))
    s.close()


@pytest.mark.parametrize("uri,options,expected", [
    ("qemu:///system", [], "virtqemud-sock"),
    ("qemu:///session", [], "virtqemud-sock"),  # root's session is the system
    ("qemu:///system", ["-r"], "virtqemud-sock-ro"),
    ("qemu:///system?mode=auto", [], "virtqemud-sock"),
    ("qemu:///system?mode=direct", [], "virtqemud-sock"),
    ("qemu:///system?mode=direct", ["-r"], "virtqemud-sock-ro"),
    ("qemu:///system?mode=legacy", [], "libvirt-sock"),
    ("qemu:///system?mode=legacy", ["-r"], "libvirt-sock-ro"),
    ("xen:///system", [], "libvirt-sock"),
    ("test+unix:///default", [], "libvirt-sock"),
    ("qemu+unix:///system?socket=/run/libvirt/libvirt-sock-ro", [], "libvirt-sock-ro"),
    ("qemu+unix:///system?socket=/run/libvirt/libvirt-sock&mode=direct", ["-r"], "libvirt-sock"),
])
def test_choice(run_dir, named, pipe_main, uri, options, expected):
    named("libvirt-sock", "libvirt-sock-ro", "virtqemud-sock", "virtqemud-sock-ro")
    assert chosen(run_dir, pipe_main, uri, *options) == (expected, "")


def test_auto_goes_on_past_a_stale_socket(run_dir, named, pipe_main):
    stale(run_dir / "libvirt" / "virtqemud-sock")
    named("libvirt-sock")
    assert chosen(run_dir, pipe_main, "qemu:///system") == ("libvirt-sock", "")


def failure(run_dir, pipe_main, uri, *options, errnum, user=None):
    argv = [pipe_main, *options, uri]
    if user:
        argv = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *argv]
    result = local(run_dir, *argv)
    text = result.stderr.decode()
    assert result.returncode == 1
    assert text.startswith(f"error 38/7/{errnum}: connect: ") and text.count("\n") == 1, text
    return text


def test_absent_lists_every_path(run_dir, pipe_main):
    text = failure(run_dir, pipe_main, "qemu:///system", errnum=2)
    assert "/run/libvirt/virtqemud-sock is absent" in text
    assert "/run/libvirt/libvirt-sock is absent" in text
    assert "systemctl start" in text


def test_direct_names_its_one_daemon(run_dir, pipe_main):
    text = failure(run_dir, pipe_main, "qemu:///system?mode=direct", errnum=2)
    assert "libvirt-sock" not in text and "leave mode=direct out" in text


def test_stale_is_told_from_absent(run_dir, pipe_main):
    stale(run_dir / "libvirt" / "libvirt-sock")
    text = failure(run_dir, pipe_main, "qemu:///system", errnum=111)
    assert "virtqemud-sock is absent" in text
    assert "libvirt-sock is refused (stale: no process listens on it)" in text


def test_file_in_the_way(run_dir, pipe_main):
    (run_dir / "libvirt" / "libvirt-sock").write_text("")
    said = failure(run_dir, pipe_main, "qemu:///system?mode=legacy", errnum=111)
    assert "libvirt-sock is not a socket" in said and "; remove '" in said, said


def test_denied_names_owner_mode_and_user(run_dir, named, pipe_main):
    named("libvirt-sock")
    os.chmod(run_dir / "libvirt" / "libvirt-sock", 0o700)
    text = failure(run_dir, pipe_main, "qemu:///system", errnum=13, user=NOBODY)
    assert "permission denied" in text and "root:root with mode 0700" in text and f"user 'nobody' ({NOBODY}) in the groups nogroup" in text
    assert "run as root" in text


def test_denied_by_group_says_how_to_join(run_dir, named, pipe_main):
    named("libvirt-sock")
    os.chown(run_dir / "libvirt" / "libvirt-sock", 0, 4)  # adm
    os.chmod(run_dir / "libvirt" / "libvirt-sock", 0o770)
    assert "usermod -a -G adm nobody" in failure(run_dir, pipe_main, "qemu:///system", errnum=13, user=NOBODY)


def test_full_queue_is_bounded_by_the_deadline(run_dir, pipe_main):
    path = run_dir / "libvirt" / "libvirt-sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
        s.listen(0)
        held = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        for h in held:
            h.setblocking(False)
            h.connect_ex(str(path))
        begun = time.monotonic()
        text = failure(run_dir, pipe_main, "qemu:///system", "-t", "300", errnum=110)
        assert time.monotonic() - begun < 20
        assert "not answering in time" in text
        for h in held:
            h.close()


def test_too_long_a_path(run_dir, pipe_main):
    text = failure(run_dir, pipe_main, "qemu+unix:///system?socket=/" + "x" * 120, errnum=36)
    assert "107 bytes at most" in text


@pytest.mark.parametrize("uri,word", [("qemu+unix://host/system", "host"), ("qemu+unix:///system?socket=", "socket="),
                                      ("qemu+pigeon://host/system", "pigeon")])
def test_what_cannot_work_is_said(pipe_main, uri, word):
    result = pipe([pipe_main, uri])
    assert result.returncode == 1 and word in result.stderr.decode()


# The session daemon

DAEMON = """#!/usr/bin/python3
import os, socket, sys, time
folder = os.environ["XDG_RUNTIME_DIR"] + "/libvirt"
with open(folder + "/starts", "a") as f:
    f.write(" ".join(sys.argv[1:]) + " " + str(os.getpid()) + " " + str(os.getppid()) + " "
            + ",".join(sorted(os.listdir("/proc/self/fd"))) + "\\n")
time.sleep(0.3)
s = socket.socket(socket.AF_UNIX)
s.bind(folder + "/" + (sys.argv[0].split("/")[-1].replace("libvirtd", "libvirt")) + "-sock")
s.listen(64)
s.settimeout(10)
try:
    while True:
        peer, _ = s.accept()
        peer.sendall(b"session")
        peer.close()
except TimeoutError:
    pass
"""


@pytest.fixture
def session(run_dir, short_tmp, pipe_main):
    """Runs pipe_main as an ordinary user. The program stands alone in a folder, so that its daemon is ours."""
    home = short_tmp / "home"
    bin = short_tmp / "prefix" / "bin"
    runtime = run_dir / "user"
    for folder in (home, bin, runtime, short_tmp / "prefix" / "sbin"):
        folder.mkdir(parents=True)
    os.chown(runtime, NOBODY, NOBODY)
    shutil.copy(pipe_main.with_name("pipe_alone"), bin / "pipe_main")

    class Session:
        daemon = short_tmp / "prefix" / "sbin"
        folder = runtime / "libvirt"

        def argv(self, uri, *options):
            return in_run(run_dir, ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                                    bin / "pipe_main", *options, uri])

        def env(self, **more):
            return {"PATH": "/usr/bin:/bin", "HOME": str(home), "XDG_RUNTIME_DIR": "/run/user", **more}

        def open(self, uri="qemu:///session", *options, **env):
            return pipe(self.argv(uri, *options), b"", env=self.env(**env))

        def starts(self):
            return [line.split() for line in (self.folder / "starts").read_text().splitlines()]

    yield Session()
    if (runtime / "libvirt" / "starts").exists():
        for line in (runtime / "libvirt" / "starts").read_text().splitlines():
            try:
                os.kill(int(line.split()[1]), 15)
            except ProcessLookupError:
                pass


def test_session_daemon_is_started(session):
    write_script(session.daemon / "libvirtd", DAEMON)
    result = session.open()
    assert (result.stdout, result.stderr, result.returncode) == (b"session", b"", 0)
    (option, _, _, fds), = session.starts()
    assert option == "--timeout=120"
    assert fds == "0,1,2,3,4"  # 3: the file it writes this to; 4: listing the folder
    assert session.open("qemu:///session", "-r").stdout == b"session"  # running now; no -ro socket in sessions
    assert len(session.starts()) == 1
    assert (session.folder / "libvirtd.lock").exists() and session.folder.stat().st_mode & 0o777 == 0o700


def test_direct_mode_starts_the_drivers_daemon(session):
    write_script(session.daemon / "virtqemud", DAEMON)
    assert session.open("qemu:///session?mode=direct").stdout == b"session"


def test_racing_clients_start_one_daemon(session):
    write_script(session.daemon / "libvirtd", DAEMON)
    clients = [subprocess.Popen([str(a) for a in session.argv("test+unix:///default")], env=session.env(),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) for _ in range(8)]
    assert [c.communicate(timeout=120)[0] for c in clients] == [b"session"] * 8
    assert len(session.starts()) == 1


def test_system_uri_starts_nothing(session):
    write_script(session.daemon / "libvirtd", DAEMON)
    assert b"/run/libvirt/libvirt-sock is absent" in session.open("qemu:///system").stderr
    assert not session.folder.exists()


def test_autostart_off(session):
    write_script(session.daemon / "libvirtd", DAEMON)
    result = session.open(LIBVIRT_AUTOSTART="0")
    assert b"/run/user/libvirt/libvirt-sock is absent" in result.stderr and b"LIBVIRT_AUTOSTART" in result.stderr


def test_no_daemon_to_start(session):
    result = session.open("nosuch+unix:///session?mode=direct")
    assert result.returncode == 1
    assert b"virtnosuchd" in result.stderr and b"prefix/sbin/virtnosuchd" in result.stderr


def test_daemon_that_ends_at_once(session):
    write_script(session.daemon / "libvirtd", "#!/bin/sh\nexit 3\n")
    begun = time.monotonic()
    result = session.open()
    assert time.monotonic() - begun < 20
    assert b"did not appear in time" in result.stderr or b"ended" in result.stderr


def test_daemon_that_is_no_program(session):
    write_script(session.daemon / "libvirtd", "#!/no/such/interpreter\n")
    assert b"cannot start" in session.open().stderr


def test_start_is_bounded_by_the_deadline(session):
    write_script(session.daemon / "libvirtd", "#!/bin/sh\nexec sleep 60\n")
    begun = time.monotonic()
    result = session.open("qemu:///session", "-t", "400")
    assert time.monotonic() - begun < 25
    assert b"did not appear in time" in result.stderr
