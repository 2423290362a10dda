# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ctrl-C in a terminal: the shell is back within a moment, the terminal is as it was, and no child is left."""
import fcntl
import os
import pathlib
import pty
import select
import signal
import socket
import subprocess
import termios
import time

import pytest

from interop_lab import OUR_VIRSH, environment, handles, until

BY_SIGNAL = (-signal.SIGINT, 130)  # a login shell shows 130 for both


class Terminal:
    """Our shell with a terminal of its own."""

    def __init__(self, *words, env=None):
        self.master, slave = pty.openpty()
        self.before = termios.tcgetattr(slave)
        self.slave = os.dup(slave)

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.proc = subprocess.Popen([OUR_VIRSH, *words], env=environment(True, TERM="dumb", **(env or {})), stdin=slave,
                                     stdout=slave, stderr=slave, preexec_fn=own_terminal)
        os.close(slave)
        self.seen = ""

    def wait_for(self, text, seconds=60):
        end = time.monotonic() + seconds
        while text not in self.seen and time.monotonic() < end:
            self.read(0.1)
        assert text in self.seen, self.seen
        return self

    def read(self, seconds):
        """Whether something came."""
        came = bool(select.select([self.master], [], [], seconds)[0])
        if came:
            self.seen += os.read(self.master, 4096).decode(errors="replace")
        return came

    def say(self, text):
        os.write(self.master, text.encode())

    def interrupt(self, seconds):
        """Ctrl-C; how the shell ended, which it must within so many seconds."""
        begun = time.monotonic()
        self.say("\x03")
        seconds += 20  # for a slow machine; where Ctrl-C does nothing, it takes half a minute at least
        while self.proc.poll() is None and time.monotonic() - begun < seconds:
            self.read(0.02)
        while self.read(0):  # its last words
            pass
        assert self.proc.poll() is not None, f"still there after {seconds} s: {self.seen}"
        after = termios.tcgetattr(self.slave)
        assert after[:4] == self.before[:4], "the terminal is not as it was"
        return self.proc.returncode

    def close(self):
        if self.proc.poll() is None:
            os.killpg(self.proc.pid, signal.SIGKILL)
            self.proc.wait()
        os.close(self.slave)
        os.close(self.master)


@pytest.fixture
def terminal(namespace):
    opened = []

    def open_one(*words, **more):
        opened.append(Terminal(*words, **more))
        return opened[-1]

    yield open_one
    for t in opened:
        t.close()


@pytest.fixture
def silent(folder):
    """Takes connections and never says a word."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
        listener.listen(8)
        yield listener, folder / "s"


def accepted(listener):
    listener.settimeout(60)
    return listener.accept()[0]


def test_a_silent_daemon(terminal, silent):
    listener, path = silent
    t = terminal("-c", f"qemu+unix:///system?socket={path}", "list")
    with accepted(listener):
        assert t.interrupt(2) in BY_SIGNAL


def test_a_black_hole(terminal):
    """The queue of a listener that is full drops what else comes: connecting hangs."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        held = [socket.socket() for _ in range(4)]
        for s in held:
            s.setblocking(False)
            s.connect_ex(hole.getsockname())
        t = terminal("-c", f"qemu+tcp://127.0.0.1:{hole.getsockname()[1]}/system", "list")
        time.sleep(0.5)
        assert t.proc.poll() is None and t.interrupt(2) in BY_SIGNAL
        for s in held:
            s.close()


def gone(pid_file):
    pid = int(pid_file.read_text())
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("transport, host", [("ssh", "far"), ("ext", "")])
def test_a_command_that_asks_on_the_terminal(terminal, folder, transport, host):
    script, pid = folder / "ssh", folder / "pid"
    script.write_text(f'#!/bin/sh\necho $$ >{pid}\nstty -echo </dev/tty\nprintf "password: " >/dev/tty\nread x </dev/tty\n')
    script.chmod(0o755)
    t = terminal("-c", f"qemu+{transport}://{host}/system?command={script}", "list").wait_for("password: ")
    assert t.interrupt(2) in BY_SIGNAL and gone(pid)


@pytest.mark.parametrize("dialogue", [False, True])
def test_a_password_that_is_asked_for(terminal, folder, dialogue):
    host = folder / "host.xml"
    host.write_text("<node><auth><user password='x'>u</user></auth></node>")
    if dialogue:
        t = terminal("-q").wait_for("virsh # ")
        t.say(f"connect test://{host}\n")
        t.wait_for("sername")
    else:
        t = terminal("-c", f"test://{host}", "list").wait_for(":")
    t.say("u\n")
    t.wait_for("assword")
    end = time.monotonic() + 30
    while termios.tcgetattr(t.slave)[3] & termios.ECHO and time.monotonic() < end:
        time.sleep(0.01)
    assert not termios.tcgetattr(t.slave)[3] & termios.ECHO
    assert t.interrupt(2) in BY_SIGNAL


def test_events_end_in_good_order(terminal, daemon):
    t = terminal("-c", daemon.uri(), "event", "--all", "--loop")
    assert until(lambda: handles(t.proc.pid, signal.SIGALRM))
    assert t.interrupt(3) == 1  # none was received
    assert "event loop interrupted" in t.seen and "events received: 0" in t.seen


def test_who_waits_for_one_event_counts_one(daemon, our_virsh):
    """Whatever comes along with it."""
    argv = [str(OUR_VIRSH), "-c", daemon.uri(), "event", "--event", "lifecycle", "--timeout", "60"]
    waiting = subprocess.Popen(argv, env=environment(True), text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        assert until(lambda: handles(waiting.pid, signal.SIGALRM))
        waiting.send_signal(signal.SIGSTOP)
        our_virsh.out("; ".join(["suspend test", "resume test"] * 5), uri=daemon.uri())
        waiting.send_signal(signal.SIGCONT)
        out, _ = waiting.communicate(timeout=120)
    finally:
        waiting.kill()
        waiting.wait()
    assert out == "event 'lifecycle' for domain 'test': Suspended Paused\nevents received: 1\n\n"
    assert waiting.returncode == 0


@pytest.mark.parametrize("words", [["event", "--all", "--loop"], None])
def test_a_daemon_that_stands_still(terminal, daemon, words):
    """While waiting for events, and in the middle of a call of the dialogue."""
    t = terminal("-k", "0", "-c", daemon.uri(), *(words or []))
    if words:
        assert until(lambda: handles(t.proc.pid, signal.SIGALRM))
    else:
        t.wait_for("virsh # ").say("list\n")
        t.wait_for("running")
    daemon.freeze()
    try:
        if not words:
            t.seen = ""
            t.say("list\n")
            t.wait_for("list\r\n")
            time.sleep(0.3)
        assert t.proc.poll() is None
        assert t.interrupt(4) in BY_SIGNAL
    finally:
        daemon.proc.send_signal(signal.SIGCONT)


def test_many_remotes_at_once(terminal, silent, folder):
    listener, path = silent
    conf = pathlib.Path("/etc/libvirt/libvirt.conf")
    conf.write_text(f'uri_aliases = [ "a=qemu+unix:///system?socket={path}", "b=qemu+unix:///system?socket={path}" ]\n')
    try:
        t = terminal("remote", "test")
        with accepted(listener) as one, accepted(listener) as two:
            assert t.interrupt(2) in BY_SIGNAL
            for s in (one, two):  # the children are gone, too
                s.settimeout(30)
                while s.recv(4096):
                    pass
    finally:
        conf.unlink()


def test_timeout_is_for_one_command(silent, our_virsh):
    begun = time.monotonic()
    done = our_virsh("--timeout", "1", "list", uri=f"qemu+unix:///system?socket={silent[1]}")
    assert done.returncode == 1 and time.monotonic() - begun < 20, done.stderr


def test_timeout_of_a_call(daemon, our_virsh, terminal):
    t = terminal("--timeout", "1", "-k", "0", "-c", daemon.uri()).wait_for("virsh # ")
    t.say("list\n")
    t.wait_for("running")
    daemon.freeze()
    try:
        t.say("list\n")
        t.wait_for("error:", 25)
    finally:
        daemon.proc.send_signal(signal.SIGCONT)
