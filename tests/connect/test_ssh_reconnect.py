# SPDX-License-Identifier: LGPL-2.1-or-later
"""reconnect=1 over each ssh transport (docs/reconnect.md): the far sshd's sessions are killed, and a second login, by key
or with the password of the first, stands behind the same connection."""
import sys

import pytest

from ssh_lab import PASSWORD, TRANSPORTS, client_of, far, ssh_lab  # noqa: F401
from tls_lab import ROOT, interop, private  # noqa: F401

sys.path.append(str(ROOT / "tests" / "interop"))
from held import LibvirtError, hold  # noqa: E402,F401


@pytest.fixture(scope="module", autouse=True)
def apart(private):  # noqa: F811
    """Before anything is started."""


@pytest.fixture
def daemon(far):  # noqa: F811
    """A real one at the far host's place for it."""
    d = interop.Daemon(far.folder / "d", conf={"unix_sock_rw_perms": "0777", "listen_tcp": 0})
    far.socket.unlink()
    far.socket.symlink_to(d.sock)
    yield d
    d.stop()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_by_key(far, daemon, client_of, hold, transport):  # noqa: F811
    user = client_of(transport)
    user.know()
    user.give_key()
    client = hold(user.uri("/default", driver="test", socket="/run/libvirt/libvirt-sock", reconnect=30), wrap=user.argv, env=user.environment())
    client.do("c.domainEventRegisterAny(None, 0, on_event, None); d = c.lookupByName('test')")
    for _ in range(2):
        far.server().end_sessions()
        assert client.do("d.info()[0]") == 1
    client.do("d.suspend(); d.resume(); wait(lambda: len(events) >= 2); time.sleep(0.1)")
    assert len(client.do("events")) == 2
    assert client.do("closed") == []


ANSWER = f"""
asked = []
def answer(creds, data):
    asked.append(len(creds))
    for c in creds:
        c[4] = {PASSWORD!r}
    return 0
"""


@pytest.mark.parametrize("transport", ["libssh", "libssh2"])
def test_by_the_password_of_the_first_login(far, daemon, client_of, hold, transport):  # noqa: F811
    user = client_of(transport)
    user.know()
    uri = user.uri("/default", driver="test", socket="/run/libvirt/libvirt-sock", reconnect=30, sshauth="password")
    client = hold("test:///default", wrap=user.argv, env=user.environment())
    client.do(ANSWER)
    client.do(f"x = libvirt.openAuth({uri!r}, [[2, 5, 6, 7, 8], answer, None], 0)")
    asked = client.do("len(asked)")
    assert asked > 0
    far.server().end_sessions()
    assert client.do("x.getHostname()")
    assert client.do("len(asked)") == asked
