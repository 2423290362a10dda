# SPDX-License-Identifier: LGPL-2.1-or-later
"""virt-ssh-helper as a program, and at the far end of the incumbent's own client."""
import os
import shutil
import socket
import subprocess
import threading
import time

import pytest

from transport_lab import in_run, listens, pipe, stop

PEER_VIRSH = shutil.which("virsh", path="/usr/bin")
PEER_DAEMON = shutil.which("libvirtd", path="/usr/sbin")


def helper(run_dir, program, *argv, data=b"hello\n", **options):
    return pipe(in_run(run_dir, [program, *argv]), data, **options)


@pytest.mark.parametrize("options,name", [([], "libvirt-sock"), (["-r"], "libvirt-sock-ro"),
                                          (["--readonly"], "libvirt-sock-ro")])
def test_carries(run_dir, helper_program, echo, options, name):
    echo.unix(run_dir / "libvirt" / name)
    result = helper(run_dir, helper_program, *options, "qemu:///system")
    assert (result.stdout, result.stderr, result.returncode) == (b"hello\n", b"", 0)


def test_per_driver_daemon_first(run_dir, helper_program, echo):
    echo.unix(run_dir / "libvirt" / "virttestd-sock")
    assert helper(run_dir, helper_program, "test:///default").stdout == b"hello\n"


def test_mode_and_socket_parameters(run_dir, helper_program, echo, short_tmp):
    echo.unix(run_dir / "libvirt" / "virtqemud-sock")
    echo.unix(short_tmp / "s")
    assert helper(run_dir, helper_program, "qemu:///system?mode=direct").returncode == 0
    assert b"libvirt-sock is absent" in helper(run_dir, helper_program, "qemu:///system?mode=legacy").stderr
    assert helper(run_dir, helper_program, f"xen:///system?socket={short_tmp}/s").stdout == b"hello\n"
    assert helper(run_dir, helper_program, f"test:///default?socket={short_tmp}/s").stdout == b"hello\n"


def test_help_and_version(helper_program):
    text = pipe([helper_program, "--help"])
    assert text.returncode == 0 and b"--readonly" in text.stdout
    text = pipe([helper_program, "--version"])
    assert text.returncode == 0 and text.stdout.startswith(b"virt-ssh-helper (")


@pytest.mark.parametrize("argv", [[], ["a:///", "b:///"], ["--bogus"], ["-r"], ["qemu+ssh://host/system"],
                                  ["qemu://host/system"], ["qemu+tcp:///system"], ["not a uri"], ["qemu+ext:///s?command=id"]])
def test_what_it_refuses(helper_program, argv):
    result = pipe([helper_program, *argv])
    assert result.returncode == 1 and result.stdout == b"" and result.stderr


def test_no_daemon(run_dir, helper_program):
    result = helper(run_dir, helper_program, "qemu:///system")
    assert result.returncode == 1
    assert result.stderr.startswith(b"virt-ssh-helper: connect: no daemon reached: /run/libvirt/virtqemud-sock is absent")


def served(path, behave):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)

    def serve():
        peer, _ = listener.accept()
        with peer, listener:
            behave(peer)
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def test_daemon_that_ends_ends_it(run_dir, helper_program):
    """Even while its own input stays open."""
    served(run_dir / "libvirt" / "libvirt-sock", lambda peer: peer.sendall(b"bye"))
    with subprocess.Popen(in_run(run_dir, [helper_program, "qemu:///system"]), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as p:
        assert p.stdout.read() == b"bye"
        assert p.wait(30) == 0


def test_answer_after_the_end_of_input(run_dir, helper_program):
    def behave(peer):
        while peer.recv(100):
            pass
        time.sleep(0.3)
        peer.sendall(b"late")
    served(run_dir / "libvirt" / "libvirt-sock", behave)
    assert helper(run_dir, helper_program, "qemu:///system").stdout == b"late"


def test_reader_that_goes_away_ends_it(run_dir, helper_program):
    """The client's end of the output closes; the daemon never speaks and the input stays open."""
    done = threading.Event()
    served(run_dir / "libvirt" / "libvirt-sock", lambda peer: done.wait(60))
    p = subprocess.Popen(in_run(run_dir, [helper_program, "qemu:///system"]), stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)
    time.sleep(0.3)
    p.stdout.close()
    try:
        p.wait(30)
    finally:
        done.set()
        p.stdin.close()
        stop(p)


@pytest.mark.parametrize("slow_side", ["client", "daemon"])
def test_slow_reader_slows_the_writer(run_dir, helper_program, slow_side):
    """64 MB against a side that reads after a while: nothing lost, memory bounded."""
    block, count = b"x" * 65536, 1000
    got = []

    def daemon(peer):
        if slow_side == "client":
            for _ in range(count):
                peer.sendall(block)
        else:
            time.sleep(0.5)
            size = 0
            while data := peer.recv(1 << 20):
                size += len(data)
            got.append(size)
    thread = served(run_dir / "libvirt" / "libvirt-sock", daemon)
    with subprocess.Popen(in_run(run_dir, [helper_program, "qemu:///system"]), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as p:
        if slow_side == "client":
            time.sleep(0.5)
            with open(f"/proc/{p.pid}/status") as f:
                rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
            assert rss < 20000
            got.append(len(p.stdout.read()))
        else:
            for _ in range(count):
                p.stdin.write(block)
            p.stdin.close()
        assert p.wait(60) == 0
    thread.join(30)
    assert got == [len(block) * count]


@pytest.mark.skipif(not PEER_VIRSH or not PEER_DAEMON, reason="the incumbent is not installed")
@pytest.mark.parametrize("far_end", ["virt-ssh-helper", "nc"])
@pytest.mark.parametrize("options", [[], ["-r"]], ids=["rw", "ro"])
def test_the_incumbents_client_and_daemon_through_it(sshd, helper_program, short_tmp, far_end, options):
    """virsh -c test+ssh://... of the incumbent, our helper over there, the incumbent's libvirtd behind it."""
    sshd.far_program("which", shutil.which("which"))
    sshd.far_program(far_end, helper_program if far_end == "virt-ssh-helper" else shutil.which("nc"))
    conf = short_tmp / "libvirtd.conf"
    conf.write_text('auth_unix_rw = "none"\nauth_unix_ro = "none"\nlog_outputs = "4:stderr"\n')
    var = short_tmp / "var"
    etc = short_tmp / "etc"
    var.mkdir()
    etc.mkdir()
    script = f"mount --bind {var} /var/lib/libvirt && mount --bind {etc} /etc/libvirt && exec {PEER_DAEMON} -f {conf}"
    daemon = subprocess.Popen(in_run(sshd.run_dir, ["unshare", "-n", "sh", "-c", script]), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not all(listens(sshd.run_dir / "libvirt" / f"libvirt-sock{ro}") for ro in ("", "-ro")) and time.monotonic() < deadline:
            time.sleep(0.1)
        uri = sshd.uri("/default", driver="test")
        result = subprocess.run([PEER_VIRSH, "-q", *options, "-c", uri, "list", "--all", "--name"], capture_output=True,
                                timeout=120, stdin=subprocess.DEVNULL)
        assert (result.stdout.split(), result.stderr) == ([b"test"], b"")
    finally:
        stop(daemon)


# ---- which of our daemons over there

OUR_DAEMONS = {"libvirtd": "libvirt", "virtqemud": "virtqemud"}
SAID_BY = {"libvirtd": "libvirtd has no driver for", "virtqemud": "this virtqemud is built without the QEMU driver"}


@pytest.fixture
def far_daemons(sshd, pipe_main, short_tmp):
    """far_daemons("virtqemud", ...): these run over there, the machine's own."""
    build = os.path.dirname(os.path.dirname(os.path.dirname(pipe_main)))
    started = []

    def start(*names):
        for name in names:
            conf = short_tmp / f"{name}.conf"
            conf.write_text('auth_unix_rw = "none"\nauth_unix_ro = "none"\n')
            program = os.path.join(build, "src", "daemon", name)
            if not os.access(program, os.X_OK):
                pytest.skip(f"no {name} beside the tests")
            started.append(subprocess.Popen(in_run(sshd.run_dir, [program, "-f", str(conf)]), stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        deadline = time.monotonic() + 60
        wanted = [sshd.run_dir / "libvirt" / f"{OUR_DAEMONS[name]}-sock-ro" for name in names]
        while not all(map(listens, wanted)):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    yield start
    for daemon in started:
        stop(daemon)


WHO_ANSWERS = [
    (["libvirtd", "virtqemud"], None, "virtqemud"),
    (["libvirtd"], None, "libvirtd"),
    (["libvirtd", "virtqemud"], "auto", "virtqemud"),
    (["libvirtd", "virtqemud"], "direct", "virtqemud"),
    (["libvirtd", "virtqemud"], "legacy", "libvirtd"),
    (["libvirtd"], "direct", None),
    (["virtqemud"], "legacy", None),
]


@pytest.mark.parametrize("client,far_end,there,mode,answers",
                         [("ours", far_end, *row) for far_end in ("virt-ssh-helper", "nc") for row in WHO_ANSWERS] +
                         # It looks for the drivers' daemons with its helper only, and says no mode over ssh.
                         [("the incumbent's", "virt-ssh-helper", *row) for row in WHO_ANSWERS if row[1] is None])
def test_which_daemon_over_there(sshd, far_daemons, pipe_main, helper_program, client, far_end, there, mode, answers):
    if client != "ours" and not PEER_VIRSH:
        pytest.skip("the incumbent is not installed")
    if far_end == "nc" and mode in (None, "auto"):  # as the incumbent: the old name, where it is there
        answers = "libvirtd"
    sshd.far_program("which", shutil.which("which"))
    sshd.far_program(far_end, helper_program if far_end == "virt-ssh-helper" else shutil.which("nc"))
    far_daemons(*there)
    build = os.path.dirname(os.path.dirname(os.path.dirname(pipe_main)))
    virsh = os.path.join(build, "virsh", "virsh") if client == "ours" else PEER_VIRSH
    uri = sshd.uri("/system", driver="qemu", **({"mode": mode} if mode else {}))
    done = subprocess.run([virsh, "-c", uri, "uri"], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    if answers:
        assert SAID_BY[answers] in done.stderr, done.stderr
    else:
        assert not any(said in done.stderr for said in SAID_BY.values())
        assert ("virtqemud-sock" if mode == "direct" else "libvirt-sock") in done.stderr
