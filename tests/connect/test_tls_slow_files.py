# SPDX-License-Identifier: LGPL-2.1-or-later
"""Certificates on a file system that takes its time: TLS clients wait for it, and nobody else does; nor does the daemon's end.

A lease stands for such a file system: whoever opens the file waits until the lease is given back."""
import contextlib
import fcntl
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from pki_lab import pki  # noqa: F401
from tls_lab import daemons, interop, live, open_one, private, shown, uri, wait_log  # noqa: F401

from wire import Wire

PATIENCE = 20  # less than the kernel has with who holds a lease


class Lease:
    """The file cannot be opened while this is held."""

    def __init__(self, path):
        if int(Path("/proc/sys/fs/lease-break-time").read_text()) < 2 * PATIENCE:
            pytest.skip("leases are broken too soon here")
        self.file = open(path, "r+b")
        end = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.fcntl(self.file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
                return
            except BlockingIOError:  # somebody has it open
                assert time.monotonic() < end
                time.sleep(0.01)
            except OSError as e:
                self.file.close()
                pytest.skip(f"no leases here: {e}")

    def wait_for_victim(self):
        end = time.monotonic() + PATIENCE
        while fcntl.fcntl(self.file, fcntl.F_GETLEASE) == fcntl.F_WRLCK:
            assert time.monotonic() < end, "nobody has opened the file"
            time.sleep(0.005)

    def give_back(self):
        self.file.close()


@contextlib.contextmanager
def lease(path):
    """Python would end at the signal that asks for it back."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    held = Lease(path)
    try:
        yield held
    finally:
        held.give_back()
        signal.signal(signal.SIGIO, before)


def served(daemon):
    with Wire(daemon.sock, timeout=PATIENCE) as w:
        return w.open().alive()


def test_others_are_served_while_certificates_are_read(pki, daemons):
    folder = pki.fresh("live")
    daemon = daemons.start(True, {**live(pki, pki.good_server, folder), "tls_port": "17241", "max_clients": 60, "log_level": 2})
    wait_log_of_start(daemon)
    with contextlib.ExitStack() as stack, lease(folder / "cert.pem") as held:
        for _ in range(40):
            stack.enter_context(socket.create_connection(("127.0.0.1", 17241), PATIENCE))
        held.wait_for_victim()
        assert all(served(daemon) for _ in range(8))
        # new settings are taken when they can be; the daemon hears signals all the while
        daemon.proc.send_signal(signal.SIGHUP)
        wait_log(daemon, "settings read again", PATIENCE)
        assert served(daemon)
        held.give_back()
        assert shown(17241, pki) == pki.fingerprint(pki.good_server)
        assert served(daemon)
    assert open_one(uri(port=17241, pkipath=pki.client_folder()))["ok"]


def wait_log_of_start(daemon):
    """The check at the start is over: the daemon has no child any more."""
    end = time.monotonic() + PATIENCE
    children = Path(f"/proc/{daemon.proc.pid}/task/{daemon.proc.pid}/children")
    while children.read_text():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_end_does_not_wait_for_certificates(pki, daemons):
    """A client is on its way in, and the thread that reads for it stands still."""
    folder = pki.fresh("live")
    daemon = daemons.start(True, {**live(pki, pki.good_server, folder), "tls_port": "17242"})
    wait_log_of_start(daemon)
    with lease(folder / "key.pem") as held, socket.create_connection(("127.0.0.1", 17242), PATIENCE):
        held.wait_for_victim()
        assert daemon.stop(timeout=PATIENCE) == 0


def test_nothing_waits_for_the_check_at_the_start(pki, daemons):
    """Ready, serving, and ended by a signal, while the process that checks the certificates stands still."""
    folder = pki.fresh("live")
    conf = {**live(pki, pki.good_server, folder), "tls_port": "17243"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, lease(folder / "ca.pem") as held:
        notify.bind(str(pki.fresh("n")))
        notify.settimeout(PATIENCE)
        daemon = daemons.start(True, conf, env={"NOTIFY_SOCKET": notify.getsockname()})
        held.wait_for_victim()
        assert served(daemon)
        assert b"READY=1" in notify.recv(4096)
        assert daemon.stop(timeout=PATIENCE) == 0


@pytest.mark.skipif(bool(os.environ.get("FL_SANITIZE")), reason="sanitizers must be loaded first")
def test_the_end_with_a_client_that_is_just_being_accepted(pki, daemons):
    """Its thread stands still between accepting and whatever comes next, while the one that reads the files ends; what is
    freed then is no memory any more."""
    folder = pki.fresh("live")
    daemon = daemons.start(True, {**live(pki, pki.good_server, folder), "tls_port": "17245"},
                           env={"LD_PRELOAD": interop.BUILD / "tests/connect/halt.so", "MALLOC_PERTURB_": "165"})
    wait_log_of_start(daemon)
    with socket.create_connection(("127.0.0.1", 17245), PATIENCE):
        wait_log(daemon, "halted", PATIENCE)
        assert daemon.stop(timeout=PATIENCE) == 0
