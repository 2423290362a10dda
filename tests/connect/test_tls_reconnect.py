# SPDX-License-Identifier: LGPL-2.1-or-later
"""reconnect=1 over TLS (docs/reconnect.md): a second handshake behind the same connection; one that is refused ends it."""
import sys
import time

import pytest

from pki_lab import pki  # noqa: F401
from tls_lab import ROOT, daemons, interop, private, uri  # noqa: F401

sys.path.append(str(ROOT / "tests" / "interop"))
from held import LibvirtError, hold, middle  # noqa: E402,F401

INTERNAL_ERROR = 1


@pytest.fixture(scope="module")
def daemon(pki, daemons):
    return daemons.start(True, pki.server_conf(port=17240))


def test_handshakes_again(pki, daemon, hold, middle, tmp_path):
    wire = middle(daemon.tcp)
    client = hold(uri("127.0.0.1", wire.port, pkipath=pki.client_folder(), reconnect=1))
    client.do("n = c.domainEventRegisterAny(None, 0, on_event, None); d = c.lookupByName('test')")
    client.start(f"many(8, '{tmp_path}/enough', lambda i: d.info())")
    for times, reset in (2, False), (3, True):
        time.sleep(0.4)
        wire.cut(reset)
        assert interop.until(lambda: wire.seen == times)
    time.sleep(0.4)
    (tmp_path / "enough").touch()
    least, _, errors = client.result()
    assert errors == [] and least > 0
    assert wire.seen == 3
    assert client.do("c.isEncrypted()") == 1
    client.do("d.suspend(); d.resume(); wait(lambda: len(events) >= 2); time.sleep(0.1)")
    assert len(client.do("events")) == 2


def test_a_far_side_that_has_another_certificate_now(pki, daemon, daemons, hold, middle):
    """Somebody else at the same address is not taken for the one before: given up, and the error says why."""
    other = daemons.start(True, pki.server_conf(pki.server(cn="elsewhere", names=("elsewhere",), ips=()), port=17241))
    wire = middle(daemon.tcp)
    client = hold(uri("127.0.0.1", wire.port, pkipath=pki.client_folder(), reconnect=2))
    client.do("c.getHostname()")
    wire.target = other.tcp
    wire.cut()
    with pytest.raises(LibvirtError) as e:
        client.do("c.getHostname()")
    assert e.value.code == INTERNAL_ERROR and "tls: " in e.value.message, e.value
    assert e.value.seconds < 20
    assert client.do("wait(lambda: closed)")
