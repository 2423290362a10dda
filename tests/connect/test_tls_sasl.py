# SPDX-License-Identifier: LGPL-2.1-or-later
"""SASL inside TLS: the channel is encrypted already, so mechanisms that are not are fine; both libraries, both daemons."""
import importlib.util
import sys

import pytest

from pki_lab import pki  # noqa: F401
from tls_lab import CLIENTS, ROOT, daemons, interop, private, uri  # noqa: F401


def _sasl_lab():
    if "sasl_lab" not in sys.modules:
        spec = importlib.util.spec_from_file_location("sasl_lab", ROOT / "tests" / "interop" / "sasl_lab.py")
        sys.modules["sasl_lab"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["sasl_lab"])
    return sys.modules["sasl_lab"]


sasl = _sasl_lab()


@pytest.fixture(scope="module", params=["ours", "real"])
def daemon(request, pki, daemons):  # noqa: F811
    sasl.need_sasl()
    ours = request.param == "ours"
    env = sasl.sasl_environment(daemons.dir / f"sasl-{request.param}")
    return daemons.start(ours, dict(pki.server_conf(), auth_tls="sasl", tls_port="17231" if ours else "17232"), env=env)


@pytest.mark.parametrize("client", list(CLIENTS))
def test_mechanisms_inside_tls(pki, daemon, client):  # noqa: F811
    files = pki.client_folder()

    def login(auth=None, **how):
        return sasl.case(uri(port=daemon.tcp[1], pkipath=files, auth=auth), **how)

    good = [login(auth) for auth in (None, "sasl.PLAIN", "sasl.SCRAM-SHA-256", "sasl.DIGEST-MD5")]
    bad = [login(password="bad"), login("sasl.ANONYMOUS"), login("none")]
    results = sasl.log_in(good + bad, CLIENTS[client])
    for got in results[:len(good)]:
        assert got.get("encrypted") == 1 and got["secure"] == 1 and got["xml"] > 1000, got
        assert [c[0] for c in got["asked"][0]] == [sasl.AUTHNAME, sasl.PASSPHRASE]
    assert [got["code"] for got in results[len(good):]] == [45] * len(bad), results
