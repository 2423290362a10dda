# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing grows: a client that opens, calls and closes a thousand times, and a daemon whose clients come and go, in order
or in the middle of anything. Descriptors and threads stay the same; memory stays within what an allocator keeps."""
import os
import pathlib
import random
import socket
import subprocess
import time

import pytest

import growth
from interop_lab import environment, python_environment
from wire import Wire, optional, string, u32
import wire

LOOPS = pathlib.Path(__file__).with_name("leak_loops.py")
SANITIZED = bool(os.environ.get("FL_SANITIZE"))
TURNS = 100 if SANITIZED else 300  # of a round
WORKERS = 20  # of the daemon's pool, by default
LISTEN, SCREENSHOT, LOOKUP_BY_NAME, GET_XML = 316, 211, 23, 14


def grown(name, uri, turns=TURNS, timeout=300):
    if subprocess.run(["/usr/bin/python3", "-c", "import libvirt"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("no python3-libvirt")
    env = python_environment(MALLOC_ARENA_MAX=1)  # which thread fills which arena is chance
    done = subprocess.run(["/usr/bin/python3", str(LOOPS), name, uri, str(turns)], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout
    (fds, threads), (fds_after, threads_after) = [map(int, line.split()) for line in done.stdout.splitlines()]
    assert fds_after == fds, f"{name}: {fds_after - fds} descriptors are left open"
    assert threads_after <= max(threads, 2), f"{name}: {threads_after - threads} threads are left"


# ---- the client

@pytest.mark.parametrize("way", ["embedded", "unix", "tcp"])
@pytest.mark.parametrize("name", ["open_call_close", "objects_outlive_close", "errors", "threads"])
def test_a_client_a_thousand_times(shared_daemon, name, way):
    uri = {"embedded": "test:///default", "unix": shared_daemon.uri(), "tcp": shared_daemon.tcp_uri()}[way]
    grown(name, uri, TURNS if name != "threads" else TURNS // 4)


@pytest.mark.parametrize("name,way", [("events", "embedded"), ("events", "unix"), ("keepalive", "unix"), ("streams", "unix")])
def test_subscriptions_and_streams(shared_daemon, name, way):
    grown(name, "test:///default" if way == "embedded" else shared_daemon.uri(), TURNS // 2)


def test_connections_that_do_not_open(shared_daemon):
    grown("refused", shared_daemon.uri(), TURNS // 4)


def test_helpers_leave_no_zombies(shared_daemon, folder):
    """The ext transport starts a process each time."""
    relay = folder / "relay"
    relay.write_text(f"#!/bin/sh\nexec nc -U {shared_daemon.sock}\n")
    relay.chmod(0o755)
    grown("open_call_close", f"test+ext:///default?command={relay}", TURNS // 10)
    assert subprocess.run(["pgrep", "-f", str(shared_daemon.sock) + "$"], stdout=subprocess.PIPE).stdout == b""


# ---- the daemon

def assert_comes_and_goes(daemon, client, turns, each=1):
    growth.assert_daemon_stands_still(daemon, client, turns, each)
    assert daemon.status("Threads") <= WORKERS + 8


def session(rng):
    """The bytes of a whole connection: open, events, a stream, calls."""
    w = Wire.__new__(Wire)
    w.serial = 0
    frames = [w.frame(66), w.frame(1, optional("test:///default") + u32(0)), w.frame(LOOKUP_BY_NAME, string("test")),
              w.frame(LISTEN, u32(0, 0)), w.frame(273, u32(1, 0)), w.frame(7)]
    domain = string("test") + bytes(16) + u32(1)
    frames += [w.frame(GET_XML, domain + u32(0)), w.frame(SCREENSHOT, domain + u32(0, 0))]
    frames += [w.frame(rng.choice((14, 15, 16, 23, 57, 110, 273)), domain + u32(0)) for _ in range(10)]
    return b"".join(frames)


@pytest.mark.tsan
@pytest.mark.parametrize("how", ["cut", "reset", "unread"])
def test_connections_broken_at_random_bytes(start_daemon, how):
    daemon = start_daemon(conf={"min_workers": 2, "max_workers": 2})  # how many work at once decides how much is held at most
    rng = random.Random(how)

    def broken():
        data = session(rng)
        s = socket.socket(socket.AF_UNIX)
        s.connect(daemon.sock)  # before it has a time-out: without one it waits where the queue is full
        s.settimeout(30)
        with s:
            at = rng.randrange(len(data) + 1)
            try:
                s.sendall(data[:at])
                if how == "cut":
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(65536):
                        pass
                elif how == "reset" and at > 100:
                    s.recv(rng.randrange(1, 200))
            except OSError:
                pass

    assert_comes_and_goes(daemon, broken, TURNS, each=10)
    with Wire(daemon.sock) as c:
        assert c.open().alive()


@pytest.mark.tsan
def test_silent_clients(start_daemon):
    """Connected, never a byte; and opened, then silent: they are gone when their sockets are."""
    daemon = start_daemon()

    def crowd():
        sockets = []
        for _ in range(100):
            s = socket.socket(socket.AF_UNIX)
            s.connect(daemon.sock)
            sockets.append(s)
        opened = [Wire(daemon.sock).open() for _ in range(20)]
        for s in sockets + [w.sock for w in opened]:
            s.close()

    assert_comes_and_goes(daemon, crowd, 2, each=120)
    with Wire(daemon.sock) as c:
        assert c.open().alive()


@pytest.mark.tsan
def test_a_client_killed_in_the_middle(start_daemon, our_virsh):
    """A real client with subscriptions and a stream, gone by SIGKILL."""
    daemon = start_daemon()

    def killed():
        p = subprocess.Popen([our_virsh.path, "-c", daemon.uri(), "event", "--all", "--loop"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(True))
        time.sleep(0.05)
        p.kill()
        p.wait()

    assert_comes_and_goes(daemon, killed, 8)


@pytest.mark.tsan
def test_streams_left_open(start_daemon):
    daemon = start_daemon()

    def left():
        with Wire(daemon.sock) as c:
            c.open()
            found = c.call(LOOKUP_BY_NAME, string("test"))
            assert c.call(SCREENSHOT, found.payload + u32(0, 0)).status == wire.OK

    assert_comes_and_goes(daemon, left, TURNS // 10)
