# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon's certificates: that change, that are bad, that run out; read when they are needed."""
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

import pki_lab
from pki_lab import pki  # noqa: F401
from tls_lab import TlsWire, client_context, daemons, interop, live, open_one, private, put, shown, uri, wait_log  # noqa: F401

AUTH_FAILED, RPC = 45, 7


# ---- certificates that change

def test_a_new_certificate_is_taken(pki, daemons):
    first, second = pki.server(), pki.server()
    folder = pki.fresh("live")
    daemon = daemons.start(True, {**live(pki, first, folder), "tls_port": "17211"})
    assert shown(17211, pki) == pki.fingerprint(first)
    with TlsWire(17211, client_context(pki.good_client)) as old:
        old.open()
        put(second.cert, folder / "cert.pem")
        assert shown(17211, pki) == pki.fingerprint(second)
        assert old.alive()
        # a bad one: the one before it stays, and the log says so
        put("garbage\n", folder / "cert.pem")
        assert shown(17211, pki) == pki.fingerprint(second)
        wait_log(daemon, "the certificates loaded before stay in use")
        assert str(folder / "cert.pem") in daemon.log()
        put(pki.server(dates=pki_lab.EXPIRED).cert, folder / "cert.pem")
        assert shown(17211, pki) == pki.fingerprint(second)
        wait_log(daemon, "has expired")
        # another key alone does not fit; with its certificate it does
        put(pki.ca.key, folder / "key.pem")
        assert shown(17211, pki) == pki.fingerprint(second)
        put(first.key, folder / "key.pem")
        put(first.cert, folder / "cert.pem")
        assert shown(17211, pki) == pki.fingerprint(first)
        assert old.alive()


def test_a_new_authority_and_list(pki, daemons):
    """Who is let in changes with the files, too; and with the settings, at SIGHUP."""
    other = pki.authority("Next CA")
    theirs = pki.client_folder(pki.client(ca=other), path=None)
    folder = pki.fresh("live")
    conf = {**live(pki, pki.good_server, folder), "tls_port": "17212", "crl_file": str(folder / "crl.pem")}
    put(pki.crl(), folder / "crl.pem")
    daemon = daemons.start(True, conf)
    ours = pki.client_folder()
    ok = lambda f: open_one(uri(port=17212, pkipath=f, no_sanity=1))["ok"]
    assert ok(ours) and not ok(theirs)
    put(pki.ca.cert.read_text() + other.cert.read_text(), folder / "ca.pem")
    assert ok(ours) and ok(theirs)
    put(pki.crl(pki.good_client), folder / "crl.pem")
    assert not ok(ours)
    put(pki.crl(), folder / "crl.pem")
    assert ok(ours)
    daemon.conf.write_text(daemon.conf.read_text() + 'tls_allowed_dn_list = [ "CN=nobody" ]\n')
    daemon.proc.send_signal(signal.SIGHUP)
    end = time.monotonic() + 30
    while ok(ours):
        assert time.monotonic() < end
        time.sleep(0.05)


# ---- certificates that cannot be used

FAULTY = {
    "missing": ["cannot read", "cert.pem", "No such file"],
    "no key": ["cannot read", "key.pem"],
    "garbage": ["cert.pem", "no certificate in PEM format"],
    "expired": ["cert.pem", "has expired", "2021-01-01"],
    "of a client": ["not meant for a TLS server"],
    "other authority": ["cert.pem", "does not pass against the authority", "ca.pem"],
    "priority": ["NO-SUCH"],
}


@pytest.mark.parametrize("fault", FAULTY)
def test_bad_certificates_at_the_start(pki, fault, daemons):
    folder = pki.fresh("live")
    conf = {**live(pki, pki.good_server, folder), "tls_port": str(17220 + list(FAULTY).index(fault))}
    if fault == "missing":
        (folder / "cert.pem").unlink()
    elif fault == "no key":
        (folder / "key.pem").unlink()
    elif fault == "garbage":
        put("x\n", folder / "cert.pem")
    elif fault == "expired":
        put(pki.server(dates=pki_lab.EXPIRED).cert, folder / "cert.pem")
    elif fault == "of a client":
        put(pki.client().cert, folder / "cert.pem")
    elif fault == "other authority":
        put(pki.server(ca=pki.authority("X")).cert, folder / "cert.pem")
    else:
        conf["tls_priority"] = "NO-SUCH"
    daemon = daemons.start(True, conf)
    port = int(conf["tls_port"])
    for word in FAULTY[fault]:
        wait_log(daemon, word)
    if fault == "of a client":  # said, and used: the incumbent warns, too, unless the extension is critical
        return
    wait_log(daemon, "TLS clients are turned away until that is mended")
    assert open_one(daemon.uri())["ok"]
    result = open_one(uri(port=port, pkipath=pki.client_folder()))
    assert (result["code"], result["domain"]) == (AUTH_FAILED, RPC)
    wait_log(daemon, "a TLS client is turned away: ")
    if fault == "priority":
        return
    live(pki, pki.good_server, folder)
    assert open_one(uri(port=port, pkipath=pki.client_folder()))["ok"]


def test_unchecked_certificates_are_used(pki, daemons):
    folder = pki.fresh("live")
    daemons.start(True, {**live(pki, pki.server(dates=pki_lab.EXPIRED), folder), "tls_port": "17213",
                         "tls_no_sanity_certificate": 1})
    result = open_one(uri(port=17213, pkipath=pki.client_folder()))
    assert result["code"] == AUTH_FAILED and "it has expired" in result["text"]
    assert open_one(uri(port=17213, pkipath=pki.client_folder(), no_verify=1))["ok"]


def test_a_warning_before_the_end(pki, daemons):
    daemon = daemons.start(True, pki.server_conf(pki.server(dates=pki_lab.SOON), port=17214))
    wait_log(daemon, "' (O=Lab,CN=localhost) expires on 20")


def test_nothing_of_it_is_loaded_without_need(pki, daemons):
    """A daemon on unix sockets, and clients of it, have no GnuTLS in them."""
    plain = daemons.start(True, {"listen_tls": 1, "tls_port": "17215"}, args=())
    maps = lambda pid: Path(f"/proc/{pid}/maps").read_text()
    assert "gnutls" not in maps(plain.proc.pid)
    with_tls = daemons.start(True, pki.server_conf(port=17215))
    assert open_one(uri(port=17215, pkipath=pki.client_folder()))["ok"]
    assert "gnutls" in maps(with_tls.proc.pid)
    code = f"import libvirt; c = libvirt.open({plain.uri()!r}); print('gnutls' in open('/proc/self/maps').read())"
    done = interop.run(["/usr/bin/python3", "-c", code], env=interop.python_environment(True))
    assert done.stdout == "False\n", done.stderr


def test_sockets_of_the_service_manager(pki, daemons, tmp_path):
    """libvirtd-tls.socket, by its name; and any socket on tls_port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        folder = daemons.dir / "inherited"
        folder.mkdir()
        conf = folder / "c"
        conf.write_text(interop.conf_text({**pki.server_conf(port=17216), "unix_sock_dir": str(folder)}))
        script = ('import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), '
                  'LISTEN_FDNAMES="libvirtd-tls.socket"); os.set_inheritable(3, True); os.execv(sys.argv[2], sys.argv[2:])')
        proc = subprocess.Popen(["/usr/bin/python3", "-c", script, str(listener.fileno()), str(interop.OUR_LIBVIRTD), "-f", str(conf),
                                 "-p", str(folder / "pid")], pass_fds=[listener.fileno()], env=interop.environment(True),
                                stderr=subprocess.DEVNULL)
        try:
            assert open_one(uri(port=port, pkipath=pki.client_folder()))["ok"]
        finally:
            proc.terminate()
            assert proc.wait(60) == 0
