# SPDX-License-Identifier: LGPL-2.1-or-later
"""A daemon that listens for TLS does not pay for it before somebody comes with it: its certificates are looked at by a
process of its own, and what that finds is known here."""
import os
import re
import time
from pathlib import Path

import pytest

import pki_lab
from pki_lab import pki  # noqa: F401
from tls_lab import daemons, interop, live, private, put, shell, shown, uri, wait_log  # noqa: F401

RESIDENT_KIB = 6144  # idle, as the bench has it

pytestmark = pytest.mark.skipif(os.environ.get("FL_SANITIZE") is not None, reason="a sanitizer's build loads and takes more")


def has_gnutls(daemon):
    return "libgnutls" in Path(f"/proc/{daemon.proc.pid}/maps").read_text()


def settled(daemon):
    """Whoever checks the certificates has ended and is no zombie."""
    children = Path(f"/proc/{daemon.proc.pid}/task/{daemon.proc.pid}/children")
    end = time.monotonic() + 30
    while children.read_text():
        assert time.monotonic() < end, "a child is left"
        time.sleep(0.01)
    return daemon


def resident(daemon):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{daemon.proc.pid}/status").read_text()).group(1))


def test_gnutls_is_loaded_with_the_first_client(pki, daemons):
    server = pki.server()
    daemon = settled(daemons.start(True, {**live(pki, server, pki.fresh("idle")), "tls_port": "17251"}))
    assert shell(True).out("hostname", uri=daemon.uri())
    assert not has_gnutls(daemon) and resident(daemon) <= RESIDENT_KIB
    assert shell(True).out("hostname", uri=uri(port=17251, pkipath=pki.client_folder()))
    assert has_gnutls(daemon)
    assert shown(17251, pki) == pki.fingerprint(server)


def test_bad_certificates_take_no_memory_either(pki, daemons):
    folder, good = pki.fresh("idle-bad"), pki.server()
    conf = live(pki, pki.server(dates=pki_lab.EXPIRED), folder)
    daemon = settled(daemons.start(True, {**conf, "tls_port": "17252"}))
    wait_log(daemon, "has expired")
    wait_log(daemon, "TLS clients are turned away")
    assert shown(17252, pki) is None and not has_gnutls(daemon)
    put(good.key, folder / "key.pem")
    put(good.cert, folder / "cert.pem")
    assert shown(17252, pki) == pki.fingerprint(good)


def test_what_ends_soon_is_said_once(pki, daemons):
    daemon = settled(daemons.start(True, {**live(pki, pki.server(dates=pki_lab.SOON), pki.fresh("idle-soon")), "tls_port": "17253"}))
    wait_log(daemon, "tls: ")
    assert not has_gnutls(daemon)
    for _ in range(2):
        assert shown(17253, pki)
    assert daemon.log().count("tls: ") == 1, daemon.log()


def test_a_client_that_comes_first_need_not_wait(pki, daemons):
    """While the files cannot be read to the end, everybody else is served; the settings that are read again count."""
    folder, good = pki.fresh("idle-slow"), pki.server()
    conf = live(pki, good, folder)
    (folder / "key.pem").unlink()
    os.mkfifo(folder / "key.pem")
    daemon = daemons.start(True, {**conf, "tls_port": "17254"})
    assert shell(True).out("hostname", uri=daemon.uri())
    (folder / "key.pem").unlink()
    put(good.key, folder / "key.pem")
    assert shown(17254, pki) == pki.fingerprint(good)
